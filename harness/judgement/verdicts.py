"""Verdicts: compare one measurement with one baseline."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from harness.baselines.baseline import Baseline, device_key
from harness.baselines.errors import BaselineUnusable
from harness.baselines.staleness import stale
from harness.cases.case import Case
from harness.cases.tolerance import Calibrated, Limits
from harness.judgement import after_steps, bits
from harness.judgement import reasons as r
from harness.judgement.facts import fact_changes, fact_notes
from harness.judgement.failures import reason_of
from harness.judgement.hard import form_failures, hard_failures, value_failures
from harness.judgement.judgement import Judgement, Verdict
from harness.judgement.limited import (
    by_calibration,
    by_explicit_limits,
    failures,
    output_rows,
    possible_rows,
)
from harness.judgement.metrics import compare
from harness.judgement.rows import Row, changed_statistic_rows, metric_rows, statistic_rows
from harness.judgement.second_call import not_called_twice, state_left
from harness.judgement.tiers import (
    Tier,
    calibration_remedy,
    choose_tier,
    fingerprint_differences,
    safety_factor,
)
from harness.measurement.measurement import Measurement
from harness.measurement.statistics import summarise
from harness.remedy import Remedy


def judge(
    case: Case,
    measurement: Measurement,
    baseline: Baseline,
    *,
    tier: Tier | None = None,
    uncalibrated: BaselineUnusable | Remedy | None = None,
) -> Judgement:
    """Return the verdict on ``measurement``, one run of ``case``, compared with ``baseline``.

    The fingerprints choose the tier. If ``tier`` is given, it is used whatever the environments are; power is
    measured this way. ``uncalibrated`` says what to do about a ``baseline`` without a calibration, or what is
    wrong with the one that the calibration would have come from. Without it, that follows from the tier.

    The rules apply in this order. A baseline recorded for another definition of the case is an ``error``.
    What rounding cannot explain (a second call with other bits, different weights, parameters, noise or
    schedule, a hard failure, a batch that differs from its single images) is ``drift`` in every tier. A
    ``strict`` case outside its baseline's environment is ``incomparable``, and so is a case without limits
    for the tier. ``exact`` requires the same bits throughout: output, latents of every step, single images,
    statistics. Other limits decide by metrics and statistics, and an output with the same bits is
    ``identical`` there, too. Calibrated limits also apply to the latents of every step.
    """
    context = _context(case, measurement, baseline, tier)
    if (edited := stale(case, baseline)) is not None:
        told = (reason_of(edited),)
        return replace(context, verdict=Verdict.ERROR, tier=None, reasons=told, remedy=edited.remedy)
    if case.batch_consistency is not None and measurement.singles is None:
        return replace(context, verdict=Verdict.ERROR, reasons=(r.NoSingles(),))

    assert context.tier is not None
    hard = hard_failures(measurement, baseline.measurement)
    batch_rows, batch_reasons = _batch_consistency(case, measurement)
    host_rows = after_steps.host_rows(measurement, baseline.measurement)
    host_reasons = after_steps.host_reasons(host_rows, baseline.measurement)
    facts = [
        state_left(measurement),
        bits.checkpoint_change(measurement, baseline.measurement),
        *fact_changes(measurement, baseline.measurement, context.tier),
        *hard,
        bits.ledger_change(measurement, baseline.measurement),
        bits.schedule_change(measurement, baseline.measurement),
        *host_reasons,
        *batch_reasons,
    ]
    found = _compared(case, measurement, baseline, context, comparable=not hard, uncalibrated=uncalibrated)
    drifted = [fact for fact in facts if fact is not None]
    verdict = Verdict.DRIFT if drifted else found.verdict
    # A case that is not compared uses no part of any limit.
    host_rows = [] if verdict is Verdict.INCOMPARABLE else host_rows
    rows = (*found.rows, *batch_rows, *host_rows)
    return replace(found, verdict=verdict, rows=rows, reasons=(*drifted, *found.reasons))


def limited_rows(case: Case, baseline: Baseline, tier: Tier, verdict: Verdict) -> dict[str, Row] | None:
    """Return the rows with limits that ``case`` can have if it passes with ``verdict`` in ``tier``.

    They are keyed by name, with the figures of ``baseline`` compared with itself. Returns None if the case
    cannot pass with that verdict.
    """
    if case.strict and tier is not Tier.SAME_ENVIRONMENT:
        return None
    rows, _ = _batch_consistency(case, baseline.measurement)
    rows += after_steps.possible_host_rows(baseline.measurement)
    if verdict is Verdict.WITHIN:
        if not (own := list(possible_rows(baseline, tier, getattr(case.tolerance, tier.value)))):
            return None
        rows += own
    return {row.name: row for row in rows if row.limit is not None}


def _context(case: Case, measurement: Measurement, baseline: Baseline, asked: Tier | None) -> Judgement:
    """Return everything known before the comparison, with a placeholder verdict."""
    stored = baseline.measurement
    tier = asked or choose_tier(measurement.fingerprint, stored.fingerprint)
    notes: list[r.Reason] = []
    own = device_key(measurement.fingerprint)
    if own != baseline.device:
        notes.append(r.OtherDevice(own, baseline.device))
    operators = bits.changed_operators(measurement, stored)
    if operators:
        notes.append(r.OperatorsDiffer(operators))
    if parts := bits.parts_not_covered(measurement):
        notes.append(r.NotCovered(parts))
    notes += fact_notes(measurement, stored, tier)
    if (unseen := after_steps.host_not_observed(measurement, stored)) is not None:
        notes.append(unseen)
    if (not_called := not_called_twice(case, measurement)) is not None:
        notes.append(not_called)
    if measurement.changes:
        notes.append(r.ProcessChanged(measurement.changes))
    return Judgement(
        suite=case.suite,
        case_id=case.id,
        verdict=Verdict.ERROR,
        tier=tier,
        differences=fingerprint_differences(measurement.fingerprint, stored.fingerprint),
        notes=tuple(notes),
        changed_operators=operators,
        baseline_path=None if baseline.path is None else str(baseline.path),
        baseline_device=baseline.device,
    )


def _compared(
    case: Case,
    measured: Measurement,
    baseline: Baseline,
    context: Judgement,
    *,
    comparable: bool,
    uncalibrated: BaselineUnusable | Remedy | None,
) -> Judgement:
    """Compare as the tier requires. Without ``comparable``, no values can be compared with each other."""
    tier, stored = context.tier, baseline.measurement
    assert tier is not None

    def incomparable(reason: r.Reason) -> Judgement:
        """Return the judgement with all figures, none of which decides."""
        rows = tuple(output_rows(measured, stored, None)) if comparable else ()
        return replace(context, verdict=Verdict.INCOMPARABLE, rows=rows, reasons=(reason,))

    limits: Limits | Calibrated | Literal["exact"] | None = getattr(case.tolerance, tier.value)
    if case.strict and tier is not Tier.SAME_ENVIRONMENT:
        return incomparable(r.StrictElsewhere(tier.value))
    if limits == "exact":
        return _exact(context, measured, stored, comparable=comparable)
    # Explicit limits apply only to the output, all others also to the latents.
    moved = None if isinstance(limits, Limits) else bits.first_changed_step(measured, stored)
    if comparable and moved is None and bits.same_bits(measured.output, stored.output):
        return replace(context, verdict=Verdict.IDENTICAL)
    if limits is None:
        return incomparable(r.NoLimits(tier.value, str(case.path), case.line))
    if not comparable:
        return replace(context, verdict=Verdict.DRIFT)
    if isinstance(limits, Limits):
        return by_explicit_limits(context, measured, baseline, limits)
    if baseline.calibration is not None:
        factor = safety_factor(tier, limits, baseline.calibration)
        return by_calibration(context, measured, baseline, baseline.calibration, factor)
    if isinstance(uncalibrated, BaselineUnusable):
        lacking, remedy = reason_of(uncalibrated), uncalibrated.remedy
    else:
        lacking, remedy = None, uncalibrated or calibration_remedy(case, baseline.device, tier)
    context = replace(context, remedy=remedy)
    return incomparable(r.Uncalibrated(tier.value, str(case.path), case.line, lacking))


def _exact(context: Judgement, measured: Measurement, stored: Measurement, *, comparable: bool) -> Judgement:
    changed = bits.changed_parts(measured, stored)
    if not changed:
        return replace(context, verdict=Verdict.IDENTICAL)
    rows: list[Row] = []
    if comparable:
        differing = bits.differing_values(measured.output, stored.output)
        rows.append(Row("differing_values", float(differing), 0.0, passed=differing == 0))
        found = compare(measured.output, stored.output, dtype=measured.output_dtype)
        rows += metric_rows(found, None, measured.output)
        rows += changed_statistic_rows(measured, stored)
    return replace(context, verdict=Verdict.DRIFT, rows=tuple(rows), reasons=changed)


def _batch_consistency(case: Case, measured: Measurement) -> tuple[list[Row], list[r.Reason]]:
    """Compare image i of the batch with the single image of its seed, both from this measurement."""
    limits, output, singles = case.batch_consistency, measured.output, measured.singles
    if limits is None or singles is None:
        return [], []
    unfit = form_failures("batch", output, singles) + value_failures("singles", singles)
    if unfit or value_failures("batch", output):
        return [], unfit
    rows = [
        *metric_rows(compare(output, singles, dtype=measured.output_dtype), limits, output, "batch"),
        *statistic_rows(summarise(output), summarise(singles), limits, "batch"),
    ]
    limited = [row for row in rows if row.passed is not None]
    return limited, failures("batch", limited)
