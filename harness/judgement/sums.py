"""One pass over an output and its reference that collects the sums and extremes for all metrics but SSIM."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.judgement.blocks import Pair, blocks, image_groups, load
from harness.judgement.images import contrast_shift, has_images, worst_tile
from harness.measurement.measurement import Array
from harness.measurement.statistics import max_ulp

QUANTILE = 0.999


@dataclass
class Sums:
    """Figures of an output a, a reference b, and their difference d = a - b.

    Over all values: ``top``, ``total`` and ``quantile`` (:data:`QUANTILE`) of |d|; ``ulp``, the largest
    distance between floats in representable values. ``tile`` is the largest mean of |d| over a tile, for
    images only.

    In the unit passed to :func:`sum_up`: the sums of a^2, b^2, d^2 and d b, and, for the image where each is
    largest, ``mean_shift`` |mean(a) - mean(b)| and ``error``, the root mean square of d. ``contrast`` is the
    largest |std(a) / std(b) - 1| of an image.
    """

    top: float = 0.0
    total: float = 0.0
    quantile: float = 0.0
    output_square: float = 0.0
    reference_square: float = 0.0
    difference_square: float = 0.0
    product: float = 0.0
    ulp: float = 0.0
    mean_shift: float = 0.0
    contrast: float = 0.0
    error: float = 0.0
    tile: float = 0.0


def sum_up(output: Array, reference: Array, *, unit: float, scale: float) -> Sums:
    """Return the figures of two non-empty arrays of the same shape and dtype.

    Values are divided by ``unit`` before they are squared, and ``scale`` is the data range in that unit.
    Raises ValueError for NaN or Inf.
    """
    summing = _Summing(output.size, unit, scale, tiles=has_images(output))
    for images in image_groups(output, reference):
        summing.add(images)
    summing.sums.quantile = summing.tail.quantile()
    return summing.sums


@dataclass(frozen=True)
class _Moments:
    """The mean of ``count`` values of each of some images, and the sum of squares about it."""

    count: int
    mean: Array
    square: Array

    @classmethod
    def together(cls, parts: Sequence[_Moments]) -> _Moments:
        """Return the moments of images from the moments of their parts (Chan, Golub, LeVeque 1983)."""
        if len(parts) == 1:
            return parts[0]
        counts = np.array([part.count for part in parts])[:, np.newaxis]
        means = np.array([part.mean for part in parts])
        mean = (counts * means).sum(axis=0) / counts.sum()
        square = np.array([part.square for part in parts]) + counts * np.square(means - mean)
        return cls(int(counts.sum()), mean, square.sum(axis=0))

    def about_zero(self) -> float:
        """Return the sum of squares of the values themselves over all images."""
        return float((self.square + self.count * np.square(self.mean)).sum())


@dataclass(frozen=True)
class _Part:
    """The figures that a block gives for each of its images."""

    output: _Moments
    reference: _Moments
    difference_square: Array
    product: Array


class Tail:
    """An exact high quantile of ``size`` values that arrive in pieces.

    Holds one piece and at most about twice as many of the largest values as the quantile ``fraction`` needs.
    """

    def __init__(self, size: int, fraction: float) -> None:
        position = fraction * (size - 1)
        self._weight = position - math.floor(position)
        self._count = size - math.floor(position)
        self._pieces: list[Array] = []
        self._held = 0
        self._threshold = -math.inf

    def add(self, values: Array, largest: float) -> None:
        """Add a piece of the stream, none of whose values is above ``largest``."""
        if largest <= self._threshold:
            return
        # Values equal to the threshold change nothing, because enough values at least as large are already
        # held.
        found = values[values > self._threshold]
        self._pieces.append(found)
        self._held += found.size
        if self._held >= 2 * self._count:
            self._cut()

    def quantile(self) -> float:
        """Return the quantile, interpolated between the two nearest values like :func:`numpy.quantile`."""
        self._cut()
        low, *above = map(float, np.sort(self._pieces[0])[:2])
        if not above:
            return low
        # The difference of two finite values may overflow, and there is no interpolating between infinity and
        # a finite value.
        if math.isinf(above[0]):
            return above[0] if self._weight else low
        # Interpolates from the nearer of the two, as numpy does, so that the value is met exactly.
        step = above[0] - low
        return low + step * self._weight if self._weight < 0.5 else above[0] - step * (1 - self._weight)

    def _cut(self) -> None:
        held = np.concatenate(self._pieces)
        if held.size >= self._count:
            first = held.size - self._count
            held = np.partition(held, first)[first:]
            self._threshold = float(held[0])
        self._pieces, self._held = [held], held.size


class _Summing:
    def __init__(self, size: int, unit: float, scale: float, *, tiles: bool) -> None:
        self._unit, self._scale, self._tiles = unit, scale, tiles
        self.tail = Tail(size, QUANTILE)
        self._memory = np.empty((4, 0))
        self.sums = Sums()

    def add(self, images: Pair) -> None:
        """Add whole images."""
        parts = [self._block(block) for block in blocks(images)]
        a = _Moments.together([part.output for part in parts])
        b = _Moments.together([part.reference for part in parts])
        squares = np.sum([part.difference_square for part in parts], axis=0)
        sums = self.sums
        sums.output_square += a.about_zero()
        sums.reference_square += b.about_zero()
        sums.difference_square += float(squares.sum())
        sums.product += float(np.sum([part.product for part in parts]))
        sums.mean_shift = max(sums.mean_shift, float(np.abs(a.mean - b.mean).max()))
        deviations = np.sqrt(a.square / a.count), np.sqrt(b.square / b.count)
        sums.contrast = max(sums.contrast, contrast_shift(*deviations, self._scale))
        sums.error = max(sums.error, math.sqrt(squares.max() / a.count))

    def _block(self, block: Pair) -> _Part:
        shape, size = block.output.shape, block.output.size
        if self._memory.shape[1] < size:
            self._memory = np.empty((4, size))
        # One row per image. All steps work in place, because allocating memory would cost as much as they do.
        a, b, difference, absolute = self._memory[:, :size].reshape(4, shape[0], -1)
        load(block.output, a.reshape(shape))
        load(block.reference, b.reshape(shape))
        np.subtract(a, b, out=difference)
        np.abs(difference, out=absolute)

        sums = self.sums
        top = float(absolute.max())
        if not math.isfinite(top) and not (np.isfinite(a).all() and np.isfinite(b).all()):
            raise ValueError("arrays with NaN or Inf cannot be compared")
        sums.top = max(sums.top, top)
        self.tail.add(absolute, top)
        if self._tiles:
            tile, total = worst_tile(absolute.reshape(shape))
            sums.tile = max(sums.tile, tile)
        else:
            total = float(absolute.sum())
        sums.total += total
        if block.output.dtype.kind == "f":
            sums.ulp = max(sums.ulp, max_ulp(block.output, block.reference))

        if self._unit != 1:
            a /= self._unit
            b /= self._unit
            np.subtract(a, b, out=difference)
        spare = absolute
        difference_square = np.square(difference, out=spare).sum(axis=1)
        product = np.multiply(difference, b, out=spare).sum(axis=1)
        return _Part(_moments(a, spare), _moments(b, spare), difference_square, product)


def _moments(values: Array, spare: Array) -> _Moments:
    """Return the moments of each row of ``values``, and subtract the mean from ``values`` in place."""
    mean = values.sum(axis=1) / values.shape[1]
    values -= mean[:, np.newaxis]
    return _Moments(values.shape[1], mean, np.square(values, out=spare).sum(axis=1))
