"""Detection: is a run with a fault in it told from a sound one, at the tolerance across releases?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.baselines.baseline import Baseline
from harness.cases.case import Case
from harness.faults.catalogue import Fault
from harness.faults.output import apply_output_fault
from harness.judgement import bits
from harness.judgement.hard import hard_failures
from harness.judgement.judgement import Judgement, Verdict
from harness.judgement.reasons import Reason
from harness.judgement.tiers import Tier
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
    facts = _facts(measurement, baseline.measurement)
    known = {reason for _, reasons in facts for reason in reasons}
    caught = judgement.verdict is Verdict.DRIFT
    return Detection(
        caught=caught,
        by=_by(facts, judgement) if caught else None,
        margin=judgement.margin,
        numbers_alone=caught and any(reason not in known for reason in judgement.reasons),
    )


def _facts(measured: Measurement, stored: Measurement) -> tuple[tuple[str, Sequence[Reason]], ...]:
    """Return the exact facts that differ, by name, with the reasons that a judgement gives for them."""
    found = (
        ("checkpoint", (bits.checkpoint_change(measured, stored),)),
        ("hard failure", hard_failures(measured, stored)),
        ("ledger", (bits.ledger_change(measured, stored),)),
        ("schedule", (bits.schedule_change(measured, stored),)),
    )
    listed = ((name, [each for each in reasons if each is not None]) for name, reasons in found)
    return tuple((name, reasons) for name, reasons in listed if reasons)


def _by(facts: Sequence[tuple[str, Sequence[Reason]]], judgement: Judgement) -> str:
    if facts:
        return facts[0][0]
    failed = [row for row in judgement.rows if row.passed is False]
    return max(failed, key=lambda row: row.used or 0.0).name if failed else "bits"
