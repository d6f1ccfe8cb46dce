"""Bisection for versions that do not repeat: each runs as often as the confidence of the answer takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic

import numpy as np

from harness.errors import HarnessError, UsageError, in_short
from harness.measurement.measurement import Measurement
from harness.releases.bisection import (
    Bisected,
    NothingToFind,
    Repeats,
    RunsOf,
    Tried,
    Undecided,
    Version,
    alike,
    bisect,
    check_distinct,
    comparable,
)
from harness.releases.comparison import Comparison
from harness.releases.noisy_search import Belief, Counts, believe, information

# By how many runs the bits of the good end lead those of its other runs before the search, and before an
# answer. A good end that flakes in one run of five begins with three bad runs in 0.8 % of cases. The answer
# that nothing changed follows from the good end more than any other. An end that never repeats never leads.
_LEAD, _LEAD_IF_UNCHANGED = 3, 4
_LONGEST_LEAD = 25
# No run tells anything about the position.
_NOTHING = 1e-9


@dataclass(frozen=True)
class Plan:
    """How often versions run.

    Each end runs ``repeats`` times before the search; with 1, every version runs once and is trusted to
    repeat. The search ends when its answer has the probability ``confidence``, or after ``max_runs`` runs.

    Raises UsageError for values that make no sense.
    """

    repeats: int = 2
    confidence: float = 0.99
    max_runs: int = 500

    def __post_init__(self) -> None:
        if self.repeats < 1:
            raise UsageError(f"--repeats {self.repeats}: each end runs at least once")
        if not 0.5 < self.confidence < 1:
            raise UsageError(f"--confidence {self.confidence:g}: give a number between 0.5 and 1")
        if self.max_runs < 2 * self.repeats:
            raise UsageError(f"--max-runs {self.max_runs}: the ends alone take {2 * self.repeats} runs")


def bisect_by(
    plan: Plan,
    versions: Sequence[Version],
    run: Callable[[Version], Measurement],
    compare: Callable[[Measurement, Measurement], Comparison],
    *,
    until_drift: bool = False,
    tried: Callable[[Tried], None] = lambda _: None,
) -> Bisected[Version]:
    """Return where in ``versions`` the output changed, by :func:`bisect` if ``plan`` runs each once.

    Otherwise by :func:`bisect_noisy`.
    """
    if plan.repeats == 1:
        return bisect(versions, run, compare, until_drift=until_drift, tried=tried)
    return bisect_noisy(plan, versions, run, compare, until_drift=until_drift, tried=tried)


def bisect_noisy(
    plan: Plan,
    versions: Sequence[Version],
    run: Callable[[Version], Measurement],
    compare: Callable[[Measurement, Measurement], Comparison],
    *,
    until_drift: bool = False,
    tried: Callable[[Tried], None] = lambda _: None,
) -> Bisected[Version]:
    """Return where in ``versions``, the good one first and the bad one last, the output changed.

    This is :func:`bisect` for versions whose runs differ among themselves: both ends run first, as often as
    ``plan`` says, and then always the version whose run tells most about where the change is, until the
    answer has the confidence of ``plan``. See :mod:`harness.releases.noisy_search`. What the good version
    gives is what most of its runs give.

    Raises :class:`NothingToFind` if the ends show the change equally often, :class:`Undecided` if no answer
    reaches the confidence, and the errors of :func:`bisect`.
    """
    check_distinct(versions)
    line = _Line(versions, run, compare, tried, until_drift=until_drift)
    for end in (0, len(versions) - 1):
        for _ in range(plan.repeats):
            line.run(end)
        while line.owes_lead(_LEAD):
            line.run(0)
    while True:
        present = line.present
        belief = believe(line.changed[present], line.same_by_chance[present])
        certain = belief.confidence >= plan.confidence
        if (certain or _upside_down(belief)) and line.owes_lead(_lead(belief)):
            following = 0
        elif certain:
            break
        else:
            told = np.where(line.spent[present], 0.0, information(belief))
            following = int(present[told.argmax()])
            if told.max() < _NOTHING:
                raise _undecided(plan, line, belief, present)
        if line.runs >= plan.max_runs:
            raise _undecided(plan, line, belief, present)
        line.run(following)
    ends = line.tally(0), line.tally(len(versions) - 1)
    if belief.no_change:
        often = ends[0].changed or ends[1].changed
        text = (
            f"{versions[-1]} differs from {versions[0]} no more often than that differs from itself: there "
            "is no change to find between them"
        )
        raise NothingToFind(text if often else alike(versions, until_drift=until_drift), ends=ends)
    return line.bisected(present[belief.first_changed - 1], present[belief.first_changed], belief.confidence)


def _upside_down(belief: Belief) -> bool:
    """Return whether the good end was probably taken wrongly: most runs before the change show it."""
    before, since = belief.rates()
    return before > 0.5 or (before >= since and not belief.no_change)


def _lead(belief: Belief) -> int:
    """Return by how many runs the good end's bits should lead before the answer of ``belief`` is given."""
    if _upside_down(belief):
        return _LONGEST_LEAD
    return _LEAD_IF_UNCHANGED if belief.no_change else _LEAD


def _undecided(plan: Plan, line: _Line[Version], belief: Belief, present: Counts) -> Undecided:
    best = None if belief.no_change else line.versions[present[belief.first_changed]]
    ends = line.tally(0), line.tally(len(line.versions) - 1)
    return Undecided(best, belief.confidence, plan.confidence, line.runs, ends)


