"""What the findings and notes of a gate are made of, as data: one class for each kind.

Like reasons they carry no sentences, and nothing here computes: a certificate is read on any machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.codec import Tagged
from harness.judgement.reasons import Chaotic, Reason


class Detail(Tagged):
    """What is against a release; every kind is a dataclass of its own."""


@dataclass(frozen=True)
class NotAllowed(Detail):
    """A verdict that is not among those ``allowed`` (with ``tags``, where the policy names some of them)."""

    verdict: str
    tags: tuple[str, ...]
    allowed: tuple[str, ...]
    reason: Reason | None


@dataclass(frozen=True)
class NotRun(Detail):
    """The case was not among those chosen."""


@dataclass(frozen=True)
class NoVerdict(Detail):
    """The case ran, or was to, and came to no verdict."""

    reason: Reason | None


@dataclass(frozen=True)
class ExpectedFailure(Detail):
    """The case failed for the cause that it names."""

    reason: Reason | None


@dataclass(frozen=True)
class NoBaseline(Detail):
    """The case has no baseline that it can be held to."""

    reason: Reason | None


@dataclass(frozen=True)
class NotComparable(Detail):
    """The case cannot be compared with its baseline."""

    reason: Reason | None


@dataclass(frozen=True)
class ChaosUnknown(Detail):
    """The case is chaotic, and the policy does not know it."""

    chaos: Chaotic


@dataclass(frozen=True)
class ChaosEarlier(Detail):
    """The case is chaotic before the ``accepted`` steps that the policy asks for are gated."""

    chaos: Chaotic
    accepted: int


@dataclass(frozen=True)
class Vacuous(Detail):
    """The case would notice nothing."""

    reason: Reason


@dataclass(frozen=True)
class NoPower(Detail):
    """The policy asks for a power table that covers the case."""

    gap: Gap


@dataclass(frozen=True)
class NoDate(Detail):
    """The baseline's ``date`` cannot be read."""

    date: str


@dataclass(frozen=True)
class TooOld(Detail):
    """The baseline was recorded on ``date``, more ``days`` ago than the policy allows."""

    date: str
    days: float
    allowed: int


@dataclass(frozen=True)
class FromTheFuture(Detail):
    """The baseline's ``date`` is still to come."""

    date: str


@dataclass(frozen=True)
class OtherRelease(Detail):
    """The baseline was recorded with a release of MindSpore that is not ``allowed``."""

    mindspore: str
    allowed: tuple[str, ...]


@dataclass(frozen=True)
class NoCase(Detail):
    """The baseline belongs to no case of the suites given."""


@dataclass(frozen=True)
class SuiteNotGiven(Detail):
    """So many baselines belong to a suite that was not given."""

    baselines: int


class Gap(Tagged):
    """Why no power table covers a case."""


@dataclass(frozen=True)
class NoTable(Gap):
    """None was given."""


@dataclass(frozen=True)
class NotInTable(Gap):
    """It has no such case."""


@dataclass(frozen=True)
class NotExamined(Gap):
    """It could not examine the case."""

    reason: Reason


@dataclass(frozen=True)
class TableOfOtherDevice(Gap):
    """It is of the baseline for another device."""

    table: str | None
    baseline: str


@dataclass(frozen=True)
class ChangedSince(Gap):
    """What it examined is not what there is now."""

    what: tuple[Literal["case", "baseline", "tolerance"], ...]


@dataclass(frozen=True)
class FaultsFailed(Gap):
    """So many of its faults failed to run."""

    count: int


@dataclass(frozen=True)
class TooFewFaults(Gap):
    """It has too few faults to tell."""


class Note(Tagged):
    """What is worth knowing of a policy, whatever the decision."""


@dataclass(frozen=True)
class IdleWaiver(Note):
    """A waiver that waives nothing."""

    owner: str
    case: str
    expires: str


@dataclass(frozen=True)
class NotChaotic(Note):
    """The policy calls a case chaotic that is not."""

    case: str
