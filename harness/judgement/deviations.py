"""Deviations: how far a statistic moved, on a scale that makes one limit fit all statistics."""

from __future__ import annotations

import math
from collections.abc import Mapping

from harness.judgement.metrics import ratio

# Sums over all values: they scale with the number of values, so their own size is their unit.
SUMS = ("abs_sum", "l2")


def statistic_deviation(name: str, measured: float, baseline: Mapping[str, float]) -> float:
    """Return the deviation of one statistic from ``baseline``'s, as a fraction.

    ``abs_sum`` and ``l2``: ``|measured - baseline| / |baseline|``. All others (mean, std, min, max,
    quantiles, those of channels), which have the unit of the values and may well be near 0:
    ``|measured - baseline| / rms``, where ``rms`` is the root mean square of the baseline's values, which
    is ``hypot(mean, std)``. 0/0 is 0, and x/0 infinite.

    Raises KeyError where the baseline lacks ``name``, or the ``mean`` and ``std`` that make the scale.
    """
    reference = baseline[name]
    scale = abs(reference) if name in SUMS else math.hypot(baseline["mean"], baseline["std"])
    return ratio(abs(measured - reference), scale)
