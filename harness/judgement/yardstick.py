"""How far two implementations are from float64: the yardstick by which a port is held to its original."""

from __future__ import annotations

from dataclasses import dataclass

from harness.judgement.calibration.spread import distance
from harness.judgement.metrics import ratio
from harness.measurement.measurement import Array, Measurement
from harness.tracing.difference import rounding_of

# How many times the original's own distance from float64 a port's may be before its cells are looked at.
# Stricter than the factor by which a case is judged (:mod:`harness.judgement.reference`): where only rounding
# is found, nothing is lost but time.
FACTOR = 4.0
# Zeros are at 1, and other numbers of the same size at 1.4: a limit near that would let anything pass.
_MOST = 0.5


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
    def used(self) -> float:
        """The share of the limit that the port uses."""
        return ratio(self.port, self.limit)

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
    distance, and no less than what rounding alone explains in one cell, but never so much that a port of
    zeros would be within it.
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
    own_distance = distance(own, exact)
    limit = min(max(factor * own_distance, rounding_of(dtype)), _MOST)
    return [Distance(step, distance(port, exact), own_distance, limit)]
