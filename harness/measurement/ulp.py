"""Units in the last place: how many representable values lie between two."""

from __future__ import annotations

import numpy as np

from harness.measurement.measurement import Array


def max_ulp(a: Array, b: Array) -> float:
    """Return the largest number of representable values between two entries; -0.0 and 0.0 are one value.

    For integers and booleans it is the largest difference. ``a`` and ``b`` are finite, of one shape and
    dtype, and not empty.
    """
    if a.dtype.kind != "f":
        return float(np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64)).max())
    width = a.dtype.itemsize
    left, right = (np.atleast_1d(values).view(f"i{width}") for values in (a, b))
    furthest = 0
    unlike = left ^ right
    opposite = unlike < 0 if unlike.min() < 0 else None
    # Two of one sign are as far apart as their bits.
    apart = np.subtract(left, right, out=unlike)
    if opposite is not None:
        # Two of opposite signs are as far apart as both are from 0, which may be beyond the signed range.
        magnitude = np.iinfo(left.dtype).max
        left, right = ((bits[opposite] & magnitude).view(f"u{width}") for bits in (left, right))
        furthest = int((left + right).max())
        apart[opposite] = 0
    return float(max(furthest, int(apart.max()), -int(apart.min())))
