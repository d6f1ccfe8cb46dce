"""Distances in ulp: units in the last place of a dtype, at the size of the exact value."""

from __future__ import annotations

import math

import numpy as np

from harness.measurement.measurement import Array

# The bits of the fraction, and the smallest exponent of a normal number.
_FORMS = {"float16": (10, -14), "bfloat16": (7, -126), "float32": (23, -126), "float64": (52, -1022)}


def ulp_of(exact: Array, dtype: str) -> Array:
    """Return one unit in the last place of ``dtype`` at each of the ``exact`` values."""
    bits, smallest = _FORMS[dtype]
    # Of zero, frexp's exponent is 0.
    exponents = np.where(exact == 0, smallest, np.maximum(np.frexp(exact)[1] - 1, smallest)) - bits
    unit: Array = np.ldexp(1.0, exponents)
    return unit


def distances(values: Array, exact: Array, dtype: str) -> Array:
    """Return how many ulp of ``dtype`` each of ``values`` is from ``exact``, in float64.

    Where one of the two is not finite, that is 0 if they are equal or both NaN, and otherwise infinite. What
    is beyond the largest number of the dtype counts as infinite there.
    """
    wide, exact = values.astype(np.float64), exact.astype(np.float64)
    if dtype == "float16":
        # What float64 holds and float16 rounds to infinity.
        exact = np.where(np.abs(exact) >= 65520.0, np.copysign(np.inf, exact), exact)
    finite = np.isfinite(wide) & np.isfinite(exact)
    equal = (wide == exact) | (np.isnan(wide) & np.isnan(exact))
    with np.errstate(invalid="ignore", over="ignore"):
        units = np.abs(wide - exact) / ulp_of(np.where(finite, exact, 1.0), dtype)
    found: Array = np.where(finite, units, np.where(equal, 0.0, np.inf))
    return found


def relative_l2(values: Array, exact: Array) -> float:
    """Return the norm of the difference over the norm of the ``exact`` values; NaN if one is not finite."""
    wide, exact = values.astype(np.float64), exact.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        size, off = float(np.sqrt(np.sum(exact**2))), float(np.sqrt(np.sum((wide - exact) ** 2)))
    if size == 0.0:
        return 0.0 if off == 0.0 else math.inf
    return off / size
