"""The bits of a call of a pipeline, and where another call with the same seeds first differs from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from harness.measurement.figures import Draw, StepRecord


class Outcome(str, Enum):
    """What came of the second call, or why it was not made.

    ``COSTLY``: it would have taken more than its share of the worker's time. ``OUT_OF_TIME``: it might not
    have ended within the case's time limit.
    """

    SAME = "same"
    DIFFERS = "differs"
    FAILED = "failed"
    COSTLY = "costly"
    OUT_OF_TIME = "out-of-time"


# What can differ: a draw of the ledger, the number of draws, the latents after a step, the number of steps,
# or the output.
Part = Literal["draw", "draws", "step", "steps", "output"]


@dataclass(frozen=True)
class SecondCall:
    """The result of a second call.

    If it differs, ``part`` and ``at`` are those of the :class:`FirstDifference`. ``told`` is the error of a
    call that failed.
    """

    outcome: Outcome
    part: Part | None = None
    at: int | None = None
    told: str = ""


@dataclass(frozen=True)
class FirstDifference:
    """The first thing that differs between two calls.

    ``at`` is the index of the draw or of the step. For the number of draws or steps it is that number in the
    other call, and for the output it is None.
    """

    part: Part
    at: int | None = None


@dataclass(frozen=True)
class CallBits:
    """The bits of one call: its draws, its steps, and a hash of its output."""

    draws: tuple[Draw, ...]
    steps: tuple[StepRecord, ...]
    output: str

    def difference(self, other: CallBits) -> FirstDifference | None:
        """Return the first difference of the ``other`` call from this one, draws before steps and output.

        The place in the code where a draw was made does not count.
        """
        if (found := _first_difference("draw", "draws", self._drawn(), other._drawn())) is not None:
            return found
        if (found := _first_difference("step", "steps", self._stepped(), other._stepped())) is not None:
            return found
        return None if self.output == other.output else FirstDifference("output")

    def compared(self, second: CallBits) -> SecondCall:
        """Return what came of the ``second`` call of a process whose first call this is."""
        found = self.difference(second)
        if found is None:
            return SecondCall(Outcome.SAME)
        return SecondCall(Outcome.DIFFERS, found.part, found.at)

    def _drawn(self) -> list[object]:
        return [(each.generator, each.method, each.shape, each.dtype, each.sha256) for each in self.draws]

    def _stepped(self) -> list[object]:
        return [(each.timestep, each.sha256) for each in self.steps]


def _first_difference(
    part: Literal["draw", "step"], parts: Literal["draws", "steps"], one: list[object], other: list[object]
) -> FirstDifference | None:
    for at, (ours, theirs) in enumerate(zip(one, other, strict=False)):
        if ours != theirs:
            return FirstDifference(part, at)
    return None if len(one) == len(other) else FirstDifference(parts, len(other))
