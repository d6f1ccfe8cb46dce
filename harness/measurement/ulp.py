"""Units in the last place: how many representable values lie between two."""

from __future__ import annotations

import numpy as np

from harness.measurement.record import Array


def max_ulp(a: Array, b: Array) -> float:
    """Return the largest number of representable values between two entries; -0.0 and 0.0 are one value.

    For integers and booleans it is the largest difference. ``a`` and ``b`` are finite, of one shape and
    dtype, and not empty.
    """
    if a.dtype.kind != "f":
        return float(np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64)).max())
    width = a.dtype.itemsize
    left, right = a.view(f"i{width}"), b.view(f"i{width}")
    unlike = left ^ right
    if unlike.min() >= 0:
        # All pairs are of one sign, where values are as far apart as their bits.
        apart = np.subtract(left, right, out=unlike)
        return float(max(int(apart.max()), -int(apart.min())))
    left, right = _ordered(left), _ordered(right)
    # The distance may be beyond the signed range, not beyond the unsigned one: let it wrap there.
    apart = np.maximum(left, right) - np.minimum(left, right)
    return float(apart.view(f"u{width}").max())


def _ordered(bits: Array) -> Array:
    """Map the bits of floats to integers in the order of the floats, neighbours to neighbours, zeros to 0."""
    # -1 for a sign bit that is set, else 0. A negative float becomes its magnitude, negated.
    sign = bits >> (8 * bits.itemsize - 1)
    ordered: Array = (bits ^ (sign & np.iinfo(bits.dtype).max)) - sign
    return ordered
