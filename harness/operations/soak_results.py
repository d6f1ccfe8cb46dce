"""What is asked of a soak, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass

from harness.baselines.soak import SoakRecord
from harness.baselines.tally import Tally
from harness.cases.case import Case
from harness.errors import HarnessError, UsageError
from harness.judgement.soak.proof import CONFIDENCE, runs_needed, upper_bound
from harness.judgement.tiers import Tier
from harness.measurement.second_call import CallBits, FirstDifference
from harness.operations.soak_explaining import Explained

BOUND = 0.05
# The most runs in which a deviation is looked for once more, with rare settings drawn more often.
EXPLAINING_RUNS = 200


@dataclass(frozen=True)
class Demand:
    """How long each case is soaked: ``runs`` more runs, or as many as prove ``bound`` at ``confidence``.

    Earlier runs count for the bound. The settings are drawn from ``seed``. ``anew`` forgets earlier runs.
    ``explaining`` is the most further runs from which is learnt what a deviation goes with.
    Raises :class:`harness.errors.UsageError` for values that make no sense.
    """

    runs: int | None = None
    bound: float = BOUND
    confidence: float = CONFIDENCE
    seed: int = 0
    anew: bool = False
    explaining: int = EXPLAINING_RUNS

    def __post_init__(self) -> None:
        # Written so that nan fails them.
        if not 0 < self.bound < 1:
            raise UsageError(f"a bound of {self.bound:g} is no share of the runs: give one between 0 and 1")
        if not 0.5 <= self.confidence < 1:
            raise UsageError(f"a confidence of {self.confidence:g}: give one from 0.5 to below 1")
        if self.runs is not None and self.runs < 1:
            raise UsageError(f"{self.runs} runs prove nothing: give 1 or more")
        if self.explaining < 0:
            raise UsageError(f"{self.explaining} runs to explain a deviation: give 0 or more")
        if self.seed < 0:
            raise UsageError(f"seed {self.seed}: give 0 or more")

    def left(self, before: Tally) -> int:
        """Return how many runs are still to be made after those ``before``."""
        if self.runs is not None:
            return self.runs
        return max(runs_needed(self.bound, self.confidence) - before.runs, 0)


@dataclass(frozen=True)
class Deviation:
    """The first run of a case that gave other bits: the ``number`` of the run, and under which ``levels``.

    ``expected`` and ``found`` are the bits of the reference and of that run. ``explained`` is what came of
    looking for what it goes with.
    """

    number: int
    levels: dict[str, str]
    difference: FirstDifference
    expected: CallBits
    found: CallBits
    explained: Explained | None = None


@dataclass(frozen=True)
class SoakedCase:
    """What came of soaking one case.

    ``runs`` are those of this soak, and ``proven`` those that are stored with the baseline, these included.
    ``proven`` is None, and ``unstored`` says why, if no baseline of this environment has been compared with:
    the reference is then the first run. ``failure`` is why a run gave no bits, which ends the soak.
    """

    case: Case
    runs: Tally
    seconds: float
    proven: SoakRecord | None
    unstored: HarnessError | Tier | None = None
    deviation: Deviation | None = None
    failure: HarnessError | None = None

    @property
    def whole(self) -> Tally:
        """The runs that count: those stored with the baseline, or else those of this soak."""
        return self.runs if self.proven is None else self.proven.runs


@dataclass(frozen=True)
class Foreseen:
    """How many runs a soak takes at most, and about how many seconds; the ``fixed`` settings do not vary."""

    runs: int
    seconds: float
    fixed: tuple[str, ...] = ()


@dataclass(frozen=True)
class SoFar:
    """The runs of ``case`` so far, of those that it is to have."""

    case: Case
    runs: Tally
    of: int


@dataclass(frozen=True)
class Soak:
    """The result of a soak."""

    cases: tuple[SoakedCase, ...]
    demand: Demand

    @property
    def deviates(self) -> bool:
        """Whether any run gave other bits, now or earlier."""
        return any(each.whole.deviating for each in self.cases)

    @property
    def complete(self) -> bool:
        """Whether every case could be run as often as was asked for."""
        return all(each.failure is None for each in self.cases)

    def bound(self, case: SoakedCase) -> float:
        """Return the share of runs of ``case`` that deviate at most, at the confidence that was asked for."""
        return upper_bound(case.whole.runs, case.whole.deviating, self.demand.confidence)
