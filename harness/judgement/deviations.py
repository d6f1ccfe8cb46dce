"""Deviations: how far a statistic moved, on a scale that makes one limit fit all statistics."""

from __future__ import annotations

import math
from collections.abc import Mapping

from harness.judgement.metrics import ratio

# Sums over all values: they scale with the number of values, so their own size is their unit.
SUMS = ("abs_sum", "l2")


def statistic_deviation(name: str, measured: float, baseline: Mapping[str, float], size: int) -> float:
    """Return the deviation of one statistic from ``baseline``'s, as a fraction.

    ``abs_sum`` and ``l2``: ``|measured - baseline| / |baseline|``. All others (mean, std, min, max,
    quantiles, those of channels), which have the unit of the values and may well be near 0:
    ``|measured - baseline| / rms``, where ``rms = l2 / sqrt(size)`` is the baseline's, and ``size`` the
    number of its values. 0/0 is 0, and x/0 infinite.

    Raises KeyError where the baseline lacks ``name``, or the ``l2`` that makes the scale.
    """
    reference = baseline[name]
    scale = abs(reference) if name in SUMS else baseline["l2"] / math.sqrt(max(size, 1))
    return ratio(abs(measured - reference), scale)
