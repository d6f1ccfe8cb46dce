"""Resampling of images: each axis is one matrix of weights, computed in float64.

The coordinates are those of torch: with ``align_corners`` the corners map onto each other, otherwise pixel
*i* is centred at *i* + 1/2. If a scale is given, it determines the coordinates, not the ratio of the sizes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.kernels.arrays import Array, float64, number, shape_of
from harness.kernels.registry import kernel

# Keys 1981, "Cubic convolution interpolation for digital image processing"; torch uses -3/4 where Keys has
# -1/2.
_CUBIC_A = -0.75


def _sources(length: int, wanted: int, align_corners: bool, scale: float | None) -> NDArray[np.float64]:
    index = np.arange(wanted, dtype=np.float64)
    if align_corners:
        return index * ((length - 1) / (wanted - 1) if wanted > 1 else 0.0)
    return (index + 0.5) * (1 / scale if scale else length / wanted) - 0.5


def _linear_weights(
    length: int, wanted: int, align_corners: bool, scale: float | None
) -> NDArray[np.float64]:
    source = np.maximum(_sources(length, wanted, align_corners, scale), 0)
    first = np.minimum(source.astype(np.int64), length - 1)
    share = np.minimum(source - first, 1)
    weights, rows = np.zeros((wanted, length)), np.arange(wanted)
    np.add.at(weights, (rows, first), 1 - share)
    np.add.at(weights, (rows, np.minimum(first + 1, length - 1)), share)
    return weights


def _cubic_weights(length: int, wanted: int, align_corners: bool, scale: float | None) -> NDArray[np.float64]:
    source = _sources(length, wanted, align_corners, scale)
    first = np.floor(source).astype(np.int64)
    weights, rows, a = np.zeros((wanted, length)), np.arange(wanted), _CUBIC_A
    for tap in (-1, 0, 1, 2):
        far = np.abs(source - (first + tap))
        near_part = ((a + 2) * far - (a + 3)) * far * far + 1
        far_part = ((far - 5) * far + 8) * far * a - 4 * a
        share = np.where(far <= 1, near_part, far_part)
        np.add.at(weights, (rows, np.clip(first + tap, 0, length - 1)), share)
    return weights


def _resampled(
    weights: Callable[..., NDArray[np.float64]],
    image: Array,
    output_size: Any = None,
    scales: Any = None,
    align_corners: bool = False,
) -> Array:
    lengths = image.shape[2:]
    factors = [None] * len(lengths) if scales is None else [float(number(each)) for each in scales]
    if output_size is None:
        output_size = [int(have * (by or 1)) for have, by in zip(lengths, factors, strict=True)]
    for axis, (wanted, factor) in enumerate(zip(shape_of(output_size), factors, strict=True), 2):
        matrix = weights(image.shape[axis], wanted, align_corners, factor)
        image = np.moveaxis(np.tensordot(matrix, image, (1, axis)), 0, axis)
    return image


for _primitive, _mode, _weights, _computed in (
    ("UpsampleLinear1D", "linear", _linear_weights, "Two taps a sample, in float64."),
    ("UpsampleBilinear2D", "bilinear", _linear_weights, "Two taps a sample and axis, in float64."),
    (
        "UpsampleBicubic2D", "bicubic", _cubic_weights,
        "Four taps a sample and axis (a = -3/4, as torch), in float64.",
    ),
):  # fmt: skip
    _serves = (f"mint.nn.functional.interpolate(mode='{_mode}')",)
    kernel(_primitive, serves=_serves, computed=_computed, on=float64)(partial(_resampled, _weights))
