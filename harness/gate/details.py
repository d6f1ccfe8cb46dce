"""The details of a gate's findings and notes, as data: one class for each kind.

Like reasons, they contain no sentences. Nothing here computes, so that a certificate can be read on any
machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.codec import Tagged
from harness.judgement.reasons import Chaotic, Reason

# How far a case got; `judged` means that it ran and was compared.
State = Literal["judged", "not selected", "missing", "damaged", "stale", "failed", "failed as expected"]


class Detail(Tagged):
    """Something that speaks against a release; every kind is a dataclass of its own."""


class NotAllowed(Detail):
    """A verdict that is not ``allowed`` (for a case with ``tags``, if the policy names some of them)."""

    verdict: str
    tags: tuple[str, ...]
    allowed: tuple[str, ...]
    reason: Reason | None


class NoVerdict(Detail):
    """The case has no verdict; ``state`` says how far it got."""

    state: State
    reason: Reason | None


class NotComparable(Detail):
    """The case cannot be compared with its baseline."""

    reason: Reason | None


class ChaosUnknown(Detail):
    """The case is chaotic, and the policy does not list it as such."""

    chaos: Chaotic


class ChaosEarlier(Detail):
    """The case becomes chaotic before the ``accepted`` number of steps that must be gated."""

    chaos: Chaotic
    accepted: int


class Vacuous(Detail):
    """The case would not notice any fault."""

    reason: Reason


class NoPower(Detail):
    """The policy requires a power table that covers the case."""

    gap: Gap


class WithoutFacts(Detail):
    """The policy requires facts, and the baseline was recorded without them."""


class NotSoaked(Detail):
    """So many ``runs`` with the baseline, of which ``deviating`` gave other bits, prove too little.

    They prove that at most the share ``proven`` of all runs deviates, and the policy asks for ``bound``.
    """

    runs: int
    deviating: int
    proven: float
    bound: float
    confidence: float


@dataclass(frozen=True)
class BrokenPromise:
    """How the relation ``name`` held, which is less than a case promises."""

    name: str
    holding: str


class NotInvariant(Detail):
    """What a case promises of its invariances is not known to hold.

    ``lacking`` were not measured with this baseline; ``broken`` are the others.
    """

    lacking: tuple[str, ...]
    broken: tuple[BrokenPromise, ...]


class NoDate(Detail):
    """The baseline's ``date`` cannot be read."""

    date: str


class TooOld(Detail):
    """The baseline was recorded on ``date``, ``days`` ago, which is more than the policy allows."""

    date: str
    days: float
    allowed: int


class FromTheFuture(Detail):
    """The baseline's ``date`` is in the future."""

    date: str


class OtherRelease(Detail):
    """The baseline was recorded with a release of MindSpore that is not ``allowed``."""

    mindspore: str
    allowed: tuple[str, ...]


class NoCase(Detail):
    """The baseline does not belong to any case of the given suites."""


class SuiteNotGiven(Detail):
    """This many baselines belong to a suite that was not given."""

    baselines: int


class Gap(Tagged):
    """Why no power table covers a case."""


class NoTable(Gap):
    """No table was given."""


class NotInTable(Gap):
    """The table does not contain the case."""


class NotExamined(Gap):
    """The case could not be examined for the table."""

    reason: Reason


class TableOfOtherDevice(Gap):
    """The table was made for the baseline of another device."""

    table: str | None
    baseline: str


class ChangedSince(Gap):
    """What the table examined has changed since."""

    what: tuple[Literal["case", "baseline", "tolerance"], ...]


class FaultsFailed(Gap):
    """This many of the table's faults failed to run."""

    count: int


class TooFewFaults(Gap):
    """The table has too few faults to draw a conclusion."""


class Note(Tagged):
    """Something of interest about a policy, whatever the decision."""


class IdleWaiver(Note):
    """A waiver that waives nothing."""

    owner: str
    case: str
    expires: str


class NotChaotic(Note):
    """The policy lists a case as chaotic that is not."""

    case: str
