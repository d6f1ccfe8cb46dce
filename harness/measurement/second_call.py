"""The second call of a pipeline in one process, with the same seeds: what differs from the first call."""

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


@dataclass(frozen=True)
class SecondCall:
    """The result of a second call.

    If it differs, ``part`` is the first thing that does: a draw of the ledger or the latents after a step,
    whose index is ``at``; the number of draws or steps, which is ``at`` in the second call; or the output.
    ``told`` is the error of a call that failed.
    """

    outcome: Outcome
    part: Literal["draw", "draws", "step", "steps", "output"] | None = None
    at: int | None = None
    told: str = ""


@dataclass(frozen=True)
class CallBits:
    """The bits of one call: its draws, its steps, and a hash of its output."""

    draws: tuple[Draw, ...]
    steps: tuple[StepRecord, ...]
    output: str

    def compared(self, second: CallBits) -> SecondCall:
        """Return the first difference of the ``second`` call from this one, draws before steps and output.

        The place in the code where a draw was made does not count.
        """
        if (found := _first_difference("draw", "draws", self._drawn(), second._drawn())) is not None:
            return found
        if (found := _first_difference("step", "steps", self._stepped(), second._stepped())) is not None:
            return found
        return (
            SecondCall(Outcome.SAME)
            if self.output == second.output
            else SecondCall(Outcome.DIFFERS, "output")
        )

    def _drawn(self) -> list[object]:
        return [(each.generator, each.method, each.shape, each.dtype, each.sha256) for each in self.draws]

    def _stepped(self) -> list[object]:
        return [(each.timestep, each.sha256) for each in self.steps]


def _first_difference(
    part: Literal["draw", "step"], parts: Literal["draws", "steps"], one: list[object], other: list[object]
) -> SecondCall | None:
    for at, (ours, theirs) in enumerate(zip(one, other, strict=False)):
        if ours != theirs:
            return SecondCall(Outcome.DIFFERS, part, at)
    return None if len(one) == len(other) else SecondCall(Outcome.DIFFERS, parts, len(other))
