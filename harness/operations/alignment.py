"""What aligning a case found: how far the port is from its original, and where it begins to differ."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from harness.cases.case import Case
from harness.errors import HarnessError
from harness.explanation.hypotheses.fitting import Hypothesis
from harness.judgement.fact_reasons import ConstantChanged
from harness.judgement.reasons import Reason
from harness.judgement.yardstick import Distance
from harness.tracing.divergence import Divergence, Replay
from harness.tracing.observed import Observed


class Side(str, Enum):
    """Whose run it is."""

    PORT = "port"
    ORIGINAL = "original"


# What the original's own distance is measured from: the original in float64, or, if it does not run in that,
# itself with its noise moved by one unit in the last place.
Yardstick = Literal["float64", "moved"]
# What aligning came to. ``undefined`` is an original whose own result is not finite. ``place`` is a place in
# a step, which ``finding`` names. ``amplified`` is one where rounding alone can move the result as far, and
# ``unplaced`` a case that differs although every cell of the step has the same bits on the same inputs.
Conclusion = Literal[
    "aligned", "draws", "schedule", "undefined", "form", "place", "amplified", "unplaced", "failed"
]


@dataclass(frozen=True)
class Alignment:
    """How ``case``, a port's, compares with its original.

    ``reference`` is the release of the original's packages, by name. ``differing`` are the draws, the
    schedule and the form of the output that differ, first cause first, and ``constants`` what else of the
    facts does. ``distances`` are those of the steps and the output. ``replay`` is what the port's cells did
    with the original's inputs in one step, ``finding`` the first place that computes something else, and
    ``mistake`` what that looks like; ``observed`` is the place as both sides saw it. ``failure`` is why
    ``failed``, a run, gave nothing.
    """

    case: Case
    reference: dict[str, str]
    differing: tuple[Reason, ...] = ()
    constants: tuple[ConstantChanged, ...] = ()
    distances: tuple[Distance, ...] = ()
    replay: Replay | None = None
    finding: Divergence | None = None
    mistake: Hypothesis | None = None
    observed: Observed | None = None
    failed: Side | None = None
    failure: HarnessError | None = None
    conclusion: Conclusion = "aligned"
    yardstick: Yardstick = "float64"

    @property
    def aligned(self) -> bool:
        """Whether the port computes what the original does, as far as rounding lets anyone see."""
        return self.conclusion == "aligned"

    @property
    def furthest(self) -> Distance | None:
        """The step, or the output, that uses most of its limit."""
        return max(self.distances, key=lambda each: each.used, default=None)

    @property
    def first_beyond(self) -> Distance | None:
        """The first step, or the output, that is too far from float64."""
        return next((each for each in self.distances if not each.within), None)
