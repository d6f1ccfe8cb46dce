"""Rows: measured figures beside their limits, as a table shows them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from harness.cases.tolerance import AT_LEAST, Limits
from harness.judgement.deviations import statistic_deviation
from harness.judgement.metrics import METRICS, why_absent
from harness.measurement.measurement import Array, Measurement


@dataclass(frozen=True)
class Row:
    """One figure of a comparison.

    ``measured`` is a metric, or a statistic's deviation as :func:`statistic_deviation` defines it; None
    where it could not be computed, and ``note`` says why. ``passed`` is None for a figure without a limit,
    which is shown and does not decide. For a statistic ``value`` and ``baseline`` are its two values.
    ``at_least`` turns the limit round: the figure must not be below it.
    """

    name: str
    measured: float | None
    limit: float | None = None
    passed: bool | None = None
    at_least: bool = False
    value: float | None = None
    baseline: float | None = None
    note: str = ""

    @property
    def used(self) -> float | None:
        """The part of the limit that is used up: 0 for no difference, 1 at the limit, above it a failure.

        In the size of the difference between the arrays, so that it means the same for every metric: a
        difference twice as large uses twice as much, also of a limit on a metric of second order (cosine
        distance, 1 - SSIM) or on PSNR in dB. None without a limit.
        """
        if self.limit is None:
            return None
        if self.measured is None or math.isnan(self.measured):
            return math.inf
        if self.name.endswith("psnr"):
            return float(np.power(10.0, min((self.limit - self.measured) / 20, _DECADES)))
        if self.at_least:
            return math.sqrt(_part(max(1 - self.measured, 0.0), 1 - self.limit))
        part = _part(self.measured, self.limit)
        return math.sqrt(part) if self.name.endswith("cosine_distance") else part


# Of a limit's size; more is as much over it, and powers of ten have an end.
_DECADES = 300.0


def _part(amount: float, limit: float) -> float:
    if limit == 0:
        return 0.0 if amount == 0 else math.inf
    return amount / limit


def metric_rows(
    metrics: Mapping[str, float], limits: Limits | None, output: Array, prefix: str = ""
) -> Iterator[Row]:
    """Yield one row per metric computed, and a failing one per metric with a limit that does not apply."""
    for name in METRICS:
        limit = getattr(limits, name, None)
        at_least = name in AT_LEAST
        measured = metrics.get(name)
        if measured is None:
            if limit is not None:
                note = f"{why_absent(name, output)}: remove the limit"
                yield Row(prefix + name, None, limit, passed=False, at_least=at_least, note=note)
            continue
        passed = None if limit is None else (measured >= limit if at_least else measured <= limit)
        yield Row(prefix + name, measured, limit, passed, at_least)


def statistic_rows(
    measured: Mapping[str, float],
    baseline: Mapping[str, float],
    limits: Limits | None,
    prefix: str = "",
) -> Iterator[Row]:
    """Yield one row per statistic of ``baseline``.

    A limit on a statistic that neither side has gives a row that fails.
    """
    given = None if limits is None else limits.statistics
    for name in baseline:
        deviation = statistic_deviation(name, measured[name], baseline)
        limit = given.get(name) if isinstance(given, dict) else given
        passed = None if limit is None else deviation <= limit
        yield Row(prefix + name, deviation, limit, passed, value=measured[name], baseline=baseline[name])
    for name in sorted(given.keys() - baseline.keys() if isinstance(given, dict) else ()):
        known = ", ".join(baseline)
        note = f"the baseline has no such statistic; it has {known}"
        yield Row(
            prefix + name, None, given[name] if isinstance(given, dict) else None, passed=False, note=note
        )


def changed_statistic_rows(measured: Measurement, baseline: Measurement) -> Iterator[Row]:
    """Yield the statistics that are not the very same number, as rows that fail a limit of 0."""
    for row in statistic_rows(measured.statistics, baseline.statistics, None):
        if row.value != row.baseline:
            yield Row(row.name, row.measured, 0.0, passed=False, value=row.value, baseline=row.baseline)
