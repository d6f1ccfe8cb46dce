"""Cut two arrays into blocks that stay in the processor's cache while metrics are computed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np

from harness.measurement.measurement import Array

# Blocks start at multiples of this, so that no block boundary cuts an image tile.
TILE = 8
# With fewer values, the overhead of each numpy call shows. With more, the working arrays no longer fit the
# cache.
BLOCK_VALUES = 65_536


class Pair(NamedTuple):
    """The same piece of an output and of its reference, as views ``[images, rows, columns, channels]``."""

    output: Array
    reference: Array


def image_groups(output: Array, reference: Array) -> Iterator[Pair]:
    """Yield pieces of whole images that together cover two non-empty arrays of the same shape.

    A piece is as many images as fit in one block, or a single image that is larger than a block. In an array
    with two or three axes, each entry of the first axis is an image. An array with fewer axes is a single
    image.
    """
    for left, right in zip(_with_four_axes(output), _with_four_axes(reference), strict=True):
        count = max(1, BLOCK_VALUES // math.prod(left.shape[1:]))
        for first in range(0, len(left), count):
            yield Pair(left[first : first + count], right[first : first + count])


def blocks(images: Pair, overlap: int = 0) -> Iterator[Pair]:
    """Yield the blocks of a group of images. Each extends ``overlap`` rows and columns into the next."""
    _, height, width, channels = images.output.shape
    depth = min(channels, BLOCK_VALUES // TILE**2)
    pixels = BLOCK_VALUES // depth
    # Square when blocks overlap, to keep the overlap small. Otherwise as wide as possible, for long runs of
    # memory.
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
    """Write ``values`` divided by ``unit`` into ``into``, a float array of the same shape."""
    np.copyto(into, values)
    if unit != 1:
        into /= unit


def _whole_tiles(side: int) -> int:
    return max(TILE, side // TILE * TILE)


def _with_four_axes(array: Array) -> Iterator[Array]:
    # Uses only indexing, because a reshape would copy a non-contiguous array in full.
    if array.ndim >= 4:
        for index in np.ndindex(array.shape[:-4]):
            yield array[index]
    else:
        images = array if array.ndim >= 2 else array.reshape(1, -1)
        yield np.expand_dims(images, tuple(range(images.ndim, 4)))
