"""Vacuity at a glance: does a recorded case notice anything at all? Without a run."""

from __future__ import annotations

from harness.baselines.baseline import Baseline
from harness.baselines.errors import shown
from harness.cases.case import Case
from harness.cases.tolerance import Calibrated, Limits
from harness.faults.catalogue import FAULTS, Fault, FaultNotApplicable
from harness.judgement.power.detection import TIER, Detection, detect, with_output_fault


def vacuous_output(case: Case, baseline: Baseline) -> str | None:
    """Return why ``case`` would pass whatever its output is, with the numbers; None where it would not.

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
    name = case.name
    remedy = f"at {shown(case.path)}:{case.line}"
    output = baseline.measurement.output
    # Explicit limits are on the output; others are on the latents of every step as well.
    if isinstance(tolerance, Limits) and (output == output.flat[0]).all():
        return (
            f"{name} is vacuous: all {output.size} values of its output are {output.flat[0]:g}, so "
            f"nothing that goes wrong before shows in them, and `tolerance.{TIER.value}` {remedy} limits "
            "nothing else. Repair the case, or remove these limits: `calibrated` is on the latents as well"
        )
    found = _detections(case, baseline)
    if not found or any(detection.caught for _, detection in found):
        return None
    nearest, detection = max(found, key=lambda each: each[1].margin or 0.0)
    return (
        f"{name} is vacuous: at its tolerance across releases it passes each of {len(found)} faults put into "
        f"its output ({', '.join(_sized(fault) for fault, _ in found)}). {_sized(nearest)} comes nearest, a "
        f"difference {detection.margin or 0.0:.2g} times the one that would be caught. Tighten "
        f"`tolerance.{TIER.value}` {remedy}, or remove it: `calibrated` is measured"
    )


def _detections(case: Case, baseline: Baseline) -> list[tuple[Fault, Detection]]:
    found = []
    for fault in FAULTS:
        if fault.family != "output":
            continue
        try:
            measurement = with_output_fault(baseline.measurement, fault, fault.reference)
        except FaultNotApplicable:
            continue
        found.append((fault, detect(case, measurement, baseline)))
    return found


def _sized(fault: Fault) -> str:
    return fault.name if fault.reference is None else f"{fault.name} {fault.reference:g}"
