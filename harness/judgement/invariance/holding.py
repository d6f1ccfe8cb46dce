"""Whether an invariance holds: compare images of two runs of a case by bits, then by the case's limits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from harness.baselines.baseline import Baseline
from harness.cases.case import Case
from harness.cases.relations import Relation
from harness.cases.tolerance import Calibrated, Limits
from harness.judgement.bits import same_bits
from harness.judgement.calibration.limits import StepLimits, calibrated_limits
from harness.judgement.calibration.spread import distance
from harness.judgement.hard import form_failures, value_failures
from harness.judgement.limited import failures
from harness.judgement.metrics import compare
from harness.judgement.reasons import (
    DtypeDiffers,
    LatentsCannotBeCompared,
    NotJudged,
    Reason,
    StepsDiffer,
)
from harness.judgement.rows import Row, metric_rows, statistic_rows
from harness.judgement.tiers import Tier, safety_factor
from harness.measurement.measurement import Array
from harness.measurement.statistics import summarise
from harness.promises import Holding

# These change what the fingerprint calls another device: its visible cores, and the mode.
_OTHER_DEVICE = (Relation.VISIBLE_CORES, Relation.MODE)


@dataclass(frozen=True)
class Images:
    """Some images of a run: their rows of the output, and of the latents after each step.

    ``steps`` is None if the latents do not have one row for each image. ``dtype`` is that of the output.
    """

    output: Array
    dtype: str | None
    steps: tuple[Array, ...] | None


@dataclass(frozen=True)
class Yardstick:
    """What a difference may be: limits on the output and on each step, or nothing at all (``exact``).

    ``statistics`` is whether the limits on statistics are of as many images as are compared.
    """

    limits: Limits | Literal["exact"]
    steps: tuple[StepLimits, ...] = ()
    statistics: bool = True

    @property
    def key(self) -> str:
        """A hash of the limits, by which it is known whether they are still the same."""
        limits = self.limits if isinstance(self.limits, str) else self.limits.given()
        text = json.dumps([limits, [vars(each) for each in self.steps]], sort_keys=True, default=dict)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Held:
    """What came of comparing two runs.

    ``worst`` is the figure that uses most of its limit. ``differs_from`` is the index of the first step with
    other bits, None if it is only the output or nothing; ``beyond_from`` that of the first step beyond its
    limit. ``reasons`` say why it is violated.
    """

    holding: Holding
    worst: Row | None = None
    differs_from: int | None = None
    beyond_from: int | None = None
    reasons: tuple[Reason, ...] = ()

    @property
    def used(self) -> float | None:
        """The part of its limit that the worst figure uses."""
        return None if self.worst is None else self.worst.used


def yardstick(case: Case, baseline: Baseline | None, relation: Relation, *, whole: bool) -> Yardstick | None:
    """Return what two runs of ``case`` may differ by, or None if it has no limits.

    The limits are those across releases; across devices, if it has any, for a ``relation`` that changes what
    a fingerprint calls the device. ``whole`` is whether all images of the case are compared.
    """
    tolerance, tier = case.tolerance, Tier.ACROSS_RELEASES
    asked: Limits | Calibrated | Literal["exact"] = tolerance.across_releases
    if relation in _OTHER_DEVICE and tolerance.across_devices is not None:
        asked, tier = tolerance.across_devices, Tier.ACROSS_DEVICES
    if not isinstance(asked, Calibrated):
        return Yardstick(asked, statistics=whole)
    if baseline is None or baseline.calibration is None:
        return None
    factor = safety_factor(tier, asked, baseline.calibration)
    limits = calibrated_limits(baseline, baseline.calibration, factor)
    return None if limits.output is None else Yardstick(limits.output, limits.steps, statistics=whole)


def hold(ours: Images, theirs: Images, by: Yardstick | None) -> Held:
    """Compare the images ``ours`` of a run with the same images of its reference."""
    first = _first_other_step(ours, theirs)
    unlike = [
        *form_failures("output", ours.output, theirs.output),
        *_other_dtype(ours, theirs),
        *value_failures("output", ours.output),
        *value_failures("output", theirs.output),
        *_other_steps(ours, theirs),
    ]
    if unlike:
        return Held(Holding.VIOLATED, differs_from=first, reasons=tuple(unlike))
    if first is None and same_bits(ours.output, theirs.output):
        return Held(Holding.IDENTICAL)
    if by is None:
        return Held(Holding.UNJUDGED, differs_from=first)
    if by.limits == "exact":
        return Held(Holding.VIOLATED, differs_from=first)
    rows = _output_rows(ours, theirs, by.limits, statistics=by.statistics)
    steps = _step_rows(ours, theirs, by.steps)
    beyond = next((row.step for row in steps if not row.passed), None)
    reasons = failures("output", [*rows, *steps])
    worst = max((*rows, *steps), key=lambda row: row.used or 0.0, default=None)
    if reasons:
        return Held(Holding.VIOLATED, worst, first, beyond, tuple(reasons))
    # Limits on statistics alone say nothing of some of the images.
    return Held(Holding.WITHIN if rows else Holding.UNJUDGED, worst, first)


def _other_dtype(ours: Images, theirs: Images) -> list[Reason]:
    named = [each.dtype or str(each.output.dtype) for each in (ours, theirs)]
    same = ours.output.dtype == theirs.output.dtype
    return [DtypeDiffers("output", *named)] if same and named[0] != named[1] else []


def _other_steps(ours: Images, theirs: Images) -> list[Reason]:
    """Return why the latents of the steps cannot be compared one by one, if both have any."""
    if ours.steps is None or theirs.steps is None:
        return []
    if len(ours.steps) != len(theirs.steps):
        return [StepsDiffer(len(ours.steps), len(theirs.steps))]
    pairs = zip(ours.steps, theirs.steps, strict=True)
    unlike = ((one, other) for one, other in pairs if one.shape != other.shape)
    shapes = [LatentsCannotBeCompared(one.shape, other.shape) for one, other in unlike]
    return [NotJudged("latents", each) for each in shapes[:1]]


def _first_other_step(ours: Images, theirs: Images) -> int | None:
    if ours.steps is None or theirs.steps is None:
        return None
    pairs = enumerate(zip(ours.steps, theirs.steps, strict=False))
    differing = (index for index, (one, other) in pairs if not same_bits(one, other))
    shorter = min(len(ours.steps), len(theirs.steps))
    return next(differing, None if len(ours.steps) == len(theirs.steps) else shorter)


def _output_rows(ours: Images, theirs: Images, limits: Limits, *, statistics: bool) -> list[Row]:
    rows = list(metric_rows(compare(ours.output, theirs.output, dtype=ours.dtype), limits, ours.output))
    if statistics:
        rows += statistic_rows(summarise(ours.output), summarise(theirs.output), limits)
    return [row for row in rows if row.passed is not None]


def _step_rows(ours: Images, theirs: Images, limits: Sequence[StepLimits]) -> list[Row]:
    rows = []
    pairs = zip(ours.steps or (), theirs.steps or (), limits, strict=False)
    for index, (one, other, limit) in enumerate(pairs):
        moved, most = distance(one, other), limit.relative_l2
        rows.append(Row("relative_l2", moved, most, moved <= most, part="latents", step=index))
    return rows
