"""Hard failures: what no tolerance excuses, checked before any metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np

from harness.judgement import reasons as r
from harness.measurement.measurement import Array, Measurement

SHOWN_POSITIONS = 3
# The number of values checked at a time, so that a large array needs no mask of its own size.
PIECE = 1 << 20


def hard_failures(measured: Measurement, baseline: Measurement) -> tuple[r.Reason, ...]:
    """Return why no metric can compare ``measured`` with ``baseline``; usually empty.

    The failures are a different shape or dtype, an empty array, NaN or Inf in the measured values (whatever
    the baseline has at the same position), and statistics that are missing or not finite.
    """
    reasons = form_failures("output", measured.output, baseline.output)
    if measured.dtype != baseline.dtype and measured.output.dtype == baseline.output.dtype:
        reasons.append(r.DtypeDiffers("output", measured.dtype, baseline.dtype))
    reasons += value_failures("output", measured.output)
    reasons += statistic_failures(measured.statistics, baseline.statistics)
    for record in measured.trace:
        if bad := _not_finite(record.statistics):
            reasons.append(r.LatentsNotFinite(record.step, record.timestep, bad))
            break
    return tuple(reasons)


def form_failures(subject: r.Subject, array: Array, reference: Array) -> list[r.Reason]:
    """Return why two arrays cannot be compared value by value. ``subject`` says what ``array`` is."""
    reasons: list[r.Reason] = []
    if array.shape != reference.shape:
        reasons.append(r.ShapeDiffers(subject, array.shape, reference.shape))
    if array.dtype != reference.dtype:
        reasons.append(r.DtypeDiffers(subject, str(array.dtype), str(reference.dtype)))
    if array.size == 0:
        reasons.append(r.Empty(subject, array.shape))
    return reasons


def value_failures(subject: r.Subject, array: Array) -> list[r.Reason]:
    """Return how many values of ``array`` are NaN or Inf, and the positions of the first ones."""
    if array.dtype.kind != "f":
        return []
    reasons: list[r.Reason] = []
    flat = array.reshape(-1)
    kinds: dict[Literal["NaN", "Inf"], Callable[[Array], Array]] = {"NaN": np.isnan, "Inf": np.isinf}
    for kind, is_bad in kinds.items():
        count = 0
        positions: list[tuple[int, ...]] = []
        for start in range(0, array.size, PIECE):
            (found,) = np.nonzero(is_bad(flat[start : start + PIECE]))
            count += found.size
            for index in found[: SHOWN_POSITIONS - len(positions)]:
                positions.append(tuple(map(int, np.unravel_index(start + index, array.shape))))
        if count:
            reasons.append(r.ValuesNotFinite(subject, kind, count, array.size, tuple(positions)))
    return reasons


def statistic_failures(measured: Mapping[str, float], baseline: Mapping[str, float]) -> list[r.Reason]:
    """Return which of the baseline's statistics were not measured and which are not finite."""
    reasons: list[r.Reason] = []
    if missing := sorted(baseline.keys() - measured.keys()):
        reasons.append(r.StatisticsMissing(tuple(missing)))
    if bad := _not_finite(measured):
        reasons.append(r.StatisticsNotFinite(bad))
    return reasons


def _not_finite(statistics: Mapping[str, float]) -> tuple[r.NotFinite, ...]:
    return tuple(
        r.NotFinite(name, str(float(value))) for name, value in statistics.items() if not np.isfinite(value)
    )
