"""The comparison of two runs of one case in two environments, as data."""

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
    """How a run of a case compares with a run of it elsewhere.

    ``relative_l2`` is how far the output moved, or None if that is not known. ``share`` is the largest part
    of a limit that is used up (1 is at the limit) and ``worst`` is the figure that uses it, or None if
    nothing is limited. ``operators`` are the canaries that give other bits, and ``differences`` are the
    fields of the fingerprint that differ. ``reasons`` say why it did not pass, and ``remedy`` says what to do
    about the last of them. ``strict`` marks a case that opts out of comparisons across environments: for such
    a case, ``incomparable`` is the expected verdict.
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
        """Whether the two are the same, within the tolerance, or not meant to be compared."""
        if self.strict and self.verdict is Verdict.INCOMPARABLE:
            return True
        return self.verdict in (Verdict.IDENTICAL, Verdict.WITHIN)
