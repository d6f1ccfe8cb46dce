"""Vacuity at a glance: find, without a run, whether a recorded case notices anything at all."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from harness.baselines.baseline import Baseline
from harness.cases.case import Case
from harness.cases.tolerance import Calibrated, Limits
from harness.faults.catalogue import FAULTS, FaultNotApplicable
from harness.judgement.power.detection import TIER, detect, with_output_fault
from harness.judgement.reasons import ConstantOutput, PassesOutputFaults, SizedFault


def vacuous_output(case: Case, baseline: Baseline) -> ConstantOutput | PassesOutputFaults | None:
    """Return why ``case`` would pass whatever its output is, or None if it would not.

    Every output fault is put into the recorded output at its reference size and judged at the tolerance
    across releases. A case that catches none is vacuous. So is a case that compares only an output whose
    values are all the same number, because no computation produces such an image. ``harness power`` also puts
    faults into the computation and may find more.

    Also returns None if nothing can be judged yet, or nothing is judged across releases: an uncalibrated case
    without limits of its own, a chaotic case (calibration says so), a ``strict`` case, or an output that no
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
    # Explicit limits apply only to the output. Other limits also apply to the latents of every step.
    if isinstance(tolerance, Limits) and (output == output.flat[0]).all():
        return ConstantOutput(output.size, float(output.flat[0]), *place)
    missed: list[tuple[float, SizedFault]] = []
    for fault in (fault for fault in FAULTS if fault.family == "output"):
        with suppress(FaultNotApplicable):
            # What the host does is judged whatever the tolerance.
            sound = replace(baseline.measurement, host=None)
            faulty = with_output_fault(sound, fault, fault.reference)
            found = detect(case, faulty, baseline)
            if found.caught:
                return None
            missed.append((found.margin or 0.0, SizedFault(fault.name, fault.reference)))
    if not missed:
        return None
    margin, nearest = max(missed, key=lambda each: each[0])
    return PassesOutputFaults(tuple(fault for _, fault in missed), nearest, margin, *place)