class _Line(Generic[Version]):
    """The versions of a line and their runs.

    ``changed`` and ``same`` count, for each version, the runs that show the change and those that do not.
    ``failed`` are the versions without a measurement, and why; ``present`` are the others. Those marked in
    ``spent`` failed after they had given a measurement, and do not run again.
    """

    def __init__(
        self,
        versions: Sequence[Version],
        run: Callable[[Version], Measurement],
        compare: Callable[[Measurement, Measurement], Comparison],
        tried: Callable[[Tried], None],
        *,
        until_drift: bool,
    ) -> None:
        self.versions, self.runs = versions, 0
        self.changed, self.same = np.zeros((2, len(versions)), np.int64)
        self.failed: dict[int, str] = {}
        self.present = np.arange(len(versions))
        self.spent = np.zeros(len(versions), bool)
        self._run, self._compare, self._tried, self._until_drift = run, compare, tried, until_drift
        # How often each version gave which bits, and the first run that gave them.
        self._bits = [Counter[str]() for _ in versions]
        self._first: dict[tuple[int, str], Measurement] = {}
        self._compared: dict[tuple[str, int, str], Comparison] = {}
        self._reference = ""

    def run(self, index: int) -> None:
        """Run a version once more, unless it cannot be run; raises the error of an end that has not run."""
        if self.spent[index]:
            return
        version, ran = self.versions[index], self._bits[index]
        self.runs += 1
        try:
            measured = self._run(version)
        except HarnessError as error:
            if not ran and index in (0, len(self.versions) - 1):
                raise
            told = in_short(str(error))
            if ran:
                self.spent[index] = True
            else:
                self.failed[index] = told
                self.present = self.present[self.present != index]
            self._tried(Tried(version, None, told))
            return
        bits = measured.bits
        first = not ran
        ran[bits] += 1
        self._first.setdefault((index, bits), measured)
        reference = self._most_agreed() if index == 0 else self._reference
        if reference != self._reference:
            self._reference = reference
            self._count_again()
            words = "the good end" if first else "as most runs of the good end are now"
        else:
            words = self._words(index, bits)
            self.same[index] += self._is_good(index, bits)
            self.changed[index] = ran.total() - self.same[index]
        self._tried(Tried(version, self._is_good(index, bits), words))

    @property
    def same_by_chance(self) -> Counts:
        """``same`` without the one run of the good end that is compared with itself."""
        same: Counts = self.same.copy()
        same[0] -= 1
        return same

    def owes_lead(self, lead: int) -> bool:
        """Return whether the good end should run again before what most of its runs give is relied on."""
        undecided = self.same[0] - self.changed[0] < lead and self._bits[0].total() < _LONGEST_LEAD
        return bool(undecided and not self.spent[0])

    def tally(self, index: int) -> RunsOf:
        """Return how often a version showed the change."""
        return RunsOf(self.versions[index], int(self.changed[index]), self._bits[index].total())

    def bisected(self, last_good: int, first_bad: int, confidence: float) -> Bisected[Version]:
        """Return the result, with the runs that are typical of the two versions."""
        reference = self._first[0, self._reference]
        good = self._typical((last_good, 0), good=True)
        bad = self._typical((first_bad, len(self.versions) - 1), good=False)
        before = slice(None, first_bad), slice(first_bad, None)
        counts = [(int(self.changed[part].sum()), int(self.same[part].sum())) for part in before]
        repeats = Repeats(
            confidence=confidence,
            tallies=tuple(self.tally(index) for index, ran in enumerate(self._bits) if ran),
            before=counts[0],
            since=counts[1],
            shows=self._shows,
            changed_bits=frozenset(
                bits for bits in self._bits[first_bad] if not self._is_good(first_bad, bits)
            ),
        )
        return Bisected(
            last_good=self.versions[last_good],
            first_bad=self.versions[first_bad],
            good=good,
            bad=bad,
            step=self._compare(good, bad),
            to_good=self._compare(reference, bad),
            untested=tuple((self.versions[i], self.failed[i]) for i in range(last_good + 1, first_bad)),
            runs=self.runs,
            repeats=repeats,
        )

    def _typical(self, places: Iterable[int], *, good: bool) -> Measurement:
        """Return the most frequent run that is good or not, of the first of ``places`` that has one.

        If all of them are alike, the ends differ in how often they are, and it is any run of the last.
        """
        ran = [(index, bits) for index in places for bits, _ in self._bits[index].most_common()]
        return self._first[next((each for each in ran if self._is_good(*each) is good), ran[-1])]

    def _is_good(self, index: int, bits: str) -> bool:
        return self._comparison(index, bits).passed if self._until_drift else bits == self._reference

    def _words(self, index: int, bits: str) -> str:
        if self._until_drift:
            return self._comparison(index, bits).verdict.value
        return "the same bits" if bits == self._reference else "other bits"

    def _shows(self, measured: Measurement) -> bool:
        if self._until_drift:
            return not self._compare(self._first[0, self._reference], measured).passed
        return measured.bits != self._reference

    def _most_agreed(self) -> str:
        """Return the bits of the good end with which most of its runs agree, of several the first."""
        ran = self._bits[0]

        def agreeing(bits: str) -> int:
            return sum(number for other, number in ran.items() if self._agree(bits, other))

        return max(ran, key=agreeing)

    def _agree(self, bits: str, other: str) -> bool:
        return bits == other or (self._until_drift and self._comparison(0, other, bits).passed)

    def _comparison(self, index: int, bits: str, reference: str | None = None) -> Comparison:
        key = (reference or self._reference, index, bits)
        if key not in self._compared:
            compared = self._compare(self._first[0, key[0]], self._first[index, bits])
            self._compared[key] = comparable(compared, self.versions[index], self.versions[0])
        return self._compared[key]

    def _count_again(self) -> None:
        for index, ran in enumerate(self._bits):
            self.same[index] = sum(number for bits, number in ran.items() if self._is_good(index, bits))
            self.changed[index] = ran.total() - self.same[index]
