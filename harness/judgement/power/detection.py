"""Detection: whether a faulty run is told apart from a sound one at the tolerance across releases."""

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
from harness.measurement.after_steps import moved_output
from harness.measurement.measurement import Measurement
from harness.measurement.statistics import summarise

# Exact comparison, which the same environment uses, catches every change and proves nothing.
TIER = Tier.ACROSS_RELEASES


@dataclass(frozen=True)
class Detection:
    """The result of judging one faulty run.

    ``by`` is what caught it: ``checkpoint``, ``hard failure``, ``ledger`` or ``schedule``, which are exact
    facts that rounding cannot explain. Otherwise it is the row name of the limit that is exceeded most, or
    ``bits`` if the tolerance is exact and no figure shows the change. ``numbers_alone`` is whether the run
    would be caught without those facts. ``margin`` is :attr:`Judgement.margin`: how many times larger the
    difference is than the largest that passes, or None if nothing was limited.
    """

    caught: bool
    by: str | None = None
    margin: float | None = None
    numbers_alone: bool = False


def tolerance_used(case: Case, baseline: Baseline) -> dict[str, Any] | None:
    """Return the tolerance across releases as :class:`CasePower` stores it; None without a calibration."""
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
    """Return what the run of ``measurement`` would have produced with the output fault ``fault``.

    No run is needed, because such a fault changes only the array that the pipeline returns. Raises
    :class:`harness.faults.catalogue.FaultNotApplicable` if the array lacks what the fault would change.
    """
    output = apply_output_fault(fault.name, size, measurement.output)
    singles = measurement.singles
    return replace(
        measurement,
        output=output,
        statistics=summarise(output),
        host=moved_output(measurement.host, measurement.output, output),
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
