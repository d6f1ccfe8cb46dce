"""The absolute difference of two outputs: as values, as a map of 8 bits, as a histogram."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.measurement.measurement import Array

# Codes 1 to 255 span this many decades below the largest difference, in steps of 5.6 %.
DECADES = 6
BINS_PER_DECADE = 4
# Differences further below the largest than this are counted with the smallest bin.
_HISTOGRAM_DECADES = 10


def comparable(a: Array, b: Array) -> bool:
    """Whether the values of two arrays can be subtracted from one another."""
    return a.shape == b.shape and a.dtype == b.dtype


def difference(a: Array, b: Array) -> Array:
    """Return ``|a - b|`` in float64: 0 for equal values, infinite where one is NaN or Inf."""
    left, right = np.asarray(a, np.float64), np.asarray(b, np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        distance = np.abs(left - right)
    return np.where(left == right, 0.0, np.where(np.isfinite(distance), distance, np.inf))


def largest(distance: Array) -> float:
    """Return the largest finite entry, 0 where there is none."""
    return float(np.max(distance, initial=0.0, where=np.isfinite(distance)))


def to_codes(distance: Array, top: float) -> Array:
    """Return ``distance`` as uint8 on a logarithmic scale below ``top``, the largest finite difference.

    0 is no difference at all, 255 is ``top`` and what is not finite, k from 1 is
    ``top * 10 ** (-DECADES * (255 - k) / 254)``. The smallest difference is never coded as none, so that
    one of 1e-7 in a picture of ones can be seen as well as one of 0.1.
    """
    if top == 0:
        return np.where(distance > 0, 255, 0).astype(np.uint8)
    with np.errstate(divide="ignore"):
        codes = 255 + 254 / DECADES * np.log10(distance / top)
    return np.where(distance > 0, np.clip(np.rint(codes), 1, 255), 0).astype(np.uint8)


def histogram(distance: Array) -> dict[str, Any]:
    """Return how many values differ by how much, in bins of a quarter of a decade.

    ``counts[i]`` are differences of ``10 ** (start + i / BINS_PER_DECADE)`` up to the next bin's; the first
    also has all smaller ones. ``equal`` and ``not_finite`` are counted by themselves.
    """
    finite = distance[np.isfinite(distance)]
    positive = finite[finite > 0]
    result: dict[str, Any] = {
        "total": int(distance.size),
        "equal": int(finite.size - positive.size),
        "not_finite": int(distance.size - finite.size),
        "bins_per_decade": BINS_PER_DECADE,
        "start": 0.0,
        "counts": [],
    }
    if positive.size:
        places = np.floor(np.log10(positive) * BINS_PER_DECADE).astype(int)
        last = int(places.max())
        first = max(int(places.min()), last - _HISTOGRAM_DECADES * BINS_PER_DECADE)
        counts = np.bincount(np.maximum(places, first) - first, minlength=last - first + 1)
        result.update(start=first / BINS_PER_DECADE, counts=[int(count) for count in counts])
    return result
