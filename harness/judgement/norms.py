"""Norms of two arrays and of their difference, and the angle between the two, for values of any size."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from harness.judgement.blocks import blocks, image_groups, load
from harness.judgement.sums import Sums
from harness.measurement.measurement import Array

# Fourth powers (in SSIM) neither overflow nor vanish if the largest value is in this range, as float32's is.
SAFE_VALUES = (1e-60, 1e60)
# Below this, a sum of squares may lack terms that have vanished.
SAFE_SQUARE = 1e-200
# If the norms are further apart than this, the formula for the cosine distance loses too many digits.
FAR = 4.0


def safe_unit(largest: float) -> float:
    """Return the power of 2 by which to divide values whose largest absolute value is ``largest``."""
    if largest == 0 or SAFE_VALUES[0] <= largest <= SAFE_VALUES[1]:
        return 1.0
    _, exponent = math.frexp(largest)
    return math.ldexp(1.0, min(max(exponent, -1000), 1000))


class Norms:
    """The L2 norms of an output a, its reference b, and d = a - b, from the sums of one pass.

    If the squares of small values have vanished from those sums, another pass divides all values by the
    largest.
    """

    def __init__(self, output: Array, reference: Array, unit: float, sums: Sums) -> None:
        self._arrays = output, reference
        self._unit = unit
        self._sums = sums
        self.output = self._norm(sums.output_square, 1, math.inf)
        self.reference = self._norm(sums.reference_square, math.inf, 1)
        self.difference = self._norm(sums.difference_square, 1, 1) if sums.top else 0.0

    def cosine_distance(self) -> float:
        """Return 1 - cos(a, b); 0 if both norms are 0, 1 if only one is.

        It is half the square of ``a / |a| - b / |b|``, which does not cancel near 0. That vector is
        ``d / |a| + t b / |b|`` with ``t = |b| / |a| - 1 = -(2 d.b + d.d) / (|a| (|a| + |b|))``, and its
        square follows from the sums already computed.
        """
        a, b, sums = self.output, self.reference, self._sums
        if not (a and b):
            return 0.0 if a == b else 1.0
        if 1 / FAR < a / b < FAR:
            t = -(2 * sums.product + sums.difference_square) / (a * (a + b))
            square = (self.difference / a) ** 2 + 2 * t * sums.product / (a * b) + t**2
        else:
            square = self._square(a, b)
        return min(max(0.5 * square, 0.0), 2.0)

    def _norm(self, square: float, left: float, right: float) -> float:
        """Return ``|a / left - b / right|``, from its ``square`` if sound. Infinity leaves out that term."""
        if square > SAFE_SQUARE:
            return math.sqrt(square)
        top = max(float(np.abs(a / left - b / right).max()) for a, b in self._pieces())
        return top * math.sqrt(self._square(left, right, top)) if top else 0.0

    def _square(self, left: float, right: float, unit: float = 1.0) -> float:
        return sum(float(np.square((a / left - b / right) / unit).sum()) for a, b in self._pieces())

    def _pieces(self) -> Iterator[tuple[Array, Array]]:
        for images in image_groups(*self._arrays):
            for block in blocks(images):
                a, b = (np.empty(block.output.shape) for _ in range(2))
                load(block.output, a, self._unit)
                load(block.reference, b, self._unit)
                yield a, b
