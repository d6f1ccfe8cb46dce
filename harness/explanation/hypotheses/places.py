"""Mistakes that show as the same values in other places, or as other values in some places only."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from harness.explanation.hypotheses.fitting import Hypothesis, fitting, relative
from harness.explanation.hypotheses.kinds import (
    Border,
    Mistake,
    Part,
    PartsNotMoved,
    Permuted,
    Regrouped,
    Reversed,
    Rolled,
    Swapped,
)
from harness.measurement.measurement import Array

_MOST_AXES = 5
# The most rows or columns that another padding adds.
_PADDED = 2
# Smaller pictures are all border.
_SMALLEST = 3
# Values of another shape are those of the reference if they are this near to them, in relative L2.
_LEFT = 0.02
_MOST_PARTS = 64
# The share of the squared difference that the places named have to hold.
_INSIDE = 0.999
# A border is at most this share of the values, so that it is not most of a small picture.
_MOST_BORDER = 0.8


def moved(ours: Array, theirs: Array, dtype: str) -> Iterator[Hypothesis]:
    """Yield the hypotheses that this side has the reference's values in other places."""
    for mistake, predicted in _moved(theirs):
        if (fit := fitting(mistake, predicted, ours, theirs, dtype)) is not None:
            yield fit


def _moved(theirs: Array) -> Iterator[tuple[Mistake, Array]]:
    shape, axes = theirs.shape, range(theirs.ndim)
    for axis in axes:
        size = shape[axis]
        # Of two, either is the other; two halves are what is usually swapped.
        if size > 1 and size % 2 == 0:
            yield Swapped(axis), np.roll(theirs, size // 2, axis)
        if size > 1:
            yield Reversed(axis), np.flip(theirs, axis)
        for places in (1, -1):
            if size > 2:
                yield Rolled(axis, places), np.roll(theirs, places, axis)
        for parts in range(2, min(size // 2, _MOST_PARTS) + 1):
            if size % parts == 0:
                split = theirs.reshape(*shape[:axis], parts, size // parts, *shape[axis + 1 :])
                yield Regrouped(axis, parts), np.swapaxes(split, axis, axis + 1).reshape(shape)
    if theirs.ndim <= _MOST_AXES:
        for order in itertools.permutations(axes):
            if order != tuple(axes):
                yield Permuted(order), np.transpose(theirs, order).reshape(shape)
                # The same mistake made of values that had been moved already.
                back = theirs.reshape([shape[axis] for axis in order])
                yield Permuted(order), np.transpose(back, np.argsort(order))
    for axis in range(1, theirs.ndim):
        for parts in range(2, min(shape[axis], _MOST_PARTS) + 1):
            if shape[axis] % parts == 0:
                yield PartsNotMoved(axis, parts), _not_moved(theirs, axis, parts)


def _not_moved(theirs: Array, axis: int, parts: int) -> Array:
    shape = theirs.shape
    split = theirs.reshape(*shape[:axis], parts, shape[axis] // parts, *shape[axis + 1 :])
    # [rows, parts, width] was made of [parts, rows, width], and is read as if it were that.
    return np.swapaxes(split, axis - 1, axis).reshape(shape)


def other_shape(ours: Array, theirs: Array) -> Iterator[Hypothesis]:
    """Yield what two tensors of different shapes look like."""
    if ours.ndim != theirs.ndim:
        return
    for order in itertools.permutations(range(ours.ndim)) if ours.ndim <= _MOST_AXES else ():
        moved = np.transpose(theirs, order)
        if ours.size and moved.shape == ours.shape and (left := relative(moved, ours)) <= _LEFT:
            yield Hypothesis(Permuted(order), left)
            return
    apart = [abs(one - other) for one, other in zip(ours.shape, theirs.shape, strict=True)]
    if ours.ndim >= 4 and not any(apart[:-2]) and max(apart[-2:]) <= _PADDED and _same_inside(ours, theirs):
        yield Hypothesis(Border(), 0.0)


def _same_inside(ours: Array, theirs: Array) -> bool:
    """Return whether one picture lies in the other, apart from its own border."""
    places = []
    for one, other in zip(ours.shape[-2:], theirs.shape[-2:], strict=True):
        longer = range(abs(one - other) + 1)
        places.append([(0, at, one) if one <= other else (at, 0, other) for at in longer])
    for (top, top_other, height), (left, left_other, width) in itertools.product(*places):
        if min(height, width) < _SMALLEST:
            return False
        inner = ours[..., top + 1 : top + height - 1, left + 1 : left + width - 1]
        goal = theirs[..., top_other + 1 : top_other + height - 1, left_other + 1 : left_other + width - 1]
        if relative(inner, goal) <= _LEFT:
            return True
    return False


def placed(ours: Array, theirs: Array) -> Iterator[Hypothesis]:
    """Yield where alone the two sides differ, if that is not everywhere; the rest is explained by nothing."""
    squares = np.square(ours - theirs)
    total = float(squares.sum())
    if total == 0 or theirs.ndim == 0:
        return
    if theirs.ndim >= 4 and min(theirs.shape[-2:]) > 2:
        inner = squares[..., 1:-1, 1:-1]
        border = 1 - inner.size / squares.size
        if border <= _MOST_BORDER and float(inner.sum()) <= (1 - _INSIDE) * total:
            yield Hypothesis(Border(), 0.0)
            return
    for axis in range(theirs.ndim):
        size = theirs.shape[axis]
        shares = squares.sum(axis=tuple(each for each in range(theirs.ndim) if each != axis)) / total
        held = np.flatnonzero(shares > (1 - _INSIDE) / max(size, 1))
        if size > 1 and len(held) and held[-1] - held[0] + 1 <= size / 2:
            yield Hypothesis(Part(axis, int(held[0]), int(held[-1]), size), 0.0)
