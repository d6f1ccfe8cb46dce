"""The difference between a cell's result and a reference, and whether rounding explains it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from harness.measurement.bfloat16 import float32_ulps
from harness.measurement.measurement import Array
from harness.measurement.statistics import max_ulp

_EPS = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
# Two results of one operator on one input differ by rounding alone up to this many eps of relative L2,
# because they add the same products in a different order. Between MindSpore 2.8 and 2.10, two major releases
# of oneDNN apart, the 3x3 convolutions of the shipped models (sums of up to 4608 products) differ by up to
# 2.8 eps of float32, and matrix products by 0.3. The limit allows five times that for cancellation and longer
# sums. Every model fault in the catalogue exceeds it in its cell at the reference size. Half precision adds
# in float32, so only the last rounding can differ: by one eps at most (0.007 measured), and by twice that if
# a cell rounds in between.
_ROUNDINGS = {"float64": 16, "float32": 16, "float16": 2, "bfloat16": 2}

# Another implementation may lose more digits in a sum that cancels, or use another approximation of a
# function. MindSpore's exp on the CPU is off by up to 64 units in the last place, where one is moved to
# measure the reference: the embeddings of timesteps of the shipped cases differ by up to 13 times that.
_TIMES_MEASURED = 16.0


@dataclass(frozen=True)
class Difference:
    """How two tensors of one call differ.

    ``differing`` of ``size`` values have different bits. ``relative_l2`` is the L2 norm of the difference
    over the reference's. ``max_abs`` is the largest absolute difference, and ``scale_ulp`` is the same in
    units in the last place of the reference's largest value (for integers, ``max_abs`` itself). ``max_ulp``
    is the largest number of representable values between two entries, which explodes near 0. ``form`` says
    how dtype or shape differ, in which case there are no figures.
    """

    differing: int = 0
    size: int = 0
    relative_l2: float = 0.0
    max_abs: float = 0.0
    scale_ulp: float = 0.0
    max_ulp: float = 0.0
    form: str | None = None

    def beyond(self, limit: float) -> bool:
        """Whether it is more than ``limit``, a relative L2; another form and NaN always are."""
        return self.form is not None or not self.relative_l2 <= limit

    def beyond_rounding(self, dtype: str) -> bool:
        """Whether rounding cannot explain it for values of ``dtype``. Integers and NaN never round."""
        return self.beyond(rounding_of(dtype))


# Zeros are at 1, and other numbers of the same size at 1.4.
_MOST_MEASURED = 0.5


def rounding_of(dtype: str, measured: float | None = None) -> float:
    """Return the largest relative L2 that rounding alone explains in values of ``dtype``.

    ``measured`` is how far rounding moves the reference itself, if that is known: then the limit is no less
    than some multiples of it, though never so much that zeros would be within it.
    """
    limit = _ROUNDINGS[dtype] * _EPS[dtype] if dtype in _EPS else 0.0
    return limit if measured is None else max(limit, min(_TIMES_MEASURED * measured, _MOST_MEASURED))


def difference(ours: Array, theirs: Array, dtype: str) -> Difference | None:
    """Return how ``ours`` differs from ``theirs``, or None if all bits are the same.

    ``dtype`` is the name of the dtype of the values. It is needed for bfloat16, which is held in
    float32 arrays.
    """
    if (ours.dtype, ours.shape) != (theirs.dtype, theirs.shape):
        told = [f"{array.dtype} {list(array.shape)}" for array in (ours, theirs)]
        return Difference(form=f"{told[0]} here, {told[1]} in the reference")
    unsigned = f"u{ours.dtype.itemsize}"
    left, right = (np.ascontiguousarray(array).view(unsigned) for array in (ours, theirs))
    differing = int(np.count_nonzero(left != right))
    if differing == 0:
        return None
    a, b = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    # Inf - Inf is NaN, which passes no limit.
    with np.errstate(invalid="ignore", over="ignore"):
        moved = np.abs(a - b)
        distance, norm = float(np.linalg.norm(moved)), float(np.linalg.norm(b))
        largest = float(moved.max())
    relative = distance / norm if norm else (0.0 if distance == 0 else math.inf)
    unit = _ulp_at(float(np.abs(b).max()), dtype)
    ulps = max_ulp(ours, theirs) / float32_ulps(dtype)
    return Difference(differing, ours.size, relative, largest, largest / unit, ulps)


def _ulp_at(value: float, dtype: str) -> float:
    """Return the unit in the last place of ``value`` in ``dtype``, or 1 if there is none."""
    if dtype not in _EPS or not 0 < value < math.inf:
        return 1.0
    return float(2.0 ** math.floor(math.log2(value)) * _EPS[dtype])
