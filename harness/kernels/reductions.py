"""Sums, norms, extremes and moments along axes; sums of floats are held in float64."""

from __future__ import annotations

import math
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops
from numpy.typing import NDArray

from harness.kernels.arrays import axes_of, float_dtype, number, to_numpy, to_tensor, wide
from harness.kernels.registry import kernel


@kernel("ArgMaxExt", serves=("mint.argmax",))
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """`numpy.argmax`: the first of equals."""
    return _first(np.argmax, input, dim, keepdim)


@kernel("ArgMinExt", serves=("mint.argmin",))
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """`numpy.argmin`: the first of equals."""
    return _first(np.argmin, input, dim, keepdim)


def _first(function: Any, input: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    values = to_numpy(input)
    found = np.asarray(function(values, axis=dim if values.ndim else None))
    if keepdim:
        found = found.reshape((1,) * values.ndim) if dim is None else np.expand_dims(found, dim)
    return to_tensor(found.astype(np.int64))


@kernel("CumsumExt", serves=("mint.cumsum",))
def cumsum(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """`numpy.cumsum` in float64, or in int64 for integers and bool."""
    result = dtype or (input.dtype if to_numpy(input).dtype.kind == "f" else ms.int64)
    floating = result in (ms.float16, ms.bfloat16, ms.float32, ms.float64)
    values = to_numpy(input).astype(np.float64 if floating else np.int64)
    return to_tensor(np.cumsum(values, dim) if values.ndim else values, result)


@kernel("CumminExt", serves=("mint.cummin",))
def cummin(input: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """`numpy.minimum.accumulate`; the place is the last of equals."""
    values = to_numpy(input)
    lowest = np.minimum.accumulate(values, dim)
    places = np.arange(values.shape[dim]).reshape(
        [-1 if axis == dim % values.ndim else 1 for axis in range(values.ndim)]
    )
    found = np.maximum.accumulate(np.where(values == lowest, places, 0), dim)
    return to_tensor(lowest, input.dtype), to_tensor(found.astype(np.int64))


@kernel("CountNonZero", serves=("mint.count_nonzero", "Tensor.count_nonzero"))
def count_nonzero(input: Tensor, dim: Any = None) -> Tensor:
    """`numpy.count_nonzero`."""
    values = to_numpy(input)
    return to_tensor(np.asarray(np.count_nonzero(values, axes_of(dim, values.ndim)), np.int64))


@kernel(
    "LinalgVectorNorm",
    serves=("mint.linalg.vector_norm", "mint.norm", "mint.nn.functional.normalize"),
)
def vector_norm(x: Tensor, ord: Any = 2, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """Sums of powers in float64; ord 0 counts, ord inf and -inf take the extremes."""
    size, axes, power = np.abs(to_numpy(x).astype(np.float64)), axes_of(dim, x.ndim), float(number(ord))
    if power == math.inf:
        norm = size.max(axes, keepdims=keepdim)
    elif power == -math.inf:
        norm = size.min(axes, keepdims=keepdim)
    elif power == 0:
        norm = np.count_nonzero(size, axes, keepdims=keepdim)
    elif power == 2:
        norm = np.sqrt((size * size).sum(axes, keepdims=keepdim))
    else:
        norm = (size**power).sum(axes, keepdims=keepdim) ** (1 / power)
    return to_tensor(norm, dtype or x.dtype)


@kernel("LpNormV2", serves=("mint.linalg.vector_norm", "mint.norm"))
def lp_norm(input: Tensor, p: Any = 2, dim: Any = None, keepdim: bool = False, epsilon: Any = 0.0) -> Tensor:
    """As LinalgVectorNorm, at least epsilon."""
    norm = vector_norm(input, p, dim, keepdim)
    return ops.maximum(norm, Tensor(epsilon, norm.dtype)) if number(epsilon) else norm


@kernel("LogSumExp", serves=("mint.logsumexp",))
def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """max + log(sum(exp(x - max))) in float64."""
    x, axes = to_numpy(input).astype(np.float64), axes_of(dim, input.ndim)
    highest = x.max(axes, keepdims=True)
    finite = np.where(np.isfinite(highest), highest, 0)
    result = np.log(np.exp(x - finite).sum(axes, keepdims=True)) + finite
    return to_tensor(result if keepdim else np.squeeze(result, axes), float_dtype(input))


def _moments(
    input: Tensor, dim: Any, correction: Any, keepdim: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, axes = to_numpy(input).astype(np.float64), axes_of(dim, input.ndim)
    count = math.prod(input.shape[axis] for axis in axes)
    mean = x.mean(axes, keepdims=True)
    divisor = np.float64(max(count - number(correction), 0))
    variance = np.asarray(((x - mean) ** 2).sum(axes, keepdims=keepdim) / divisor)
    return variance, mean if keepdim else np.squeeze(mean, axes)


@kernel("Var", serves=("mint.var", "Tensor.var"))
def var(input: Tensor, dim: Any = None, correction: Any = 1, keepdim: bool = False) -> Tensor:
    """Two passes in float64."""
    return to_tensor(_moments(input, dim, correction, keepdim)[0], input.dtype)


@kernel("Std", serves=("mint.std",))
def std(input: Tensor, dim: Any = None, correction: Any = 1, keepdim: bool = False) -> Tensor:
    """Two passes in float64."""
    return to_tensor(np.sqrt(_moments(input, dim, correction, keepdim)[0]), input.dtype)


@kernel("Tensor.std", serves=("Tensor.std",), methods=("std",))
def method_std(
    input: Tensor,
    dim: Any = None,
    correction: Any = 1,
    keepdim: bool = False,
    *,
    axis: Any = None,
    ddof: Any = None,
    keepdims: bool = False,
) -> Tensor:
    """Two passes in float64.

    On Ascend the method has torch's arguments, and numpy's where these are named. The CPU's takes the former
    for the latter: it divides by n where n - 1 is due, and refuses more than one axis.
    """
    deviations = 0 if axis is not None or keepdims else correction
    return std(
        input,
        dim if axis is None else axis,
        deviations if ddof is None else ddof,
        keepdim or keepdims,
    )


@kernel("VarMean", serves=("mint.var_mean",))
def var_mean(
    input: Tensor, dim: Any = None, correction: Any = 1, keepdim: bool = False
) -> tuple[Tensor, Tensor]:
    """Two passes in float64."""
    variance, mean = _moments(input, dim, correction, keepdim)
    return to_tensor(variance, input.dtype), to_tensor(mean, input.dtype)


@kernel("StdMean", serves=("mint.std_mean",))
def std_mean(
    input: Tensor, dim: Any = None, correction: Any = 1, keepdim: bool = False
) -> tuple[Tensor, Tensor]:
    """Two passes in float64."""
    variance, mean = _moments(input, dim, correction, keepdim)
    return to_tensor(np.sqrt(variance), input.dtype), to_tensor(mean, input.dtype)


@kernel("MedianExt", serves=("mint.median",))
def median(input: Tensor) -> Tensor:
    """The lower of the middle two of the sorted values."""
    values = np.sort(to_numpy(input), axis=None)
    return to_tensor(values[(values.size - 1) // 2], input.dtype)


@kernel("MedianDim", serves=("mint.median(dim)",))
def median_dim(input: Tensor, dim: int = -1, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """The lower of the middle two along the axis, and its place (stable sort)."""
    values = to_numpy(input)
    middle = (values.shape[dim] - 1) // 2
    places = np.take(np.argsort(values, dim, kind="stable"), [middle], dim)
    found = np.take_along_axis(values, places, dim)
    if not keepdim:
        found, places = found.squeeze(dim), places.squeeze(dim)
    return to_tensor(found, input.dtype), to_tensor(places.astype(np.int64))


@kernel("BincountExt", serves=("mint.bincount",))
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """`numpy.bincount`."""
    values = None if weights is None else wide(weights)
    counts = np.bincount(to_numpy(input), values, minlength)
    return to_tensor(counts, ms.int64 if weights is None else weights.dtype)


@kernel("HistcExt", serves=("mint.histc",))
def histc(input: Tensor, bins: int = 100, min: Any = 0, max: Any = 0) -> Tensor:
    """`numpy.histogram` in float64; the data's own range where min equals max."""
    values, low, high = wide(input).ravel(), number(min), number(max)
    if low == high:
        low, high = values.min(), values.max()
    return to_tensor(np.histogram(values, bins, (low, high))[0], input.dtype)
