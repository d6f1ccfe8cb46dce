"""The tail of a stream of values: a high quantile, exactly, from no more than the values above it."""

from __future__ import annotations

import math

import numpy as np

from harness.measurement.measurement import Array


class Tail:
    """The largest of ``size`` values that come in pieces, as many as the quantile ``fraction`` needs.

    Holds at most about twice as many, and one piece.
    """

    def __init__(self, size: int, fraction: float) -> None:
        position = fraction * (size - 1)
        self._weight = position - math.floor(position)
        self._count = size - math.floor(position)
        self._pieces: list[Array] = []
        self._held = 0
        self._threshold = -math.inf

    def add(self, values: Array, largest: float) -> None:
        """Take in a piece of the stream; none of its values is above ``largest``."""
        if largest <= self._threshold:
            return
        # Values equal to the threshold change nothing: as many as are needed are no less already.
        found = values[values > self._threshold]
        self._pieces.append(found)
        self._held += found.size
        if self._held >= 2 * self._count:
            self._cut()

    def quantile(self) -> float:
        """Return the quantile, linear between the two nearest values, as :func:`numpy.quantile` does."""
        self._cut()
        low, *above = map(float, np.sort(self._pieces[0])[:2])
        if not above:
            return low
        # The difference of two finite values may overflow: between it and a finite one there is no line.
        if math.isinf(above[0]):
            return above[0] if self._weight else low
        # From the nearer of the two, as numpy does: it is met exactly.
        step = above[0] - low
        return low + step * self._weight if self._weight < 0.5 else above[0] - step * (1 - self._weight)

    def _cut(self) -> None:
        held = np.concatenate(self._pieces)
        if held.size >= self._count:
            first = held.size - self._count
            held = np.partition(held, first)[first:]
            self._threshold = float(held[0])
        self._pieces, self._held = [held], held.size
