"""Metrics on images: where in a picture, and how, two outputs differ.

An image is ``[height, width, channels]``, the last three axes of an array of at least four; arrays here are
float64 and finite. Each function returns its worst figure over the images.
"""

from __future__ import annotations

import math

import numpy as np

from harness.measurement.record import Array

TILE = 8
# scikit-image's default; Wang et al. 2004, "Image quality assessment: from error visibility to structural
# similarity", use 11 with Gaussian weights.
SSIM_WINDOW = 7
FLAT = 1e-12


def has_images(array: Array) -> bool:
    """Whether ``array`` holds images in its last three axes."""
    return array.ndim >= 4


def has_windows(array: Array) -> bool:
    """Whether the images of ``array`` are large enough for one SSIM window."""
    return has_images(array) and min(array.shape[-3:-1]) >= SSIM_WINDOW


def data_range(reference: Array) -> float:
    """Return the span of values that ``reference`` may take, the unit of brightness and of PSNR.

    For integers that of their type; for floats within [0, 1] it is 1, which is what pipelines give; for
    others (latents) the span that is there, or 1 where there is none.
    """
    if reference.dtype.kind == "b":
        return 1.0
    if reference.dtype.kind in "iu":
        limits = np.iinfo(reference.dtype)
        return float(limits.max) - float(limits.min)
    low, high = float(reference.min()), float(reference.max())
    return 1.0 if (low >= 0 and high <= 1) or low == high else high - low


def brightness_shift(a: Array, b: Array, scale: float) -> float:
    """Return the largest change of an image's mean, in units of ``scale`` (the data range)."""
    return float(np.abs(_rows(a).mean(axis=1) - _rows(b).mean(axis=1)).max()) / scale


def contrast_shift(a: Array, b: Array, scale: float) -> float:
    """Return the largest ``|std(a) / std(b) - 1|`` of an image: 0 if both are flat, infinite if only b is.

    Flat is an image whose deviation is below ``FLAT`` of ``scale``: the sum of equal values rounds, too.
    """
    left, right = (
        np.where(std < FLAT * scale, 0.0, std) for std in (_rows(a).std(axis=1), _rows(b).std(axis=1))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = np.abs(left / right - 1)
    return float(np.where(right == 0, np.where(left == 0, 0.0, math.inf), shift).max())


def psnr(difference: Array, scale: float) -> float:
    """Return the lowest peak signal-to-noise ratio of an image, in dB; infinite for no difference."""
    error = float(np.square(_rows(difference) / scale).mean(axis=1).max())
    return math.inf if error == 0 else -10 * math.log10(error)


def worst_tile(difference: Array) -> float:
    """Return the largest mean absolute difference of one channel of one tile.

    Tiles are ``TILE`` x ``TILE`` from the top left corner, smaller at the right and lower edges. A patch that
    covers whole tiles weighs the same here in a large image as in a small one.
    """
    height, width = difference.shape[-3:-1]
    rows, columns = np.arange(0, height, TILE), np.arange(0, width, TILE)
    sums = np.add.reduceat(np.add.reduceat(difference, rows, axis=-3), columns, axis=-2)
    counts = np.outer(np.diff(rows, append=height), np.diff(columns, append=width))
    return float((sums / counts[..., np.newaxis]).max())


def structural_similarity(a: Array, b: Array, scale: float) -> tuple[float, float]:
    """Return the lowest SSIM of an image (its mean over all windows), and that of the worst window.

    Uniform windows of ``SSIM_WINDOW``, those that reach over the edge left out, as in scikit-image.
    """
    from skimage.metrics import structural_similarity as ssim  # slow to import

    margin = SSIM_WINDOW // 2
    inside = slice(margin, -margin)
    means, worst = [], []
    for left, right in zip(_images(a), _images(b), strict=True):
        mean, windows = ssim(left, right, win_size=SSIM_WINDOW, data_range=scale, channel_axis=-1, full=True)
        means.append(float(mean))
        worst.append(float(windows[inside, inside].min()))
    return min(means), min(worst)


def _images(array: Array) -> Array:
    return array.reshape(-1, *array.shape[-3:])


def _rows(array: Array) -> Array:
    """Return one row per image (per entry of the first axis where there are none)."""
    if has_images(array):
        return array.reshape(-1, math.prod(array.shape[-3:]))
    return array.reshape(len(array), -1) if array.ndim >= 2 else array.reshape(1, -1)
