"""Blocks: two arrays cut into pieces that stay in the processor's cache while the metrics look at them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np

from harness.measurement.measurement import Array

# Blocks start at multiples of this, so that none cuts a tile of an image.
TILE = 8
# Fewer values, and the cost of each call of numpy shows; more, and the arrays in use leave the cache.
BLOCK_VALUES = 65_536


class Pair(NamedTuple):
    """The same piece of an output and of its reference, views ``[images, rows, columns, channels]``."""

    output: Array
    reference: Array


def image_groups(output: Array, reference: Array) -> Iterator[Pair]:
    """Yield pieces of whole images that cover two arrays of one shape, which must not be empty.

    A piece is as many images as fit one block, or a single larger one. Of an array of two or three axes each
    entry of the first axis is an image; one of fewer axes is a single image.
    """
    for left, right in zip(_with_four_axes(output), _with_four_axes(reference), strict=True):
        count = max(1, BLOCK_VALUES // math.prod(left.shape[1:]))
        for first in range(0, len(left), count):
            yield Pair(left[first : first + count], right[first : first + count])


def blocks(images: Pair, overlap: int = 0) -> Iterator[Pair]:
    """Yield the blocks of a group of images; each goes on for ``overlap`` rows and columns into the next."""
    _, height, width, channels = images.output.shape
    depth = min(channels, BLOCK_VALUES // TILE**2)
    pixels = BLOCK_VALUES // depth
    # Square where overlaps cost, else as wide as can be, for long runs of memory.
    columns = min(width, _whole_tiles(math.isqrt(pixels) if overlap else pixels // TILE))
    rows = min(height, _whole_tiles(pixels // columns))
    columns = min(width, _whole_tiles(pixels // rows))
    for row, column, channel in product(
        range(0, height - overlap, rows), range(0, width - overlap, columns), range(0, channels, depth)
    ):
        piece = (
            slice(None),
            slice(row, row + rows + overlap),
            slice(column, column + columns + overlap),
            slice(channel, channel + depth),
        )
        yield Pair(images.output[piece], images.reference[piece])


def load(values: Array, into: Array, unit: float = 1.0) -> None:
    """Write ``values`` divided by ``unit`` to the array of floats ``into``, of their shape."""
    np.copyto(into, values)
    if unit != 1:
        into /= unit


def _whole_tiles(side: int) -> int:
    return max(TILE, side // TILE * TILE)


def _with_four_axes(array: Array) -> Iterator[Array]:
    # By indexing alone: a reshape would copy the whole of an array that is not contiguous.
    if array.ndim >= 4:
        for index in np.ndindex(array.shape[:-4]):
            yield array[index]
    else:
        images = array if array.ndim >= 2 else array.reshape(1, -1)
        yield np.expand_dims(images, tuple(range(images.ndim, 4)))
