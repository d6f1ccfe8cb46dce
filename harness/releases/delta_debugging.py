"""Delta debugging: the smallest set of elements that has an effect. It runs nothing itself.

The algorithm is ddmin of Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE
Transactions on Software Engineering 28(2), 2002. Here the elements are settings, and the effect of turning a
set of them back is that the drift is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Generic, TypeVar

Result = TypeVar("Result")
Set = frozenset[str]
# Whether a set has the effect; None if that cannot be found out, for instance because the case fails then.
Test = Callable[[Set], bool | None]


class Exhausted(Exception):
    """No further set may be tested."""


@dataclass(frozen=True)
class Search:
    """What a search found among ``elements``.

    ``alone`` are the elements of which each has the effect by itself. If there are none, ``together`` is a
    set that has it, and that has it no more without any one of its elements; it is empty if none was found.
    ``all_of_them`` is whether all elements together have the effect (None: not tested, or no answer).
    ``smallest`` is whether no smaller set has it, as far as sets were tested and gave an answer.
    ``complete`` is whether the search came to its end.
    """

    alone: tuple[str, ...] = ()
    together: tuple[str, ...] = ()
    all_of_them: bool | None = None
    smallest: bool = False
    complete: bool = True

    @property
    def found(self) -> bool:
        """Whether a set with the effect is known."""
        return bool(self.alone or self.together)


class Runs(Generic[Result]):
    """What came of each set, by ``run``: each runs once.

    If more than ``most`` are asked for, it raises :class:`Exhausted`. ``known`` are the results so far, in
    the order in which they came.
    """

    def __init__(self, run: Callable[[Set], Result], most: int) -> None:
        self._run, self._most = run, most
        self.known: dict[Set, Result] = {}

    def __call__(self, chosen: Set) -> Result:
        """Return the result of ``chosen``."""
        if chosen not in self.known:
            if len(self.known) >= self._most:
                raise Exhausted
            self.known[chosen] = self._run(chosen)
        return self.known[chosen]


def search(elements: Sequence[str], test: Test) -> Search:
    """Return which of ``elements`` have the effect alone, or else a smallest set that has it.

    First each is tested alone, then all together. Only if all together have the effect and none alone does,
    sets in between are tested: ddmin comes to a set from which nothing can be left out, and then all smaller
    sets are tested, because ddmin may pass over one of them. ``test`` is asked for some sets more than once,
    see :class:`Runs`, and may raise :class:`Exhausted`.
    """
    alone: tuple[str, ...] = ()
    together: Set = frozenset()
    whole: bool | None = None
    try:
        for each in elements:
            if test(frozenset([each])):
                alone = (*alone, each)
        start = frozenset(elements)
        whole = test(start)
        if alone:
            return Search(alone, all_of_them=whole, smallest=True)
        if whole is None:
            # Without those that give no answer alone, the others may give one.
            start = frozenset(each for each in elements if test(frozenset([each])) is not None)
        if not start or not test(start):
            return Search(all_of_them=whole)
        for reduced in reductions(start, elements, test):
            together = reduced
        for size in range(2, len(together)):
            smaller = (frozenset(each) for each in combinations(elements, size))
            if (found := next((each for each in smaller if test(each)), None)) is not None:
                together = found
                break
    except Exhausted:
        return Search(alone, _ordered(together, elements), whole, complete=False)
    return Search((), _ordered(together, elements), whole, smallest=True)


def reductions(start: Set, elements: Sequence[str], test: Test) -> Iterator[Set]:
    """Yield ever smaller sets that have the effect, from ``start``, which has it; ddmin.

    From the last one no single element can be left out. Elements are tried in the order of ``elements``.
    """
    yield start
    chosen, parts = start, 2
    while len(chosen) > 1:
        subsets = _split(_ordered(chosen, elements), parts)
        # With two parts, the complement of one is the other.
        complements = [chosen - each for each in subsets] if parts > 2 else []
        candidates = [(each, 2) for each in subsets] + [(each, max(parts - 1, 2)) for each in complements]
        reduced = next(((each, finer) for each, finer in candidates if test(each)), None)
        if reduced is not None:
            chosen, parts = reduced
            yield chosen
        elif parts < len(chosen):
            parts = min(2 * parts, len(chosen))
        else:
            return


def _split(elements: Sequence[str], parts: int) -> list[Set]:
    """Return ``elements`` in so many subsets of about the same size."""
    size = len(elements)
    return [
        frozenset(elements[size * index // parts : size * (index + 1) // parts]) for index in range(parts)
    ]


def _ordered(chosen: Set, elements: Sequence[str]) -> tuple[str, ...]:
    return tuple(each for each in elements if each in chosen)
