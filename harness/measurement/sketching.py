"""Sketches of computed parameters: numbers from which the size of a later change can be told.

The signs come from SplitMix64 (Steele, Lea and Flood, 2014), which is a few lines of integer arithmetic, and
every sum is a tree of additions of two numbers. So equal bits have an equal sketch on every machine and with
every numpy.
"""

from __future__ import annotations

import math

import numpy as np

from harness.measurement.bfloat16 import dtype_of, to_numpy
from harness.measurement.facts import PROJECTIONS, Sketch
from harness.measurement.measurement import Array

# Of each dtype: the bits of the fraction, and the exponent of the smallest normal number.
_FORMATS = {"float64": (52, -1022), "float32": (23, -126), "float16": (10, -14), "bfloat16": (7, -126)}
# The constants of SplitMix64, whose seed is 0. They are part of the format of baselines.
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIXERS = ((30, np.uint64(0xBF58476D1CE4E5B9)), (27, np.uint64(0x94D049BB133111EB)))
_SIGN = np.uint64(1 << 63)
# The most elements taken at a time, a power of 2.
_PIECE = 1 << 14


def sketch_of(parameter: Array) -> Sketch | None:
    """Return the sketch of ``parameter``; None if it has no rounding (integers), or no finite norm.

    The element with index i, counted in C order, has the sign ``bit 63 - k of word i`` in projection k, and
    word i is output i of SplitMix64 with seed 0.
    """
    array = to_numpy(parameter)
    dtype = dtype_of(parameter, array)
    if dtype not in _FORMATS:
        return None
    values = array.reshape(-1)
    exact = dtype == "float64"
    totals, lost = np.zeros(PROJECTIONS), np.zeros(PROJECTIONS)
    with np.errstate(all="ignore"):
        for start in range(0, values.size, _PIECE):
            piece = _padded(values[start : start + _PIECE])
            sums, errors = _summed(_signed(piece, start), exact=exact)
            totals, error = _two_sum(totals, sums)
            lost += errors + error
        scale, square = _sum_of_squares(values)
        projections, remainders = _two_sum(totals, lost)
        l2 = float(np.ldexp(math.sqrt(square), scale))
    numbers = (*projections, *remainders, l2)
    if not np.isfinite(numbers).all():
        return None
    return Sketch(
        dtype=dtype,
        shape=array.shape,
        projections=tuple(map(float, projections)),
        remainders=tuple(map(float, remainders)) if exact else (),
        l2=l2,
        ulp_l2=_ulp_l2(values, *_FORMATS[dtype]),
    )


def _padded(part: Array) -> Array:
    """Return ``part`` in float64, with zeros up to a length that is a power of 2."""
    padded = np.zeros(1 << (part.size - 1).bit_length())
    padded[: part.size] = part
    return padded


def _words(start: int, count: int) -> Array:
    """Return ``count`` outputs of SplitMix64 from number ``start`` on, one for each element of a piece."""
    # Its last step, which does not reach the bits that are signs, is left out.
    word = _STEP * np.arange(start + 1, start + 1 + count, dtype=np.uint64)
    for shift, factor in _MIXERS:
        word = (word ^ (word >> np.uint64(shift))) * factor
    return word


def _signed(piece: Array, start: int) -> Array:
    """Return ``piece`` with the signs of each projection, ``[projections, piece]``."""
    signed = np.empty((PROJECTIONS, piece.size), np.uint64)
    words = _words(start, piece.size)
    for projection, row in enumerate(signed):
        np.left_shift(words, np.uint64(projection), out=row)
    signed &= _SIGN
    signed ^= piece.view(np.uint64)
    return signed.view(np.float64)


def _two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """Return the rounded sum of each two numbers and, exactly, what it lacks (Knuth's TwoSum)."""
    total = a + b
    part: Array = total - a
    return total, (a - (total - part)) + (b - part)


def _summed(terms: Array, *, exact: bool) -> tuple[Array, Array]:
    """Return the sum of each row, whose length is a power of 2, and what it lacks if that is to be known."""
    lost = np.zeros_like(terms[:, 0])
    while terms.shape[1] > 1:
        half = terms.shape[1] // 2
        if exact:
            terms, errors = _two_sum(terms[:, :half], terms[:, half:])
            lost += _summed(errors, exact=False)[0]
        else:
            terms = terms[:, :half] + terms[:, half:]
    return terms[:, 0], lost


def _sum_of_squares(values: Array) -> tuple[int, float]:
    """Return an exponent, and the sum of the squares of ``values`` divided by that power of 2."""
    largest = max(float(values.max(initial=0)), -float(values.min(initial=0)))
    # Squares of float64 alone can overflow or vanish.
    scale = math.frexp(largest)[1] if values.dtype == np.float64 and math.isfinite(largest) else 0
    total = 0.0
    for start in range(0, values.size, _PIECE):
        piece = _padded(values[start : start + _PIECE])
        piece = np.ldexp(piece, -scale) if scale else piece
        total += float(_summed(np.square(piece)[None], exact=False)[0][0])
    return scale, total


def _ulp_l2(values: Array, fraction: int, smallest: int) -> float:
    """Return the L2 norm of the ulps of ``values``, of which a few different ones occur."""
    counts = np.zeros(1 << 11, np.int64)
    for start in range(0, values.size, _PIECE):
        part = values[start : start + _PIECE].astype(np.float64)
        bits: Array = part.view(np.int64)
        counts += np.bincount((bits >> 52) & 0x7FF, minlength=counts.size)
    if not counts.any():
        return 0.0
    exponents = [max(int(found) - 1023, smallest) for found in np.flatnonzero(counts)]
    largest = exponents[-1]
    squares = (
        int(count) * math.ldexp(1.0, 2 * (exponent - largest))
        for count, exponent in zip(counts[counts > 0], exponents, strict=True)
    )
    return math.ldexp(math.sqrt(math.fsum(squares)), largest - fraction)
