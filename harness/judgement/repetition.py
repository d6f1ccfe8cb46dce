"""Do cases repeat? Two runs of each in two fresh workers, compared bit by bit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from harness.cases.job import Job
from harness.errors import FailureCause, HarnessError
from harness.judgement.bits import same_bits, same_draw
from harness.measurement.measurement import Measurement


class NotRepeatableError(HarnessError):
    """A case gave two results in two fresh workers: nothing can be held to either."""

    cause = FailureCause.NOT_REPEATABLE


class FreshRunner(Protocol):
    """What a repetition needs of a runner."""

    def run(self, job: Job) -> Measurement:
        """Run one case."""

    def restart(self) -> None:
        """End all workers, so that the next case runs in a fresh process."""


def check_repeats(name: str, one: Measurement, other: Measurement) -> None:
    """Raise :class:`NotRepeatableError` naming the first thing that differs between two runs of a case."""
    difference = first_difference(one, other)
    if difference is not None:
        raise NotRepeatableError(
            f"{name}: two runs in two fresh workers differ, first in {difference}; a baseline would "
            "hold later runs to chance. Give every source of randomness a seed, then record again"
        )


def first_difference(one: Measurement, other: Measurement) -> str | None:
    """Return the first thing that differs in the bits of two measurements, causes first; None if nothing."""
    return next(_differences(one, other), None)


def _differences(one: Measurement, other: Measurement) -> Iterator[str]:
    if one.fingerprint != other.fingerprint:
        yield f"the environment ({_changed_keys(one.fingerprint, other.fingerprint)})"
    if one.checkpoint != other.checkpoint:
        yield "the checkpoint's hash"
    if one.canaries != other.canaries:
        yield f"single operators on fixed inputs ({_changed_keys(one.canaries, other.canaries)})"
    for index, (draw, draw_again) in enumerate(zip(one.ledger, other.ledger, strict=False)):
        if not same_draw(draw, draw_again):
            yield f"draw {index} of the ledger ({draw.method} of generator {draw.generator} at {draw.site})"
    if len(one.ledger) != len(other.ledger):
        yield f"the number of draws ({len(one.ledger)} and {len(other.ledger)})"
    for step, step_again in zip(one.trace, other.trace, strict=False):
        if step.sha256 != step_again.sha256:
            yield f"the latents after step {step.step} (timestep {step.timestep})"
    if len(one.trace) != len(other.trace):
        yield f"the number of steps ({len(one.trace)} and {len(other.trace)})"
    for name in ("output", "latents", "singles"):
        if not same_bits(getattr(one, name), getattr(other, name)):
            yield f"the {name}"
    # Last, as they follow from the arrays; alone they differ where another version computed them.
    if _figures(one) != _figures(other):
        yield "the statistics"


def _figures(measurement: Measurement) -> str:
    """Return the statistics as text, in which NaN is NaN; a baseline read back has them in another order."""
    steps = [(s.step, s.timestep, sorted(s.statistics.items())) for s in measurement.trace]
    return repr((sorted(measurement.statistics.items()), steps))


def _changed_keys(one: dict[str, str], other: dict[str, str]) -> str:
    return ", ".join(sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key)))
