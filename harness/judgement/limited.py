"""Judging by limits: the figures of a comparison beside what they may be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from harness.baselines.baseline import Baseline
from harness.baselines.calibration import Calibration
from harness.cases.tolerance import Calibrated, Limits
from harness.judgement import bits
from harness.judgement.calibration.explicit import limit_notes
from harness.judgement.calibration.findings import chaos_text
from harness.judgement.calibration.limits import StepLimits, calibrated_limits
from harness.judgement.calibration.spread import distance
from harness.judgement.deviations import statistic_deviation
from harness.judgement.judgement import Judgement, Verdict
from harness.judgement.metrics import compare
from harness.judgement.rows import Row, metric_rows, statistic_rows
from harness.judgement.tiers import Tier
from harness.measurement.measurement import Array, Measurement

# ISA and cores moved the shipped cases by up to 1.8 times the envelope, a release by up to 1.1 times
# (docs/judging.md), so across devices the safety factor is this many times what it is across releases.
DEVICE_FACTOR = 2.5


def by_explicit_limits(
    context: Judgement, measured: Measurement, baseline: Baseline, limits: Limits
) -> Judgement:
    """Return ``context`` with the verdict of ``limits`` on the output."""
    rows = output_rows(measured, baseline.measurement, limits)
    notes: tuple[str, ...] = ()
    if baseline.calibration is not None:
        same = context.tier is Tier.SAME_ENVIRONMENT
        notes = limit_notes(limits, baseline, baseline.calibration, same_environment=same)
    return _decided(context, measured, baseline, rows, notes)


def by_calibration(
    context: Judgement, measured: Measurement, baseline: Baseline, calibration: Calibration, factor: float
) -> Judgement:
    """Return ``context`` with the verdict of calibrated limits on the output and on the latents of each step.

    Where the case is chaotic only the steps before it is are judged: they can show drift, but that they are
    within their limits says nothing of the output, and the case is ``incomparable``.
    """
    limits = calibrated_limits(baseline, calibration, factor)
    stored = baseline.measurement
    rows = [*output_rows(measured, stored, limits.output), *step_rows(measured, stored, limits.steps)]
    judged = _decided(context, measured, baseline, rows, ())
    if limits.output is not None or judged.verdict is Verdict.DRIFT:
        return judged
    return replace(judged, verdict=Verdict.INCOMPARABLE, reasons=(chaos_text(calibration),))


def safety_factor(tier: Tier, asked: Calibrated, calibration: Calibration) -> float:
    """Return the factor that a tier's tolerance asks for, or the calibration's own, wider across devices."""
    if asked.factor is not None:
        return asked.factor
    return calibration.factor * (DEVICE_FACTOR if tier is Tier.ACROSS_DEVICES else 1.0)


def output_rows(measured: Measurement, stored: Measurement, limits: Limits | None) -> list[Row]:
    """Return one row per metric and statistic of the output; without ``limits`` none of them decides."""
    rows = list(metric_rows(compare(measured.output, stored.output), limits, measured.output))
    rows += statistic_rows(measured.statistics, stored.statistics, limits)
    return rows


def step_rows(measured: Measurement, stored: Measurement, limits: Sequence[StepLimits]) -> Iterator[Row]:
    """Yield the row of the step that uses most of its limit, for each statistic of the latents.

    Their relative L2 distance is among them where both measurements keep latents.
    """
    worst: dict[str, Row] = {}
    for row in _all_step_rows(measured, stored, limits):
        figure = row.name.partition(" ")[0]
        if figure not in worst or (row.used or 0.0) > (worst[figure].used or 0.0):
            worst[figure] = row
    yield from worst.values()


def _all_step_rows(measured: Measurement, stored: Measurement, limits: Sequence[StepLimits]) -> Iterator[Row]:
    for index, limit in enumerate(limits):
        if index >= min(len(measured.trace), len(stored.trace)):
            return
        where = f"after step {limit.step}"
        if measured.latents is not None and stored.latents is not None:
            yield _distance_row(where, measured.latents[index], stored.latents[index], limit.relative_l2)
        ours, theirs = measured.trace[index].statistics, stored.trace[index].statistics
        for name, most in limit.statistics.items():
            deviation = statistic_deviation(name, ours[name], theirs)
            yield Row(
                f"latents.{name} {where}",
                deviation,
                most,
                deviation <= most,
                value=ours[name],
                baseline=theirs[name],
            )


def _distance_row(where: str, measured: Array, stored: Array, limit: float) -> Row:
    name = f"latents.relative_l2 {where}"
    if measured.shape != stored.shape:
        note = f"the latents have shape {list(measured.shape)}, the baseline's {list(stored.shape)}"
        return Row(name, None, limit, passed=False, note=note)
    moved = distance(measured, stored)
    return Row(name, moved, limit, moved <= limit)


def _decided(
    context: Judgement,
    measured: Measurement,
    baseline: Baseline,
    rows: Sequence[Row],
    notes: tuple[str, ...],
) -> Judgement:
    failed = failure("", rows)
    step = bits.first_changed_step(measured, baseline.measurement)
    return replace(
        context,
        verdict=Verdict.DRIFT if failed else Verdict.WITHIN,
        rows=tuple(rows),
        reasons=tuple(failed),
        notes=(*context.notes, *notes, *(() if step is None else (step,))),
    )


def failure(prefix: str, rows: Sequence[Row]) -> list[str]:
    """Return one reason for all rows over their limits, none where there are none."""
    limited = [row for row in rows if row.passed is not None]
    failed = [row for row in limited if not row.passed]
    if not failed:
        return []
    reasons = [f"{row.name} cannot be judged: {row.note}" for row in failed if row.measured is None]
    over = [row for row in failed if row.measured is not None]
    if over:
        worst = max(over, key=lambda row: row.used or 0.0)
        side = "below" if worst.at_least else "above"
        reasons.append(
            f"{prefix}{len(over)} of {len(limited)} limit{'s' * (len(limited) != 1)} exceeded, worst: "
            f"{worst.name} {worst.measured:.3g} is {side} its limit {worst.limit:.3g}"
        )
    return reasons
