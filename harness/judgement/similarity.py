"""Structural similarity in uniform windows, from a distance to 1 that keeps its digits near 0.

Wang et al. 2004, "Image quality assessment: from error visibility to structural similarity": with the means
ux, uy of a window in two images, the sample variances vx, vy and the covariance vxy ::

    ssim = (2 ux uy + C1) (2 vxy + C2) / ((ux^2 + uy^2 + C1) (vx + vy + C2))

In terms of the sum s = x + y and the difference d = x - y, with means us, ud and variances vs, vd, that is ::

    (1 - ssim) / 2 = ((us^2 + 2 C1) vd + ud^2 (vs + 2 C2)) / ((us^2 + 2 C1 + ud^2) (vs + 2 C2 + vd))

which does not cancel if the images are similar, and takes four sums over each window instead of five.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.judgement.blocks import Pair, blocks, image_groups, load
from harness.measurement.measurement import Array

# scikit-image's default, whose definition this follows. Wang et al. use 11 with Gaussian weights.
SSIM_WINDOW = 7
_VALUES = SSIM_WINDOW**2
_OVERLAP = SSIM_WINDOW - 1
_K1, _K2 = 0.01, 0.03
# The largest difference for which single precision is used, in units of the data range.
SMALL = 4e-6


def structural_similarity(
    output: Array,
    reference: Array,
    *,
    centre: float,
    scale: float,
    top: float,
    unit: float = 1.0,
) -> tuple[float, float]:
    """Return the lowest SSIM of an image (its mean over all windows and channels) and of any window.

    The arrays are finite ``[..., height, width, channels]`` with at least ``SSIM_WINDOW`` rows and columns.
    Windows that extend over the edge of an image are left out. Values are divided by ``unit`` when read. In
    that unit, ``scale`` is the data range, ``top`` the largest difference, and ``centre`` a value in the
    middle of the reference's range, which is subtracted so that variances cancel little. The error of the
    result is below 1e-12.
    """
    dtype = _dtype(output.dtype, scale, top)
    mean = worst = np.float64(0)
    memory = np.empty((6, 0), dtype)
    for images in image_groups(output, reference):
        total, count = np.zeros(len(images.output)), 0
        for block in blocks(images, _OVERLAP):
            if memory.shape[1] < block.output.size:
                memory = np.empty((6, block.output.size), dtype)
            losses = _losses(block, centre, scale, unit, memory)
            worst = np.maximum(worst, losses.max())
            total += losses.sum(axis=(1, 2, 3))
            count += losses[0].size
        mean = np.maximum(mean, total.max() / count)
    return 1 - 2 * float(mean), 1 - 2 * float(worst)


def _dtype(dtype: np.dtype[Any], scale: float, top: float) -> type[np.floating[Any]]:
    """Return float32, which is twice as fast, if it gives 1 - SSIM to four digits; otherwise float64.

    Four digits are enough if the differences are as small as rounding, because 1 - SSIM is then below 1e-6.
    They are reached if the values themselves are float32 and the fourth power of the data range is far from
    overflow and underflow.
    """
    exact = dtype.kind == "f" and dtype.itemsize <= 4
    return np.float32 if exact and 1e-2 <= scale <= 1e2 and top <= SMALL * scale else np.float64


def _losses(block: Pair, centre: float, scale: float, unit: float, memory: Array) -> Array:
    """Return (1 - SSIM) / 2, from 0 to 1, for each window within a block.

    All steps work in place in the six rows of ``memory``, and the result is a view of it. Allocating new
    memory would cost as much as the arithmetic.
    """
    shape = block.output.shape
    _, rows, columns, channels = shape
    size = block.output.size
    s, d, ss, dd, u, v = memory[:, :size]
    load(block.output, u.reshape(shape), unit)
    load(block.reference, v.reshape(shape), unit)
    np.subtract(u, v, out=d)
    np.add(u, v, out=s)
    s -= 2 * centre
    np.square(s, out=ss)
    np.square(d, out=dd)
    for values in (s, d, ss, dd):
        _sum_windows(values, channels, columns * channels, u, v)

    # No window begins at the last values. All figures are scaled by N^2, for N values in a window, and
    # variances by N (N - 1).
    s, d, ss, dd, u, v = memory[:, : size - _OVERLAP * channels * (columns + 1)]
    _to_variances(ss, s, u)
    _to_variances(dd, d, u)
    s += 2 * _VALUES * centre
    np.square(s, out=s)
    np.square(d, out=d)
    s += _constant(_K1 * scale, 2 * _VALUES**2)
    ss += _constant(_K2 * scale, 2 * _VALUES * (_VALUES - 1))
    np.multiply(s, dd, out=u)
    np.multiply(d, ss, out=v)
    u += v
    s += d
    ss += dd
    s *= ss
    u /= s
    return memory[4, :size].reshape(shape)[:, : rows - _OVERLAP, : columns - _OVERLAP]


def _constant(root: float, factor: float) -> float:
    """Return ``factor * root^2``, bounded so that products of two of them neither vanish nor overflow.

    As a result, 0 / 0 gives 0 if the data range is negligible compared with the values, or the reverse.
    """
    return min(max(factor * root * root, 1e-150), 1e150)


def _to_variances(squares: Array, sums: Array, spare: Array) -> None:
    """Turn sums of squares into N (N - 1) times the sample variances, in place."""
    np.square(sums, out=spare)
    squares *= _VALUES
    squares -= spare
    # Rounding may make a variance slightly negative.
    np.abs(squares, out=squares)


def _sum_windows(values: Array, right: int, down: int, sides: Array, spare: Array) -> None:
    """Replace each value by the sum over the window that starts there; ``right`` and ``down`` are its steps.

    The images lie on one flat axis. Windows that extend over an edge include whatever comes next in memory,
    and the last values are left unchanged. Neither counts as a result.
    """
    _sum_sevens(values, right, sides, spare)
    _sum_sevens(sides[: values.size - _OVERLAP * right], down, values, spare)


def _sum_sevens(values: Array, step: int, out: Array, pairs: Array) -> None:
    """Write values[i] + values[i + step] + … + values[i + 6 step] to ``out`` wherever there are seven values.

    The sum is built from two pairs, one pair and one value. A running sum would take fewer additions, but
    cancel.
    """
    size = values.size
    count = size - _OVERLAP * step
    np.add(values[: size - step], values[step:], out=pairs[: size - step])
    result = out[:count]
    np.add(pairs[:count], pairs[2 * step :][:count], out=result)
    result += pairs[4 * step :][:count]
    result += values[6 * step :]
