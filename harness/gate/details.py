"""What the findings and notes of a gate are made of, as data: one class for each kind.

Like reasons they carry no sentences, and nothing here computes: a certificate is read on any machine.
"""

from __future__ import annotations

from typing import Literal

from harness.codec import Tagged
from harness.judgement.reasons import Chaotic, Reason

# How far a case got; `judged` is all that ran and was compared.
State = Literal["judged", "not selected", "missing", "damaged", "stale", "failed", "failed as expected"]


class Detail(Tagged):
    """What is against a release; every kind is a dataclass of its own."""


class NotAllowed(Detail):
    """A verdict that is not among those ``allowed`` (with ``tags``, where the policy names some of them)."""

    verdict: str
    tags: tuple[str, ...]
    allowed: tuple[str, ...]
    reason: Reason | None


class NoVerdict(Detail):
    """The case came to no verdict: ``state`` says how far it got."""

    state: State
    reason: Reason | None


class NotComparable(Detail):
    """The case cannot be compared with its baseline."""

    reason: Reason | None


class ChaosUnknown(Detail):
    """The case is chaotic, and the policy does not know it."""

    chaos: Chaotic


class ChaosEarlier(Detail):
    """The case is chaotic before the ``accepted`` steps that the policy asks for are gated."""

    chaos: Chaotic
    accepted: int


class Vacuous(Detail):
    """The case would notice nothing."""

    reason: Reason


class NoPower(Detail):
    """The policy asks for a power table that covers the case."""

    gap: Gap


class NoDate(Detail):
    """The baseline's ``date`` cannot be read."""

    date: str


class TooOld(Detail):
    """The baseline was recorded on ``date``, more ``days`` ago than the policy allows."""

    date: str
    days: float
    allowed: int


class FromTheFuture(Detail):
    """The baseline's ``date`` is still to come."""

    date: str


class OtherRelease(Detail):
    """The baseline was recorded with a release of MindSpore that is not ``allowed``."""

    mindspore: str
    allowed: tuple[str, ...]


class NoCase(Detail):
    """The baseline belongs to no case of the suites given."""


class SuiteNotGiven(Detail):
    """So many baselines belong to a suite that was not given."""

    baselines: int


class Gap(Tagged):
    """Why no power table covers a case."""


class NoTable(Gap):
    """None was given."""


class NotInTable(Gap):
    """It has no such case."""


class NotExamined(Gap):
    """It could not examine the case."""

    reason: Reason


class TableOfOtherDevice(Gap):
    """It is of the baseline for another device."""

    table: str | None
    baseline: str


class ChangedSince(Gap):
    """What it examined is not what there is now."""

    what: tuple[Literal["case", "baseline", "tolerance"], ...]


class FaultsFailed(Gap):
    """So many of its faults failed to run."""

    count: int


class TooFewFaults(Gap):
    """It has too few faults to tell."""


class Note(Tagged):
    """What is worth knowing of a policy, whatever the decision."""


class IdleWaiver(Note):
    """A waiver that waives nothing."""

    owner: str
    case: str
    expires: str


class NotChaotic(Note):
    """The policy calls a case chaotic that is not."""

    case: str
