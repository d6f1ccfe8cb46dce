"""How far two implementations are from float64: the yardstick by which a port is held to its original."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.measurement.measurement import Array, Measurement
from harness.tracing.difference import rounding_of

# How many times the original's own distance from float64 a port's may be. Chosen from the shipped cases of
# mindone and from planted faults: docs/alignment.md has the table.
FACTOR = 4.0


@dataclass(frozen=True)
class Distance:
    """How far the latents after ``step``, or the output (None), are from the original's in float64.

    ``port`` and ``own`` are the relative L2 of the port and of the original in the case's own dtype.
    ``limit`` is what ``port`` may be at most.
    """

    step: int | None
    port: float
    own: float
    limit: float

    @property
    def within(self) -> bool:
        """Whether the port is as near as it has to be; NaN is not."""
        return self.port <= self.limit


def distances(
    port: Measurement, own: Measurement, exact: Measurement, *, dtype: str, factor: float = FACTOR
) -> tuple[Distance, ...]:
    """Return the distance after each step, and last that of the output.

    ``exact`` is the original in float64, and ``own`` in ``dtype``, which is the port's. Steps that not all
    three keep, or that have other shapes, are left out. The limit is ``factor`` times the original's own
    distance, and no less than what rounding alone explains in one cell.
    """
    found = []
    sides = [each.latents for each in (port, own, exact)]
    if not any(each is None for each in sides):
        for step, latents in enumerate(zip(*sides, strict=False)):
            found += _distance(step, *latents, dtype=dtype, factor=factor)
    return (*found, *_distance(None, port.output, own.output, exact.output, dtype=dtype, factor=factor))


def _distance(
    step: int | None, port: Array, own: Array, exact: Array, *, dtype: str, factor: float
) -> list[Distance]:
    if not port.shape == own.shape == exact.shape:
        return []
    own_distance = _relative(own, exact)
    limit = max(factor * own_distance, rounding_of(dtype))
    return [Distance(step, _relative(port, exact), own_distance, limit)]


def _relative(array: Array, exact: Array) -> float:
    wide = np.asarray(exact, np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        distance = float(np.linalg.norm(np.asarray(array, np.float64) - wide))
    norm = float(np.linalg.norm(wide))
    return distance / norm if norm else (0.0 if distance == 0 else float("inf"))
