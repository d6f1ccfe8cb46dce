"""Vacuity at a glance: does a recorded case notice anything at all? Without a run."""

from __future__ import annotations

from contextlib import suppress

from harness.baselines.baseline import Baseline
from harness.cases.case import Case
from harness.cases.tolerance import Calibrated, Limits
from harness.faults.catalogue import FAULTS, FaultNotApplicable
from harness.judgement.power.detection import TIER, detect, with_output_fault
from harness.judgement.reasons import ConstantOutput, PassesOutputFaults, SizedFault


def vacuous_output(case: Case, baseline: Baseline) -> ConstantOutput | PassesOutputFaults | None:
    """Return why ``case`` would pass whatever its output is; None where it would not.

    Every fault of the output, at its reference size, is put into the recorded output and judged at the
    tolerance across releases. A case that catches none is vacuous, and so is one that compares nothing but an
    output of which all values are the same number: that is no image of anything computed. ``harness power``
    puts faults into the computation as well and may find more.

    None also where nothing can be judged yet, or is not judged across releases: a case that is not calibrated
    and has no limits of its own, a chaotic one (calibrating says so), a ``strict`` one, an output that no
    fault can be put into.
    """
    tolerance = case.tolerance.across_releases
    if case.strict:
        return None
    if isinstance(tolerance, Calibrated):
        calibration = baseline.calibration
        if calibration is None or calibration.chaos is not None:
            return None
    place = (TIER.value, str(case.path), case.line)
    output = baseline.measurement.output
    # Explicit limits are on the output; others are on the latents of every step as well.
    if isinstance(tolerance, Limits) and (output == output.flat[0]).all():
        return ConstantOutput(output.size, float(output.flat[0]), *place)
    missed: list[tuple[float, SizedFault]] = []
    for fault in (fault for fault in FAULTS if fault.family == "output"):
        with suppress(FaultNotApplicable):
            faulty = with_output_fault(baseline.measurement, fault, fault.reference)
            found = detect(case, faulty, baseline)
            if found.caught:
                return None
            missed.append((found.margin or 0.0, SizedFault(fault.name, fault.reference)))
    if not missed:
        return None
    margin, nearest = max(missed, key=lambda each: each[0])
    return PassesOutputFaults(tuple(fault for _, fault in missed), nearest, margin, *place)
