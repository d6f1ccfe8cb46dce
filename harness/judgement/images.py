"""Images in an array: what counts as an image, and the figures computed from it.

An image is ``[height, width, channels]``, the last three axes of an array with at least four axes.
"""

from __future__ import annotations

import math
import sys
from functools import lru_cache
from typing import Any

import numpy as np

from harness.judgement.blocks import TILE
from harness.judgement.similarity import SSIM_WINDOW
from harness.measurement.measurement import Array

FLAT = 1e-12


def has_images(array: Array) -> bool:
    """Whether ``array`` holds images in its last three axes."""
    return array.ndim >= 4


def has_windows(array: Array) -> bool:
    """Whether the images of ``array`` are large enough to hold one SSIM window."""
    return has_images(array) and min(array.shape[-3:-1]) >= SSIM_WINDOW


def data_range(dtype: np.dtype[Any], low: float, high: float) -> float:
    """Return the span of values a reference may have, which is the unit of brightness and of PSNR.

    For integers it is the range of their type. For floats within [0, 1], which pipelines return, and for
    booleans, it is 1. For other values (latents) it is the span from ``low`` to ``high``, the extremes of the
    reference, or 1 if that span is 0.
    """
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return float(limits.max) - float(limits.min)
    if (low >= 0 and high <= 1) or low == high:
        return 1.0
    return min(high - low, sys.float_info.max)


def worst_tile(difference: Array) -> tuple[float, float]:
    """Return the largest mean of one channel of one tile, and the sum of all values.

    ``difference`` is ``[images, height, width, channels]``. Tiles are ``TILE`` x ``TILE``, counted from the
    top left corner, and smaller at the right and bottom edges. A patch that covers whole tiles has the same
    weight in a large image as in a small one.
    """
    images, height, width, channels = difference.shape
    if height % TILE:
        rows = np.add.reduceat(difference, np.arange(0, height, TILE), axis=1)
    else:  # the same, faster
        rows = difference.reshape(images, -1, TILE, width, channels).sum(axis=2)
    sums = np.add.reduceat(rows, np.arange(0, width, TILE), axis=2)
    return float((sums / _values_of_tiles(height, width)).max()), float(sums.sum())


def contrast_shift(left: Array, right: Array, scale: float) -> float:
    """Return the largest ``|left / right - 1|`` of two arrays of standard deviations, one per image.

    It is 0 if both are flat, and infinite if only the right one is. An image is flat if its deviation is
    below ``FLAT`` times ``scale`` (the data range), because even the sum of equal values rounds.
    """
    left, right = (np.where(deviation < FLAT * scale, 0.0, deviation) for deviation in (left, right))
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = np.abs(left / right - 1)
    return float(np.where(right == 0, np.where(left == 0, 0.0, math.inf), shift).max())


def psnr(error: float, scale: float) -> float:
    """Return the peak signal-to-noise ratio in dB of a root mean square ``error``; infinite for no error."""
    noise = error / scale
    return math.inf if noise == 0 else -20 * math.log10(noise)


@lru_cache(maxsize=16)
def _values_of_tiles(height: int, width: int) -> Array:
    rows, columns = (np.minimum(TILE, side - np.arange(0, side, TILE)) for side in (height, width))
    return np.outer(rows, columns)[..., np.newaxis]
