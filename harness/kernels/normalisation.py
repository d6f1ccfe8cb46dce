"""Normalisations."""

from __future__ import annotations

import functools
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops
from mindspore.ops import operations

from harness.kernels.arrays import is_half, number, shape_of, to_numpy, to_tensor, write
from harness.kernels.registry import kernel


@kernel("LayerNormExt", serves=("mint.nn.functional.layer_norm", "mint.nn.LayerNorm"))
def layer_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> tuple[Tensor, Tensor, Tensor]:
    """`ops.LayerNorm` (16 bits in float32); beside it the mean and the reciprocal standard deviation."""
    shape = shape_of(normalized_shape)
    axis = input.ndim - len(shape)
    x = input.astype(ms.float32) if is_half(input) else input
    scale = to_tensor(np.ones(shape, np.float32)) if weight is None else weight
    shift = to_tensor(np.zeros(shape, np.float32)) if bias is None else bias
    normed, mean, variance = _layer_norm(axis, float(eps))(x, scale.astype(x.dtype), shift.astype(x.dtype))
    return normed.astype(input.dtype), mean, ops.rsqrt(variance + eps)


# Making a primitive costs more than normalising a few rows.
@functools.lru_cache(maxsize=64)
def _layer_norm(axis: int, eps: float) -> Any:
    return operations.LayerNorm(axis, axis, eps)


@kernel(
    "BatchNormExt",
    serves=(
        "mint.nn.functional.batch_norm",
        "mint.nn.BatchNorm1d",
        "mint.nn.BatchNorm2d",
        "mint.nn.BatchNorm3d",
    ),
)
def batch_norm(
    input: Tensor,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    training: bool = False,
    momentum: Any = 0.1,
    epsilon: Any = 1e-5,
) -> tuple[Tensor, Tensor, Tensor]:
    """float64 throughout; in training also moves the running mean and variance."""
    x = to_numpy(input).astype(np.float64)
    axes, column = (0, *range(2, x.ndim)), (1, -1, *[1] * (x.ndim - 2))
    if training:
        mean, variance = x.mean(axes), x.var(axes)
        unbiased = variance * (x.size / x.shape[1]) / max(x.size / x.shape[1] - 1, 1)
        _move(running_mean, mean, number(momentum))
        _move(running_var, unbiased, number(momentum))
    else:
        mean, variance = to_numpy(running_mean).astype(np.float64), to_numpy(running_var).astype(np.float64)
    inverse = 1 / np.sqrt(variance + number(epsilon))
    scale = inverse if weight is None else inverse * to_numpy(weight).astype(np.float64)
    shift = 0.0 if bias is None else to_numpy(bias).astype(np.float64).reshape(column)
    result = (x - mean.reshape(column)) * scale.reshape(column) + shift
    return to_tensor(result, input.dtype), to_tensor(mean, ms.float32), to_tensor(inverse, ms.float32)


def _move(running: Tensor | None, seen: Any, momentum: float) -> None:
    if running is not None:
        moved = to_numpy(running).astype(np.float64) * (1 - momentum) + seen * momentum
        write(running, to_tensor(moved, running.dtype))
