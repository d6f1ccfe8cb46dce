"""Detection: is a faulty run distinguished from a sound one, at the tolerance across releases?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from harness.baselines.baseline import Baseline
from harness.cases.case import Case
from harness.cases.tolerance import Calibrated, Limits
from harness.faults.catalogue import Fault
from harness.faults.output import apply_output_fault
from harness.judgement import bits
from harness.judgement.hard import hard_failures
from harness.judgement.judgement import Verdict
from harness.judgement.tiers import Tier, safety_factor
from harness.judgement.verdicts import judge
from harness.measurement.measurement import Measurement
from harness.measurement.statistics import summarise

# Exact comparison, that of the same environment, catches every change and proves nothing.
TIER = Tier.ACROSS_RELEASES


@dataclass(frozen=True)
class Detection:
    """What the judgement of one faulty run came to.

    ``by`` is what caught it: ``checkpoint``, ``hard failure``, ``ledger`` or ``schedule``, exact facts that
    rounding cannot explain; else the limit that is exceeded most, by the name of its row (``bits`` where the
    tolerance is exact and no figure shows the change). ``numbers_alone`` is whether it would be caught
    without those facts. ``margin`` is :attr:`Judgement.margin`: how many times larger the difference is than
    the largest that passes, None where nothing was limited.
    """

    caught: bool
    by: str | None = None
    margin: float | None = None
    numbers_alone: bool = False


def tolerance_used(case: Case, baseline: Baseline) -> dict[str, Any] | None:
    """Return the tolerance across releases as :class:`CasePower` keeps it, None for want of a calibration."""
    tolerance = case.tolerance.across_releases
    if isinstance(tolerance, Limits):
        return {"kind": "limits", "limits": tolerance.given()}
    if not isinstance(tolerance, Calibrated):
        return {"kind": "exact"}
    calibration = baseline.calibration
    if calibration is None:
        return None
    factor = safety_factor(TIER, tolerance, calibration)
    return {"kind": "calibrated", "factor": factor, "members": len(calibration.members)}


def with_output_fault(measurement: Measurement, fault: Fault, size: float | None) -> Measurement:
    """Return what the run of ``measurement`` would have yielded with ``fault``, one of the output, in it.

    No run is needed: such a fault changes the array that the pipeline returns, and nothing before it. Raises
    :class:`harness.faults.catalogue.FaultNotApplicable` for an array that has not got what it would change.
    """
    output = apply_output_fault(fault.name, size, measurement.output)
    singles = measurement.singles
    return replace(
        measurement,
        output=output,
        statistics=summarise(output),
        singles=None if singles is None else apply_output_fault(fault.name, size, singles),
    )


def detect(case: Case, measurement: Measurement, baseline: Baseline) -> Detection:
    """Return whether the faulty ``measurement`` of ``case`` drifts from ``baseline`` across releases."""
    judgement = judge(case, measurement, baseline, tier=TIER)
    if judgement.verdict is not Verdict.DRIFT:
        return Detection(caught=False, margin=judgement.margin)
    stored = baseline.measurement
    # The exact facts that differ, in the order of a judgement's reasons.
    facts = {
        "checkpoint": (bits.checkpoint_change(measurement, stored),),
        "hard failure": hard_failures(measurement, stored),
        "ledger": (bits.ledger_change(measurement, stored),),
        "schedule": (bits.schedule_change(measurement, stored),),
    }
    exact = {reason: name for name, reasons in facts.items() for reason in reasons if reason is not None}
    failed = [row for row in judgement.rows if row.passed is False]
    most = max(failed, key=lambda row: row.used or 0.0).name if failed else "bits"
    return Detection(
        caught=True,
        by=next(iter(exact.values()), most),
        margin=judgement.margin,
        numbers_alone=not exact.keys() >= set(judgement.reasons),
    )
