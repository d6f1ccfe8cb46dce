"""How two runs of one case in two environments compare, as data."""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import HarnessError
from harness.judgement.judgement import Verdict
from harness.judgement.reasons import Reason
from harness.judgement.tiers import FieldDifference, Tier
from harness.measurement.measurement import Measurement
from harness.remedy import Remedy

RunResult = Measurement | HarnessError


@dataclass(frozen=True)
class Comparison:
    """How a run of a case stands to a run of it elsewhere.

    ``relative_l2`` is how far the output moved, None where that cannot be said; ``share`` the largest part
    of a limit that is used up (1 is at the limit) and ``worst`` the figure that uses it, None where nothing
    is limited. ``operators`` are the canaries that give other bits, ``differences`` the fields of the
    fingerprint that differ, ``reasons`` say why it did not pass and ``remedy`` what to do about the last of
    them. ``strict`` is a case that asks not to be compared across environments: that it is ``incomparable``
    there is as it should be.
    """

    verdict: Verdict
    tier: Tier | None = None
    relative_l2: float | None = None
    share: float | None = None
    worst: str | None = None
    operators: tuple[str, ...] = ()
    differences: tuple[FieldDifference, ...] = ()
    reasons: tuple[Reason, ...] = ()
    remedy: Remedy | None = None
    strict: bool = False

    @property
    def passed(self) -> bool:
        """Whether the two are the same or within the tolerance, or not to be compared."""
        if self.strict and self.verdict is Verdict.INCOMPARABLE:
            return True
        return self.verdict in (Verdict.IDENTICAL, Verdict.WITHIN)
