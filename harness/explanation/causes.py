"""Root causes of a drift, first cause first: a later one may be no more than what an earlier one led to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from harness.baselines.baseline import Baseline
from harness.explanation.growth import numerics
from harness.judgement import bits
from harness.judgement.check import Check
from harness.judgement.tiers import fingerprint_differences
from harness.judgement.wording import reason_text
from harness.measurement.measurement import Draw, Measurement

Kind = Literal["environment", "inputs", "randomness", "schedule", "numerics", "output"]


@dataclass(frozen=True)
class Cause:
    """One thing that differs between a measurement and its baseline, and may have made the output drift.

    ``kind`` is its class, ``title`` says it in one line and ``details`` what is known beside it.
    """

    kind: Kind
    title: str
    details: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the cause as JSON values."""
        return {**asdict(self), "details": list(self.details)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Cause:
        """Rebuild a cause from :meth:`to_dict`'s data."""
        return cls(data["kind"], data["title"], tuple(data["details"]))


def root_causes(measured: Measurement, baseline: Baseline) -> tuple[Cause, ...]:
    """Return what differs between ``measured`` and ``baseline``, first cause first; empty where nothing does.

    The order is that of a run: the environment, the inputs (weights), the random draws, the schedule, and
    last the numbers: the first step at which the latents left the envelope, or the output alone.
    """
    return tuple(_causes(measured, baseline))


def causes_of(check: Check) -> tuple[Cause, ...]:
    """Return what differs in a case that was checked; empty, too, where nothing was compared."""
    if check.measurement is None or check.baseline is None:
        return ()
    return root_causes(check.measurement, check.baseline)


def _causes(measured: Measurement, baseline: Baseline) -> Iterator[Cause]:
    stored = baseline.measurement
    yield from _environment(measured, stored)
    if (change := bits.checkpoint_change(measured, stored)) is not None:
        yield Cause("inputs", reason_text(change))
    yield from _randomness(measured, stored)
    if (schedule := bits.schedule_change(measured, stored)) is not None:
        yield Cause("schedule", reason_text(schedule))
    yield from _numerics(measured, baseline)


def _environment(measured: Measurement, stored: Measurement) -> Iterator[Cause]:
    differences = fingerprint_differences(measured.fingerprint, stored.fingerprint)
    operators = bits.changed_operators(measured, stored)
    if differences:
        names = ", ".join(difference.name for difference in differences)
        details = [str(difference) for difference in differences]
        if operators:
            details.append(f"operators that give other bits here: {', '.join(operators)}")
        elif measured.canaries and stored.canaries:
            details.append(f"all {len(measured.canaries)} operators tried by themselves give the same bits")
        yield Cause("environment", f"the environment differs: {names}", tuple(details))
    elif operators:
        yield Cause(
            "environment",
            f"operators give other bits in what looks like the same environment: {', '.join(operators)}",
            ("a library was replaced under the same version number, or the device miscalculates",),
        )


def _randomness(measured: Measurement, stored: Measurement) -> Iterator[Cause]:
    change = bits.ledger_change(measured, stored)
    if change is None:
        return
    pairs = enumerate(zip(measured.ledger, stored.ledger, strict=False))
    first = next(((i, ours, theirs) for i, (ours, theirs) in pairs if not bits.same_draw(ours, theirs)), None)
    details: tuple[str, ...] = ()
    if first is not None:
        index, ours, theirs = first
        details = (f"draw {index} here: {_draw(ours)}", f"draw {index} in the baseline: {_draw(theirs)}")
    yield Cause("randomness", reason_text(change), details)


def _draw(draw: Draw) -> str:
    shape = "x".join(map(str, draw.shape)) or "a single number"
    return f"generator {draw.generator}, {draw.method}, {shape}, {draw.dtype}, at {draw.site}"


def _numerics(measured: Measurement, baseline: Baseline) -> Iterator[Cause]:
    growth = numerics(measured, baseline)
    if growth is not None:
        yield Cause("numerics", growth.title, growth.details)
        return
    if measured.trace and not bits.same_bits(measured.output, baseline.measurement.output):
        yield Cause(
            "output",
            "the latents of every step have the baseline's bits, the output has not: the difference comes "
            "after the last step (decoding, clamping, conversion to an image)",
        )
