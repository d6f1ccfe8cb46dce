"""The judgement: the result of one comparison, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from harness.cases.case import Case
from harness.errors import HarnessError
from harness.judgement.call_reasons import SecondCallFailed, StateLeftBehind
from harness.judgement.failures import reason_of
from harness.judgement.reasons import DoesNotRepeat, FailedAsExpected, Reason, Stale, StrictElsewhere
from harness.judgement.rows import Row
from harness.judgement.tiers import FieldDifference, Tier
from harness.remedy import Remedy


class Verdict(str, Enum):
    """The result of a comparison."""

    IDENTICAL = "identical"
    WITHIN = "within"
    DRIFT = "drift"
    INCOMPARABLE = "incomparable"
    ERROR = "error"


@dataclass(frozen=True)
class Judgement:
    """The verdict on one measurement of one case, and everything that led to it.

    ``reasons`` say why it did not pass, most informative first; ``remedy`` says what to do about the last of
    them. ``notes`` are worth knowing either way. ``baseline_path`` is the file it was compared with, and
    ``baseline_device`` the device on which that file was recorded. ``changed_operators`` are the canaries
    whose bits differ. ``tier`` is None if nothing was compared.
    """

    suite: str
    case_id: str
    verdict: Verdict
    tier: Tier | None = None
    rows: tuple[Row, ...] = ()
    differences: tuple[FieldDifference, ...] = ()
    reasons: tuple[Reason, ...] = ()
    remedy: Remedy | None = None
    notes: tuple[Reason, ...] = ()
    changed_operators: tuple[str, ...] = ()
    baseline_path: str | None = None
    baseline_device: str | None = None

    @classmethod
    def error(cls, case: Case, error: HarnessError) -> Judgement:
        """Return the judgement of a case that could not be run or has no baseline to compare with."""
        return cls(case.suite, case.id, Verdict.ERROR, reasons=(reason_of(error),), remedy=error.remedy)

    @property
    def name(self) -> str:
        """The case as ``suite/id``, or the id alone if it belongs to no suite."""
        return f"{self.suite}/{self.case_id}" if self.suite else self.case_id

    @property
    def passed(self) -> bool:
        """Whether the case passes: it was compared and found identical or within its limits."""
        return self.verdict in (Verdict.IDENTICAL, Verdict.WITHIN)

    @property
    def elsewhere(self) -> bool:
        """Whether a strict case ran outside its baseline's environment, where it asks not to be compared."""
        return any(isinstance(reason, StrictElsewhere) for reason in self.reasons)

    @property
    def failed_as_expected(self) -> bool:
        """Whether the case failed for the cause it names, which is neither a pass nor a fault of the run."""
        return any(isinstance(reason, FailedAsExpected) for reason in self.reasons)

    @property
    def stale(self) -> bool:
        """Whether the case was edited since its baseline was recorded."""
        return any(isinstance(reason, Stale) for reason in self.reasons)

    @property
    def unrepeated(self) -> DoesNotRepeat | None:
        """How a second run of the case differs from the judged one; None if none is known to differ."""
        return next((reason for reason in self.reasons if isinstance(reason, DoesNotRepeat)), None)

    @property
    def keeps_state(self) -> bool:
        """Whether a second call in the same process gave other bits, so that no run stands for the case."""
        return any(isinstance(reason, StateLeftBehind | SecondCallFailed) for reason in self.reasons)

    @property
    def worst(self) -> Row | None:
        """The row that uses the largest part of its limit, or None if no row has a limit."""
        limited = [row for row in self.rows if row.used is not None]
        return max(limited, key=lambda row: row.used or 0.0, default=None)

    @property
    def margin(self) -> float | None:
        """The largest part of a limit that is used (1 is at the limit), or None if nothing was limited."""
        if self.worst is not None:
            return self.worst.used
        return 0.0 if self.verdict is Verdict.IDENTICAL else None
