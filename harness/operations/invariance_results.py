"""What comes of measuring the invariances of cases."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from harness.cases.case import Case
from harness.cases.relations import Relation
from harness.errors import HarnessError
from harness.judgement.invariance.holding import Held
from harness.judgement.tiers import Tier
from harness.operations.invariance_runs import Unfit
from harness.promises import Holding, Promise
from harness.tracing.divergence import Divergence

# Why no cell is named: the difference lies after the last step, cells cannot be watched with these bits, the
# calls of cells cannot be matched, or no cell gave other bits.
Unseen = Literal["after", "compiled", "regrouped", "not seen"]


@dataclass(frozen=True)
class FoundCell:
    """The first cell that gives other bits on the same inputs, in ``step``.

    ``unseen`` says why there is none. ``failure`` ended the search.
    """

    step: int | None
    cell: Divergence | None = None
    unseen: Unseen | None = None
    failure: HarnessError | None = None


@dataclass(frozen=True)
class Invariance:
    """What came of one ``relation`` of a case.

    ``promise`` is what the case promises of it, None if it promises nothing. One of the others is there: how
    it was ``held``, why it is ``unfit`` for the case, why the pipeline was ``refused`` the run, or the
    ``failure`` of a run. ``found`` is the first cell that differs, if that was looked for.
    """

    relation: Relation
    promise: Promise | None
    held: Held | None = None
    unfit: Unfit | None = None
    refused: HarnessError | None = None
    failure: HarnessError | None = None
    found: FoundCell | None = None

    @property
    def broken(self) -> bool:
        """Whether it does not hold: less than the case promises, or violated where it promises nothing."""
        if self.held is None:
            return False
        if self.promise is None:
            return self.held.holding is Holding.VIOLATED
        return not self.held.holding.keeps(self.promise)

    @property
    def unanswered(self) -> bool:
        """Whether a run failed, or a promise cannot be tried."""
        promised = self.promise is not None and self.promise != "any"
        return self.failure is not None or (promised and self.held is None)


@dataclass(frozen=True)
class CaseInvariances:
    """The invariances of ``case``, or the ``failure`` of its own run.

    ``stored`` is whether they are stored with its baseline; ``unstored`` says why not.
    """

    case: Case
    invariances: tuple[Invariance, ...] = ()
    stored: bool = False
    unstored: HarnessError | Tier | None = None
    failure: HarnessError | None = None


@dataclass(frozen=True)
class Invariances:
    """The result of measuring invariances."""

    cases: tuple[CaseInvariances, ...] = field(default_factory=tuple)

    @property
    def holds(self) -> bool:
        """Whether no invariance is broken."""
        return not any(each.broken for case in self.cases for each in case.invariances)

    @property
    def complete(self) -> bool:
        """Whether every case ran, and every promise could be tried."""
        cases = all(each.failure is None for each in self.cases)
        return cases and not any(each.unanswered for case in self.cases for each in case.invariances)
