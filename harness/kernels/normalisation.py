"""Normalisations."""

from __future__ import annotations

from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops
from mindspore.ops import operations

from harness.kernels.arrays import (
    as_dtype,
    float64,
    made,
    number,
    shape_of,
    single,
    single_array,
    to_tensor,
    write,
)
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
    axis, x = input.ndim - len(shape), single(input)
    scale = to_tensor(np.ones(shape, np.float32)) if weight is None else weight
    shift = to_tensor(np.zeros(shape, np.float32)) if bias is None else bias
    primitive = made(operations.LayerNorm, axis, axis, float(eps))
    normed, mean, variance = primitive(x, as_dtype(scale, x.dtype), as_dtype(shift, x.dtype))
    return as_dtype(normed, input.dtype), mean, _reciprocal_root(variance, eps)


def _reciprocal_root(variance: Tensor, eps: float) -> Tensor:
    if (values := single_array(variance)) is None:
        return ops.rsqrt(variance + eps)
    # MindSpore's, in float32, rounds the root and then its reciprocal.
    return to_tensor(np.float32(1) / np.sqrt(values + np.float32(eps)))


_BATCH_NORMS = ("functional.batch_norm", "BatchNorm1d", "BatchNorm2d", "BatchNorm3d")


@kernel("BatchNormExt", serves=tuple(f"mint.nn.{name}" for name in _BATCH_NORMS))
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
    x = float64(input)
    axes, column = (0, *range(2, x.ndim)), (1, -1, *[1] * (x.ndim - 2))
    if training:
        mean, variance = x.mean(axes), x.var(axes)
        unbiased = variance * (x.size / x.shape[1]) / max(x.size / x.shape[1] - 1, 1)
        _move(running_mean, mean, number(momentum))
        _move(running_var, unbiased, number(momentum))
    else:
        mean, variance = float64(running_mean), float64(running_var)
    inverse = 1 / np.sqrt(variance + number(epsilon))
    scale = inverse if weight is None else inverse * float64(weight)
    shift = 0.0 if bias is None else float64(bias).reshape(column)
    result = (x - mean.reshape(column)) * scale.reshape(column) + shift
    return to_tensor(result, input.dtype), to_tensor(mean, ms.float32), to_tensor(inverse, ms.float32)


def _move(running: Tensor | None, seen: Any, momentum: float) -> None:
    if running is not None:
        write(running, float64(running) * (1 - momentum) + seen * momentum)
