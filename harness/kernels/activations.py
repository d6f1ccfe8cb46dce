"""Activation functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from mindspore import Tensor, ops

from harness.kernels.arrays import Array, float64, single, single_array, to_numpy, to_tensor
from harness.kernels.registry import kernel

# Klambauer et al. 2017, "Self-Normalizing Neural Networks", equation 14.
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
_ROOT_OF_HALF, _HALF, _ONE = np.float32(math.sqrt(0.5)), np.float32(0.5), np.float32(1)


@kernel("GeluExt", serves=("mint.nn.functional.gelu", "mint.nn.GELU"), overload="gelu")
def gelu(input: Tensor, approximate: str | int = "none") -> Tensor:
    """`ops.erf` in the dtype (16 bits in float32); with approximate='tanh', `numpy.tanh` in float64."""
    if approximate in ("tanh", 1):
        x = float64(input)
        inner = math.sqrt(2 / math.pi) * x * (1 + 0.044715 * x * x)
        return to_tensor(0.5 * x * (1 + np.tanh(inner)), input.dtype)
    x = single(input)
    if (values := single_array(x)) is not None:
        erf = to_numpy(ops.erf(to_tensor(values * _ROOT_OF_HALF)))
        return to_tensor(values * _HALF * (_ONE + erf), input.dtype)
    return (x * 0.5 * (1.0 + ops.erf(x * math.sqrt(0.5)))).astype(input.dtype)


@kernel("EluExt", serves=("mint.nn.functional.elu", "mint.nn.ELU"), on=float64)
def elu(x: Array, alpha: float = 1.0) -> Array:
    """`numpy.expm1` in float64 below 0."""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


@kernel("SeLUExt", serves=("mint.nn.functional.selu", "mint.nn.SELU"), on=float64)
def selu(x: Array) -> Array:
    """`numpy.expm1` in float64 below 0."""
    return _SELU_SCALE * np.where(x > 0, x, _SELU_ALPHA * np.expm1(np.minimum(x, 0)))


@kernel("LeakyReLUExt", serves=("mint.nn.functional.leaky_relu",), on=float64)
def leaky_relu(x: Array, negative_slope: float = 0.01) -> Array:
    """The slope times x below 0, in float64."""
    return np.where(x > 0, x, x * negative_slope)


@kernel("LogSigmoid", serves=("mint.nn.functional.logsigmoid", "mint.nn.LogSigmoid"))
def log_sigmoid(input: Tensor) -> tuple[Tensor, Tensor]:
    """`min(x, 0) - log1p(exp(-abs(x)))` in float64; beside it the buffer of the gradient."""
    x = float64(input)
    smaller = np.exp(-np.abs(x))
    return to_tensor(np.minimum(x, 0) - np.log1p(smaller), input.dtype), to_tensor(smaller, input.dtype)


@kernel("LogSoftmaxExt", serves=("mint.nn.functional.log_softmax",))
def log_softmax(input: Tensor, dim: int | None = None, dtype: Any = None) -> Tensor:
    """x - max - log(sum(exp(x - max))) in float64."""
    x = float64(input)
    # Without an axis, torch takes the first for 0, 1 and 3 axes, and otherwise the second.
    axis = dim if dim is not None else (0 if x.ndim in (0, 1, 3) else 1)
    shifted = x - x.max(axis, keepdims=True)
    return to_tensor(shifted - np.log(np.exp(shifted).sum(axis, keepdims=True)), dtype or input.dtype)


@kernel("MishExt", serves=("mint.nn.functional.mish", "mint.nn.Mish"), on=float64)
def mish(x: Array) -> Any:
    """`x * tanh(log1p(exp(x)))` in float64."""
    return x * np.tanh(np.logaddexp(0, x))


@kernel("SoftplusExt", serves=("mint.nn.functional.softplus",), native_from="2.10.0", on=float64)
def softplus(x: Array, beta: float = 1, threshold: float = 20) -> Array:
    """`numpy.logaddexp(0, beta * x) / beta` in float64; x itself where `beta * x` is above the threshold."""
    return np.where(x * beta > threshold, x, np.logaddexp(0, x * beta) / beta)


@kernel("Hardtanh", serves=("mint.nn.functional.hardtanh", "mint.nn.functional.relu6"), on=to_numpy)
def hardtanh(x: Array, min_val: float = -1, max_val: float = 1) -> Array:
    """`numpy.clip`."""
    return np.clip(x, min_val, max_val)


@kernel("Threshold", serves=("mint.nn.functional.threshold",), on=to_numpy)
def threshold(x: Array, threshold: float, value: float) -> Array:
    """x above the threshold, the value else."""
    return np.where(x > threshold, x, np.asarray(value).astype(x.dtype))
