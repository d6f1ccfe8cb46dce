"""Trying every hypothesis on one cell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from harness.explanation.hypotheses.digits import fewer_digits, values_of
from harness.explanation.hypotheses.fitting import Hypothesis, relative
from harness.explanation.hypotheses.formulas import formulas
from harness.explanation.hypotheses.kinds import Part
from harness.explanation.hypotheses.linear import linear
from harness.explanation.hypotheses.places import moved, other_shape, placed
from harness.measurement.measurement import REAL_KINDS, Array
from harness.tracing.observed import Observed

# Larger tensors are tried for what costs little; every order of axes would take minutes.
_MOST = 1 << 20
# No formula here has inputs that are so much larger than what it makes.
_LARGEST = 8 * _MOST


def first_fit(observed: Observed) -> Hypothesis | None:
    """Return the first hypothesis that fits what a cell made, or None if none does.

    The order is from what explains all of the difference by one number or formula to what only says where it
    is, or how large.
    """
    # What overflows in float64 fits nothing, and is nothing to warn of.
    with np.errstate(all="ignore"):
        return next(_fits(observed), None)


def _fits(observed: Observed) -> Iterator[Hypothesis]:
    ours, theirs = observed.ours, observed.theirs
    if ours.shape != theirs.shape:
        if ours.dtype.kind in REAL_KINDS and theirs.dtype.kind in REAL_KINDS:
            yield from other_shape(_wide(ours), _wide(theirs))
        return
    if ours.size < 2:
        return
    if ours.dtype.kind not in REAL_KINDS or not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
        return
    wide, goal, dtype = _wide(ours), _wide(theirs), observed.dtype
    if not relative(wide, goal) > 0:
        # Zeros of either sign.
        return
    small = ours.size <= _MOST
    given = _usable(observed.given) if small else []
    yield from values_of(ours, theirs, dtype)
    if small:
        yield from formulas(given, observed.settings, wide, goal, dtype)
    yield from linear([each for each in given if np.isfinite(each[1]).all()], wide, goal, dtype)
    if small:
        yield from moved(wide, goal, dtype)
    yield from fewer_digits(ours, theirs, dtype, observed.their_dtype)
    for found in placed(wide, goal):
        if small and isinstance(found.mistake, Part):
            yield from _of_part(found.mistake, wide, goal, dtype)
        yield found


def _of_part(part: Part, ours: Array, theirs: Array, dtype: str) -> Iterator[Hypothesis]:
    """Yield what explains the part that differs by itself: permuted rows before others that are right."""
    inside = tuple(
        slice(part.first, part.last + 1) if axis == part.axis else slice(None) for axis in range(ours.ndim)
    )
    yield from linear((), ours[inside], theirs[inside], dtype)
    yield from moved(ours[inside], theirs[inside], dtype)


def _usable(given: Sequence[tuple[str, Array]]) -> list[tuple[str, Array]]:
    """Return the tensors of numbers, in float64; masks may have -inf."""
    return [
        (name, _wide(array))
        for name, array in given
        if array.dtype.kind in REAL_KINDS and array.size <= _LARGEST
    ]


def _wide(array: Array) -> Array:
    return np.asarray(array, np.float64)
