"""Sums, norms, extremes and moments along axes; sums of floats are held in float64."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops

from harness.kernels.arrays import (
    FLOATS,
    Array,
    axes_of,
    float64,
    float_dtype,
    number,
    to_numpy,
    to_tensor,
    wide,
)
from harness.kernels.registry import kernel


def _place(find: Callable[..., Any], input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    values = to_numpy(input) if dim is None else np.atleast_1d(to_numpy(input))
    return to_tensor(find(values, dim, keepdims=keepdim))


for _primitive, _find in (("ArgMaxExt", np.argmax), ("ArgMinExt", np.argmin)):
    _computed = f"`numpy.{_find.__name__}`: the first of equals."
    kernel(_primitive, serves=(f"mint.{_find.__name__}",), computed=_computed)(partial(_place, _find))


@kernel("CumsumExt", serves=("mint.cumsum",))
def cumsum(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """`numpy.cumsum` in float64, or in int64 for integers and bool."""
    result = dtype or (input.dtype if input.dtype in FLOATS else ms.int64)
    values = to_numpy(input).astype(np.float64 if result in FLOATS else np.int64)
    return to_tensor(np.cumsum(values, dim) if values.ndim else values, result)


@kernel("CumminExt", serves=("mint.cummin",))
def cummin(input: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """`numpy.minimum.accumulate`; the place is the last of equals."""
    values = to_numpy(input)
    lowest = np.minimum.accumulate(values, dim)
    places = np.indices(values.shape)[dim]
    found = np.maximum.accumulate(np.where(values == lowest, places, 0), dim)
    return to_tensor(lowest, input.dtype), to_tensor(found)


@kernel("CountNonZero", serves=("mint.count_nonzero", "Tensor.count_nonzero"))
def count_nonzero(input: Tensor, dim: Any = None) -> Tensor:
    """`numpy.count_nonzero`."""
    values = to_numpy(input)
    return to_tensor(np.asarray(np.count_nonzero(values, axes_of(dim, values.ndim)), np.int64))


_NORMS = ("mint.linalg.vector_norm", "mint.norm")


@kernel("LinalgVectorNorm", serves=(*_NORMS, "mint.nn.functional.normalize"))
def vector_norm(x: Tensor, ord: Any = 2, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """Sums of powers in float64; ord 0 counts, ord inf and -inf take the extremes."""
    size, axes, power = np.abs(float64(x)), axes_of(dim, x.ndim), float(number(ord))
    if math.isinf(power):
        norm = (size.max if power > 0 else size.min)(axes, keepdims=keepdim)
    elif power == 0:
        norm = np.count_nonzero(size, axes, keepdims=keepdim)
    elif power == 2:
        norm = np.sqrt((size * size).sum(axes, keepdims=keepdim))
    else:
        norm = (size**power).sum(axes, keepdims=keepdim) ** (1 / power)
    return to_tensor(norm, dtype or x.dtype)


@kernel("LpNormV2", serves=_NORMS)
def lp_norm(input: Tensor, p: Any = 2, dim: Any = None, keepdim: bool = False, epsilon: Any = 0.0) -> Tensor:
    """As LinalgVectorNorm, at least epsilon."""
    norm = vector_norm(input, p, dim, keepdim)
    return ops.maximum(norm, Tensor(epsilon, norm.dtype)) if number(epsilon) else norm


@kernel("LogSumExp", serves=("mint.logsumexp",))
def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """max + log(sum(exp(x - max))) in float64."""
    x, axes = float64(input), axes_of(dim, input.ndim)
    highest = x.max(axes, keepdims=True)
    finite = np.where(np.isfinite(highest), highest, 0)
    result = np.log(np.exp(x - finite).sum(axes, keepdims=True)) + finite
    return to_tensor(result if keepdim else np.squeeze(result, axes), float_dtype(input))


def _spread_and_mean(
    spread: Callable[[Array], Any], input: Tensor, dim: Any = None, correction: Any = 1, keepdim: bool = False
) -> tuple[Tensor, Tensor]:
    """Two passes in float64."""
    x, axes = float64(input), axes_of(dim, input.ndim)
    mean = x.mean(axes, keepdims=True)
    divisor = np.float64(max(math.prod(x.shape[axis] for axis in axes) - number(correction), 0))
    variance = ((x - mean) ** 2).sum(axes, keepdims=keepdim) / divisor
    means = to_tensor(mean if keepdim else np.squeeze(mean, axes), input.dtype)
    return to_tensor(spread(variance), input.dtype), means


def _spread(*args: Any) -> Tensor:
    """Two passes in float64."""
    return _spread_and_mean(*args)[0]


kernel("StdMean", serves=("mint.std_mean",))(partial(_spread_and_mean, np.sqrt))
kernel("VarMean", serves=("mint.var_mean",))(partial(_spread_and_mean, np.asarray))
std = kernel("Std", serves=("mint.std",))(partial(_spread, np.sqrt))
kernel("Var", serves=("mint.var", "Tensor.var"))(partial(_spread, np.asarray))


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

    On Ascend the method takes torch's arguments, and numpy's if they are given by name. The CPU's method
    takes the former for the latter: it divides by n instead of n - 1, and refuses more than one axis.
    """
    if ddof is None:
        ddof = 0 if axis is not None or keepdims else correction
    return std(input, dim if axis is None else axis, ddof, keepdim or keepdims)


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
    return to_tensor(found, input.dtype), to_tensor(places)


@kernel("BincountExt", serves=("mint.bincount",))
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """`numpy.bincount`; with weights in float64, or float32 if they are."""
    if weights is None:
        return to_tensor(np.bincount(to_numpy(input), None, minlength))
    dtype = weights.dtype if weights.dtype == ms.float32 else ms.float64
    return to_tensor(np.bincount(to_numpy(input), wide(weights), minlength), dtype)


@kernel("HistcExt", serves=("mint.histc",))
def histc(input: Tensor, bins: int = 100, min: Any = 0, max: Any = 0) -> Tensor:
    """`numpy.histogram` in float64; the data's own range where min equals max."""
    values, low, high = wide(input).ravel(), number(min), number(max)
    if low == high:
        low, high = values.min(), values.max()
    return to_tensor(np.histogram(values, bins, (low, high))[0], input.dtype)
