"""Judge by limits: the figures of a comparison and the limits on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal

from harness.baselines.baseline import Baseline
from harness.baselines.calibration import Calibration
from harness.cases.tolerance import Calibrated, Limits
from harness.judgement import after_steps, bits
from harness.judgement import reasons as r
from harness.judgement.calibration.findings import chaos_of, limit_notes
from harness.judgement.calibration.limits import StepLimits, calibrated_limits
from harness.judgement.calibration.spread import distance
from harness.judgement.judgement import Judgement, Verdict
from harness.judgement.metrics import check_exact, compare, statistic_deviation
from harness.judgement.rows import Row, metric_rows, statistic_rows
from harness.judgement.tiers import Tier, safety_factor
from harness.measurement.measurement import Measurement


def by_explicit_limits(
    context: Judgement, measured: Measurement, baseline: Baseline, limits: Limits
) -> Judgement:
    """Return ``context`` with the verdict on the output according to ``limits``.

    Raises :class:`UsageError` for integers whose differences are not exact.
    """
    check_exact(measured.output, baseline.measurement.output)
    rows = output_rows(measured, baseline.measurement, limits)
    notes: tuple[r.Reason, ...] = ()
    if baseline.calibration is not None:
        same = context.tier is Tier.SAME_ENVIRONMENT
        notes = limit_notes(limits, baseline, baseline.calibration, same_environment=same)
    return _decided(context, measured, baseline, rows, notes)


def by_calibration(
    context: Judgement, measured: Measurement, baseline: Baseline, calibration: Calibration, factor: float
) -> Judgement:
    """Return ``context`` with the verdict of calibrated limits on the output and on the latents of each step.

    If the case is chaotic, only the steps before that point are judged. They can show drift, but staying
    within their limits says nothing about the output, so the case is ``incomparable``. Raises
    :class:`UsageError` for integers whose differences are not exact.
    """
    check_exact(measured.output, baseline.measurement.output)
    limits = calibrated_limits(baseline, calibration, factor)
    stored = baseline.measurement
    rows = [*output_rows(measured, stored, limits.output), *step_rows(measured, stored, limits.steps)]
    judged = _decided(context, measured, baseline, rows, ())
    alone = tuple(after_steps.decoder_rows(measured, stored, calibration.decoder, factor))
    judged = replace(judged, rows=(*judged.rows, *alone))
    if changed := after_steps.decoder_reasons(alone, stored):
        judged = replace(judged, verdict=Verdict.DRIFT, reasons=(*changed, *judged.reasons))
    if limits.output is not None or judged.verdict is Verdict.DRIFT:
        return judged
    return replace(judged, verdict=Verdict.INCOMPARABLE, reasons=(chaos_of(calibration),))


def possible_rows(
    baseline: Baseline, tier: Tier, asked: Limits | Calibrated | Literal["exact"] | None
) -> Iterator[Row]:
    """Yield every row, of any step, that a run within the limits ``asked`` for in ``tier`` can have.

    The figures are those of ``baseline`` compared with itself. Yields nothing if no run can be ``within``
    limits.
    """
    stored, calibration = baseline.measurement, baseline.calibration
    if isinstance(asked, Limits):
        yield from output_rows(stored, stored, asked)
    elif isinstance(asked, Calibrated) and calibration is not None:
        factor = safety_factor(tier, asked, calibration)
        limits = calibrated_limits(baseline, calibration, factor)
        if limits.output is not None:
            yield from output_rows(stored, stored, limits.output)
            yield from _all_step_rows(stored, stored, limits.steps)
            yield from after_steps.possible_rows(stored, calibration.decoder, factor)


def output_rows(measured: Measurement, stored: Measurement, limits: Limits | None) -> list[Row]:
    """Return one row per metric and statistic of the output. Without ``limits``, none of them decides."""
    found = compare(measured.output, stored.output, dtype=measured.output_dtype)
    rows = list(metric_rows(found, limits, measured.output))
    rows += statistic_rows(measured.statistics, stored.statistics, limits)
    return rows


def step_rows(measured: Measurement, stored: Measurement, limits: Sequence[StepLimits]) -> Iterator[Row]:
    """Yield, for each statistic of the latents, the row of the step that uses the largest part of its limit.

    The relative L2 distance of the latents is included if both measurements keep latents.
    """
    worst: dict[str, Row] = {}
    for row in _all_step_rows(measured, stored, limits):
        if row.figure not in worst or (row.used or 0.0) > (worst[row.figure].used or 0.0):
            worst[row.figure] = row
    yield from worst.values()


def _all_step_rows(measured: Measurement, stored: Measurement, limits: Sequence[StepLimits]) -> Iterator[Row]:
    for index, limit in enumerate(limits):
        if index >= min(len(measured.trace), len(stored.trace)):
            return
        of_step = partial(Row, part="latents", step=limit.step)
        if measured.latents is not None and stored.latents is not None:
            ours, theirs = measured.latents[index], stored.latents[index]
            if ours.shape == theirs.shape:
                moved = distance(ours, theirs)
                yield of_step("relative_l2", moved, limit.relative_l2, moved <= limit.relative_l2)
            else:
                unlike = r.LatentsCannotBeCompared(ours.shape, theirs.shape)
                yield of_step("relative_l2", None, limit.relative_l2, passed=False, absence=unlike)
        values, references = measured.trace[index].statistics, stored.trace[index].statistics
        for name, most in limit.statistics.items():
            deviation = statistic_deviation(name, values[name], references)
            judged = of_step(name, deviation, most, deviation <= most)
            yield replace(judged, value=values[name], baseline=references[name])


def _decided(
    context: Judgement,
    measured: Measurement,
    baseline: Baseline,
    rows: Sequence[Row],
    notes: tuple[r.Reason, ...],
) -> Judgement:
    failed = failures("output", rows)
    step = bits.first_changed_step(measured, baseline.measurement)
    return replace(
        context,
        verdict=Verdict.DRIFT if failed else Verdict.WITHIN,
        rows=tuple(rows),
        reasons=tuple(failed),
        notes=(*context.notes, *notes, *(() if step is None else (step,))),
    )


def failures(subject: r.Subject, rows: Sequence[Row]) -> list[r.Reason]:
    """Return one reason for all rows that exceed their limits; empty if no row does."""
    limited = [row for row in rows if row.passed is not None]
    failed = [row for row in limited if not row.passed]
    reasons: list[r.Reason] = [
        r.NotJudged(row.name, row.absence) for row in failed if row.absence is not None
    ]
    if over := [row for row in failed if row.measured is not None]:
        worst = max(over, key=lambda row: row.used or 0.0)
        assert worst.measured is not None
        assert worst.limit is not None
        figure = (worst.name, worst.measured, worst.limit, worst.at_least)
        reasons.append(r.LimitsExceeded(subject, len(over), len(limited), *figure))
    return reasons
