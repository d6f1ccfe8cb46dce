"""Search for the smallest size of a fault that is caught."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from typing import NamedTuple

from harness.faults.catalogue import Fault
from harness.judgement.power.detection import Detection

# The search ends when the smallest size caught is at most this many times the largest size missed below it.
PRECISION = 1.25
# Search steps are a little shorter, so that sizes rounded for display still end the search.
_STEP = 1.2
_DIGITS = 3
# Between two bounds, one in this many tests halves the interval, whatever the margins predict.
_BISECT_EVERY = 3

Search = Generator[float, Detection, "Bracket"]


@dataclass(frozen=True)
class Bracket:
    """Where detection begins: the fault is caught at ``caught_from`` and missed at ``missed_at``, below it.

    ``caught_from`` is None if the fault was missed at every size examined, up to ``missed_at``. ``missed_at``
    is None if it was caught at every size, down to ``caught_from``. ``numbers_from`` is whether the numbers
    alone catch it at ``caught_from``.
    """

    caught_from: float | None
    missed_at: float | None
    numbers_from: bool = False


class _Test(NamedTuple):
    """One size examined: its margin (None if it predicts nothing) and whether the numbers caught it."""

    size: float
    margin: float | None
    numbers_alone: bool


def search(fault: Fault, at_reference: Detection) -> Search:
    """Find the smallest size of ``fault`` that is caught. Yields sizes and is sent the result of each.

    ``at_reference`` is the result at the reference size. The search goes down from there if the fault was
    caught and up if it was missed, on a logarithmic scale between ``fault.smallest`` and ``fault.largest``.
    It finds the smallest size such that this size and every larger size examined, up to the reference, are
    caught. If detection comes and goes with the size, sizes caught below a missed one do not count. If even
    the reference is missed, the result is the smallest size found above it.

    The margin is roughly proportional to the size, so it predicts where detection begins. If the prediction
    is right, two more runs confirm it. If it is wrong, halving the interval still ends the search.
    """
    assert fault.reference is not None
    start = _test(fault.reference, at_reference)
    if at_reference.caught:
        return (yield from _downwards(fault, start))
    return (yield from _upwards(fault, start))


def _downwards(fault: Fault, caught: _Test) -> Search:
    steps = 0
    while caught.size > fault.smallest:
        if caught.margin is None:
            # Caught by a fact, so most likely at every size. One run will show.
            size = fault.smallest
        else:
            size = min(caught.size / caught.margin * math.sqrt(_STEP), caught.size / _stride(steps))
            size = max(_rounded(size), fault.smallest)
        found = yield size
        if not found.caught:
            return (yield from _between(_test(size, found), caught))
        caught = _test(size, found)
        steps += 1
    return Bracket(caught.size, None, caught.numbers_alone)


def _upwards(fault: Fault, missed: _Test) -> Search:
    steps = 0
    while missed.size < fault.largest:
        if not missed.margin:
            # No effect at all: it remains to be seen whether any size has one.
            size = fault.largest
        else:
            size = max(missed.size / missed.margin * math.sqrt(_STEP), missed.size * _stride(steps))
            size = min(_rounded(size), fault.largest)
        found = yield size
        if found.caught:
            return (yield from _between(missed, _test(size, found)))
        missed = _test(size, found)
        steps += 1
    return Bracket(None, missed.size)


def _between(missed: _Test, caught: _Test) -> Search:
    tests = 0
    while caught.size > PRECISION * missed.size:
        tests += 1
        middle = math.sqrt(missed.size * caught.size)
        begins = _foretold(missed, caught)
        if begins is None or tests % _BISECT_EVERY == 0:
            size = middle
        elif caught.size <= begins * PRECISION:
            size = caught.size / _STEP
        elif missed.size >= begins / PRECISION:
            size = missed.size * _STEP
        else:
            size = begins * math.sqrt(_STEP)
        size = _rounded(size)
        if not missed.size < size < caught.size:
            size = middle
        found = yield size
        if found.caught:
            caught = _test(size, found)
        else:
            missed = _test(size, found)
    return Bracket(caught.size, missed.size, caught.numbers_alone)


def _test(size: float, found: Detection) -> _Test:
    margin = found.margin
    if margin is not None and (not math.isfinite(margin) or found.caught != (margin > 1)):
        margin = None  # The margin does not show how close detection was.
    return _Test(size, margin, found.numbers_alone)


def _foretold(missed: _Test, caught: _Test) -> float | None:
    """Return the size between two tests at which a power law through both predicts a margin of 1."""
    if not missed.margin or caught.margin is None:
        return None
    part = math.log(caught.margin) / math.log(caught.margin / missed.margin)
    return float(caught.size * (missed.size / caught.size) ** part)


def _stride(steps: int) -> float:
    """Return the smallest factor for the next step outwards. Steps grow if the margins predict too little."""
    return float(_STEP ** max(1, 2 ** (steps - 1)))


def _rounded(size: float) -> float:
    """Return ``size`` with the digits that a table shows, so that the fault can be repeated from it."""
    return float(f"{size:.{_DIGITS}g}")
