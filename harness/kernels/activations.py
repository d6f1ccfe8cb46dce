"""Activation functions."""

from __future__ import annotations

import math
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops
from numpy.typing import NDArray

from harness.kernels.arrays import is_half, number, to_numpy, to_tensor
from harness.kernels.registry import kernel

# Klambauer et al. 2017, "Self-Normalizing Neural Networks", equation 14.
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


def _float64(input: Tensor) -> NDArray[np.float64]:
    return to_numpy(input).astype(np.float64)


@kernel("GeluExt", serves=("mint.nn.functional.gelu", "mint.nn.GELU"), overload="gelu")
def gelu(input: Tensor, approximate: str | int = "none") -> Tensor:
    """`ops.erf` in the dtype (16 bits in float32); with approximate='tanh', `numpy.tanh` in float64."""
    if approximate in ("tanh", 1):
        x = _float64(input)
        inner = math.sqrt(2 / math.pi) * x * (1 + 0.044715 * x * x)
        return to_tensor(0.5 * x * (1 + np.tanh(inner)), input.dtype)
    x = input.astype(ms.float32) if is_half(input) else input
    result = x * 0.5 * (1.0 + ops.erf(x * math.sqrt(0.5)))
    return result.astype(input.dtype)


@kernel("EluExt", serves=("mint.nn.functional.elu", "mint.nn.ELU"))
def elu(input: Tensor, alpha: Any = 1.0) -> Tensor:
    """`numpy.expm1` in float64 below 0."""
    x = _float64(input)
    return to_tensor(np.where(x > 0, x, number(alpha) * np.expm1(np.minimum(x, 0))), input.dtype)


@kernel("SeLUExt", serves=("mint.nn.functional.selu", "mint.nn.SELU"))
def selu(input: Tensor) -> Tensor:
    """`numpy.expm1` in float64 below 0."""
    x = _float64(input)
    return to_tensor(_SELU_SCALE * np.where(x > 0, x, _SELU_ALPHA * np.expm1(np.minimum(x, 0))), input.dtype)


@kernel("LeakyReLUExt", serves=("mint.nn.functional.leaky_relu",))
def leaky_relu(input: Tensor, negative_slope: Any = 0.01) -> Tensor:
    """The slope times x below 0, in float64."""
    x = _float64(input)
    return to_tensor(np.where(x > 0, x, x * number(negative_slope)), input.dtype)


@kernel("LogSigmoid", serves=("mint.nn.functional.logsigmoid", "mint.nn.LogSigmoid"))
def log_sigmoid(input: Tensor) -> tuple[Tensor, Tensor]:
    """`min(x, 0) - log1p(exp(-abs(x)))` in float64; beside it the buffer of the gradient."""
    x = _float64(input)
    smaller = np.exp(-np.abs(x))
    return to_tensor(np.minimum(x, 0) - np.log1p(smaller), input.dtype), to_tensor(smaller, input.dtype)


@kernel("LogSoftmaxExt", serves=("mint.nn.functional.log_softmax",))
def log_softmax(input: Tensor, dim: int | None = None, dtype: Any = None) -> Tensor:
    """x - max - log(sum(exp(x - max))) in float64."""
    x = _float64(input)
    # Without an axis torch takes the first for 0, 1 and 3 axes and the second else.
    axis = dim if dim is not None else (0 if x.ndim in (0, 1, 3) else 1)
    shifted = x - x.max(axis, keepdims=True)
    result = shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))
    return to_tensor(result, dtype or input.dtype)


@kernel("MishExt", serves=("mint.nn.functional.mish", "mint.nn.Mish"))
def mish(input: Tensor) -> Tensor:
    """`x * tanh(log1p(exp(x)))` in float64."""
    x = _float64(input)
    return to_tensor(x * np.tanh(np.logaddexp(0, x)), input.dtype)


@kernel("SoftplusExt", serves=("mint.nn.functional.softplus",), native_from="2.10.0")
def softplus(input: Tensor, beta: Any = 1, threshold: Any = 20) -> Tensor:
    """`numpy.logaddexp(0, beta * x) / beta` in float64; x itself where `beta * x` is above the threshold."""
    x, scale = _float64(input), number(beta)
    return to_tensor(
        np.where(x * scale > number(threshold), x, np.logaddexp(0, x * scale) / scale), input.dtype
    )


@kernel("Hardtanh", serves=("mint.nn.functional.hardtanh", "mint.nn.functional.relu6"))
def hardtanh(input: Tensor, min_val: Any = -1, max_val: Any = 1) -> Tensor:
    """`numpy.clip`."""
    return to_tensor(np.clip(to_numpy(input), number(min_val), number(max_val)), input.dtype)


@kernel("Threshold", serves=("mint.nn.functional.threshold",))
def threshold(input: Tensor, threshold: Any, value: Any) -> Tensor:
    """x above the threshold, the value else."""
    x = to_numpy(input)
    return to_tensor(
        np.where(x > number(threshold), x, np.asarray(number(value)).astype(x.dtype)), input.dtype
    )
