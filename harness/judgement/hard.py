"""Hard failures: what no tolerance excuses, looked at before any metric."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from harness.measurement.measurement import Array, Measurement

SHOWN_POSITIONS = 3
# Values looked at in one go: a large array needs no mask of its own size.
PIECE = 1 << 20


def hard_failures(measured: Measurement, baseline: Measurement) -> tuple[str, ...]:
    """Return why ``measured`` cannot be held to ``baseline`` by any metric, one text each; usually none.

    Another shape or dtype, nothing at all, NaN or Inf in what was measured (whatever the baseline has at the
    same position), statistics that are missing or not finite.
    """
    reasons = form_failures("output", measured.output, "the baseline's", baseline.output)
    reasons += value_failures("output", measured.output)
    reasons += statistic_failures(measured.statistics, baseline.statistics)
    for record in measured.trace:
        if bad := _not_finite(record.statistics):
            reasons.append(f"the latents of step {record.step} (timestep {record.timestep}): {bad}")
            break
    return tuple(reasons)


def form_failures(what: str, array: Array, whose: str, reference: Array) -> list[str]:
    """Return why two arrays cannot be compared value by value."""
    reasons = []
    if array.shape != reference.shape:
        reasons.append(f"{what}: shape {list(array.shape)}, {whose} is {list(reference.shape)}")
    if array.dtype != reference.dtype:
        reasons.append(f"{what}: dtype {array.dtype}, {whose} is {reference.dtype}")
    if array.size == 0:
        reasons.append(f"{what}: empty (shape {list(array.shape)})")
    return reasons


def value_failures(what: str, array: Array) -> list[str]:
    """Return how many values of ``array`` are NaN or Inf, and where the first ones are."""
    if array.dtype.kind != "f":
        return []
    reasons = []
    flat = array.reshape(-1)
    for kind, is_bad in (("NaN", np.isnan), ("Inf", np.isinf)):
        count = 0
        positions: list[tuple[int, ...]] = []
        for start in range(0, array.size, PIECE):
            (found,) = np.nonzero(is_bad(flat[start : start + PIECE]))
            count += found.size
            for index in found[: SHOWN_POSITIONS - len(positions)]:
                positions.append(tuple(map(int, np.unravel_index(start + index, array.shape))))
        if count:
            more = ", …" if count > len(positions) else ""
            reasons.append(
                f"{what}: {kind} in {count} of {array.size} values, at {str(positions)[1:-1]}{more}"
            )
    return reasons


def statistic_failures(measured: Mapping[str, float], baseline: Mapping[str, float]) -> list[str]:
    """Return which of the baseline's statistics were not measured, and which are no numbers."""
    reasons = []
    if missing := sorted(baseline.keys() - measured.keys()):
        reasons.append(f"statistics missing from the measurement: {', '.join(missing)}")
    if bad := _not_finite(measured):
        reasons.append(f"statistics: {bad}")
    return reasons


def _not_finite(statistics: Mapping[str, float]) -> str:
    return ", ".join(f"{name} is {value}" for name, value in statistics.items() if not np.isfinite(value))
