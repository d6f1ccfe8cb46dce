"""Rows: measured figures and their limits, as a table shows them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from harness.cases.tolerance import AT_LEAST, Limits
from harness.judgement.metrics import METRICS, ratio, statistic_deviation, why_absent
from harness.judgement.reasons import Absence, NoSuchStatistic
from harness.measurement.measurement import Array, Measurement

# What a figure describes: the output, the latents after a step, a batch compared with its single images,
# the decoder on the baseline's input, or what the host made of the model's last array.
Part = Literal["output", "latents", "batch", "decoder", "host"]


@dataclass(frozen=True)
class Row:
    """One figure of a comparison.

    ``figure`` is a metric or a statistic of ``part`` (for latents, after ``step``). ``measured`` is the
    metric, or the statistic's deviation as defined by :func:`statistic_deviation`. It is None if it could not
    be computed, and ``absence`` says why. ``passed`` is None for a figure without a limit, which is shown but
    does not decide. For a statistic, ``value`` and ``baseline`` are its values on the two sides. ``at_least``
    reverses the limit: the figure must not be below it.
    """

    figure: str
    measured: float | None
    limit: float | None = None
    passed: bool | None = None
    at_least: bool = False
    value: float | None = None
    baseline: float | None = None
    absence: Absence | None = None
    part: Part = "output"
    step: int | None = None

    @property
    def name(self) -> str:
        """The name that identifies the row within a judgement, in tables, histories and certificates."""
        if self.part == "latents":
            return f"latents.{self.figure} after step {self.step}"
        if self.part in ("decoder", "host"):
            return f"{self.part} alone: {self.figure}"
        return f"batch vs single: {self.figure}" if self.part == "batch" else self.figure

    @property
    def used(self) -> float | None:
        """The part of the limit that is used: 0 for no difference, 1 at the limit, more for a failure.

        It is expressed in the size of the difference between the arrays, so that it means the same for every
        metric: a difference twice as large uses twice as much, even of a limit on a metric of second order
        (cosine distance, 1 - SSIM) or on PSNR in dB. None without a limit.
        """
        if self.limit is None:
            return None
        if self.measured is None or math.isnan(self.measured):
            return math.inf
        if self.figure == "psnr":
            return float(np.power(10.0, min((self.limit - self.measured) / 20, _DECADES)))
        if self.at_least:
            return math.sqrt(ratio(max(1 - self.measured, 0.0), 1 - self.limit))
        part = ratio(self.measured, self.limit)
        return math.sqrt(part) if self.figure == "cosine_distance" else part


# At most this many powers of ten over a limit: beyond that the number means nothing more, and powers of ten
# overflow.
_DECADES = 300.0


def metric_rows(
    metrics: Mapping[str, float], limits: Limits | None, output: Array, part: Part = "output"
) -> Iterator[Row]:
    """Yield one row per metric computed, and a failing row per limited metric that does not apply."""
    for name in METRICS:
        limit = getattr(limits, name, None)
        at_least = name in AT_LEAST
        measured = metrics.get(name)
        if measured is None:
            if limit is not None:
                absence = why_absent(name, output)
                yield Row(name, None, limit, passed=False, at_least=at_least, absence=absence, part=part)
            continue
        passed = None if limit is None else (measured >= limit if at_least else measured <= limit)
        yield Row(name, measured, limit, passed, at_least, part=part)


def statistic_rows(
    measured: Mapping[str, float],
    baseline: Mapping[str, float],
    limits: Limits | None,
    part: Part = "output",
) -> Iterator[Row]:
    """Yield one row per statistic of ``baseline``.

    A limit on a statistic that neither side has gives a failing row.
    """
    given = None if limits is None else limits.statistics
    for name in baseline:
        deviation = statistic_deviation(name, measured[name], baseline)
        limit = given.get(name) if isinstance(given, dict) else given
        passed = None if limit is None else deviation <= limit
        yield Row(name, deviation, limit, passed, value=measured[name], baseline=baseline[name], part=part)
    for name in sorted(given.keys() - baseline.keys() if isinstance(given, dict) else ()):
        limit = given[name] if isinstance(given, dict) else None
        yield Row(name, None, limit, passed=False, absence=NoSuchStatistic(tuple(baseline)), part=part)


def changed_statistic_rows(measured: Measurement, baseline: Measurement) -> Iterator[Row]:
    """Yield the statistics that are not exactly equal, as rows that fail a limit of 0."""
    for row in statistic_rows(measured.statistics, baseline.statistics, None):
        if row.value != row.baseline:
            yield replace(row, limit=0.0, passed=False)
