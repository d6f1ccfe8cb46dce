"""Mistakes that show as a factor, an offset, a summand, or other coefficients."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from harness.explanation.hypotheses.fitting import LEFT, Hypothesis, fitting, relative
from harness.explanation.hypotheses.kinds import (
    ChannelFactor,
    ChannelOffset,
    Clipped,
    Coefficients,
    Factor,
    Mistake,
    Offset,
    Summand,
    Unclipped,
)
from harness.measurement.measurement import Array

# A sum of two tensors has to give the reference's values this well to count as its formula.
_FORMULA = 1e-4
# More values than that per group, so that the group's number is not fitted to noise.
_FEWEST = 8
# Of fewer values, or of the same one many times, any number is a factor and an offset.
_DIFFERENT = 3
_BEGINNING = 64
# The most tensors of which sums are tried, and the most values that are looked at before all are.
_MOST_SUMMED = 12
_SAMPLED = 4096


def linear(
    given: Sequence[tuple[str, Array]], ours: Array, theirs: Array, dtype: str
) -> Iterator[Hypothesis]:
    """Yield the hypotheses that fit; all arrays are of float64, and ``ours`` and ``theirs`` of one shape."""
    yield from _fits(_whole(ours, theirs), ours, theirs, dtype)
    yield from _fits(_clipped(ours, theirs), ours, theirs, dtype)
    if (found := _unclipped(ours, theirs)) is not None:
        yield found
    yield from _fits(_summands(given, ours, theirs), ours, theirs, dtype)
    yield from _fits(_coefficients(given, ours, theirs), ours, theirs, dtype)
    yield from _fits(_channels(ours, theirs), ours, theirs, dtype)


def _fits(
    found: Iterator[tuple[Mistake, Array]], ours: Array, theirs: Array, dtype: str
) -> Iterator[Hypothesis]:
    for mistake, predicted in found:
        if (fit := fitting(mistake, predicted, ours, theirs, dtype)) is not None:
            yield fit


def _whole(ours: Array, theirs: Array) -> Iterator[tuple[Mistake, Array]]:
    if not _several(theirs):
        return
    square = float(np.vdot(theirs, theirs))
    if square > 0:
        factor = float(np.vdot(theirs, ours)) / square
        yield Factor(factor), factor * theirs
    offset = float(np.mean(ours - theirs))
    yield Offset(offset), theirs + offset


def _clipped(ours: Array, theirs: Array) -> Iterator[tuple[Mistake, Array]]:
    low, high = float(ours.min()), float(ours.max())
    if _ends(ours, low, high):
        yield Clipped(low, high), np.clip(theirs, low, high)


def _ends(values: Array, low: float, high: float) -> bool:
    """Return whether ``values`` look clipped: an end occurs more than once, and others lie between."""
    often = np.count_nonzero(values == low) > 1 or np.count_nonzero(values == high) > 1
    return often and np.count_nonzero((values > low) & (values < high)) >= _FEWEST


def _several(values: Array) -> bool:
    """Return whether ``values`` are enough different ones for one number to explain what became of them."""
    # The beginning nearly always decides it.
    return any(len(np.unique(part)) >= _DIFFERENT for part in (values.ravel()[:_BEGINNING], values))


def _unclipped(ours: Array, theirs: Array) -> Hypothesis | None:
    low, high = float(theirs.min()), float(theirs.max())
    if not _ends(theirs, low, high):
        return None
    left = relative(np.clip(ours, low, high), theirs)
    return Hypothesis(Unclipped(low, high), left) if left <= LEFT * relative(ours, theirs) else None


def _summands(
    given: Sequence[tuple[str, Array]], ours: Array, theirs: Array
) -> Iterator[tuple[Mistake, Array]]:
    moved = ours - theirs
    for name, array in _alike(given, theirs):
        square = float(np.vdot(array, array))
        if square > 0 and _several(array):
            times = float(np.vdot(array, moved)) / square
            yield Summand(name, times), theirs + times * array


def _coefficients(
    given: Sequence[tuple[str, Array]], ours: Array, theirs: Array
) -> Iterator[tuple[Mistake, Array]]:
    alike = list(_alike(given, theirs))[:_MOST_SUMMED]
    # Most sums are told by some of the values not to be the formula.
    some = slice(None, None, max(1, theirs.size // _SAMPLED))
    for count in (2, 3):
        for parts in itertools.combinations(alike, count):
            if theirs.size < _FEWEST * count:
                continue
            if _missed(np.stack([array.ravel()[some] for _, array in parts], axis=1), theirs.ravel()[some]):
                continue
            columns = np.stack([array.ravel() for _, array in parts], axis=1)
            formula, *_ = np.linalg.lstsq(columns, theirs.ravel(), rcond=None)
            if relative(columns @ formula, theirs.ravel()) > _FORMULA:
                continue
            found, *_ = np.linalg.lstsq(columns, ours.ravel(), rcond=None)
            names = tuple(name for name, _ in parts)
            mistake = Coefficients(names, tuple(map(float, found)), tuple(map(float, formula)))
            yield mistake, (columns @ found).reshape(ours.shape)
            return


def _missed(columns: Array, goal: Array) -> bool:
    """Return whether no sum of ``columns`` is near ``goal``; a few values are always nearer than all are."""
    found, *_ = np.linalg.lstsq(columns, goal, rcond=None)
    # All of the values may be larger than those looked at: only what is far off is missed.
    return relative(columns @ found, goal) > 10 * _FORMULA and bool(np.any(goal))


def _channels(ours: Array, theirs: Array) -> Iterator[tuple[Mistake, Array]]:
    if not _several(theirs):
        return
    moved = ours - theirs
    for axis in range(theirs.ndim):
        others = tuple(each for each in range(theirs.ndim) if each != axis)
        if theirs.size < _FEWEST * theirs.shape[axis] or theirs.shape[axis] < 2:
            continue
        yield ChannelOffset(axis), theirs + moved.mean(axis=others, keepdims=True)
        squares = (theirs * theirs).sum(axis=others, keepdims=True)
        products = (theirs * ours).sum(axis=others, keepdims=True)
        factors = np.divide(products, squares, out=np.ones_like(squares), where=squares > 0)
        yield ChannelFactor(axis), theirs * factors


def _alike(given: Sequence[tuple[str, Array]], theirs: Array) -> Iterator[tuple[str, Array]]:
    seen: list[Array] = []
    for name, array in given:
        if array.shape == theirs.shape and theirs.ndim and not any(array is each for each in seen):
            seen.append(array)
            yield name, array
