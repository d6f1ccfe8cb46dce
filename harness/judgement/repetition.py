"""Do cases repeat? Compares two runs of each, made in two fresh workers, bit by bit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Protocol

from harness.cases.job import Job
from harness.errors import FailureCause
from harness.judgement import reasons as r
from harness.judgement.bits import differing_keys, drawn, same_bits, same_draw
from harness.judgement.calibration.spread import distance
from harness.judgement.facts import fact_differences
from harness.judgement.failures import Refused
from harness.measurement.measurement import Measurement

# How many of the cases that ran before in the same worker are named, the last ones.
_CASES_NAMED = 3


class NotRepeatableError(Refused):
    """A case gave two results in two fresh workers, so nothing can be compared with either."""

    cause = FailureCause.NOT_REPEATABLE


class FreshRunner(Protocol):
    """What a repeatability check needs from a runner."""

    def run(self, job: Job) -> Measurement:
        """Run one case."""

    def restart(self) -> None:
        """End all workers, so that the next case runs in a fresh process."""


def check_repeats(name: str, one: Measurement, other: Measurement) -> None:
    """Raise :class:`NotRepeatableError` naming the first thing that differs between two runs of a case."""
    if (difference := first_difference(one, other)) is not None:
        raise NotRepeatableError(name, r.NotRepeatable(difference))


def first_difference(one: Measurement, other: Measurement) -> r.Difference | None:
    """Return the first difference in the bits of two measurements, causes first; None if there is none."""
    return next(_differences(one, other), None)


def first_differences(one: Measurement, other: Measurement) -> tuple[r.Difference, ...]:
    """Return the first difference, and the first step whose latents differ, if that comes later."""
    found = list(_differences(one, other))
    steps = [each for each in found if isinstance(each, r.OtherLatents)]
    return tuple(dict.fromkeys([*found[:1], *steps[:1]]))


def unrepeated(judged: Measurement, second: Measurement, verdict: str | None) -> r.DoesNotRepeat | None:
    """Return how the ``second`` run of a case, whose verdict is ``verdict``, differs from the judged one.

    Returns None if the two have the same bits.
    """
    if not (differences := first_differences(judged, second)):
        return None
    named = max(0, len(judged.after) - _CASES_NAMED)
    one, other = judged.output, second.output
    return r.DoesNotRepeat(
        differences=differences,
        relative_l2=distance(other, one) if (one.shape, one.dtype) == (other.shape, other.dtype) else None,
        second=verdict,
        after=judged.after[named:],
        others=named,
    )


def _differences(one: Measurement, other: Measurement) -> Iterator[r.Difference]:
    if one.fingerprint != other.fingerprint:
        yield r.OtherEnvironment(differing_keys(one.fingerprint, other.fingerprint))
    if one.checkpoint != other.checkpoint:
        yield r.OtherCheckpoint()
    yield from fact_differences(one, other)
    if one.canaries != other.canaries:
        yield r.OtherOperators(differing_keys(one.canaries, other.canaries))
    for index, (draw, draw_again) in enumerate(zip(one.ledger, other.ledger, strict=False)):
        if not same_draw(draw, draw_again):
            yield r.OtherDraw(index, drawn(draw))
    if len(one.ledger) != len(other.ledger):
        yield r.OtherNumber("draws", len(one.ledger), len(other.ledger))
    for step, step_again in zip(one.trace, other.trace, strict=False):
        if step.sha256 != step_again.sha256:
            yield r.OtherLatents(step.step, step.timestep)
    if len(one.trace) != len(other.trace):
        yield r.OtherNumber("steps", len(one.trace), len(other.trace))
    arrays: tuple[Literal["output", "latents", "singles"], ...] = ("output", "latents", "singles")
    for name in arrays:
        if not same_bits(getattr(one, name), getattr(other, name)):
            yield r.OtherPart(name)
    if one.dtype != other.dtype:
        yield r.OtherPart("output")
    # Checked last, because they follow from the arrays. They differ alone only if another version computed
    # them.
    if _figures(one) != _figures(other):
        yield r.OtherPart("statistics")


def _figures(measurement: Measurement) -> str:
    """Return the statistics as sorted text: NaN equals NaN, and loaded baselines have another order."""
    steps = [(s.step, s.timestep, sorted(s.statistics.items())) for s in measurement.trace]
    return repr((sorted(measurement.statistics.items()), steps))
