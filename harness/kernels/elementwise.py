"""Functions of one element, or of two that broadcast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor
from numpy.typing import NDArray

from harness.kernels.arrays import float_dtype, number, to_numpy, to_tensor, wide
from harness.kernels.registry import kernel


def _real(function: Callable[..., NDArray[Any]], input: Tensor) -> Tensor:
    return to_tensor(function(to_numpy(input).astype(np.float64)), float_dtype(input))


@kernel("AcosExt", serves=("mint.acos",))
def acos(input: Tensor) -> Tensor:
    """`numpy.arccos` in float64."""
    return _real(np.arccos, input)


@kernel("AcoshExt", serves=("mint.acosh",))
def acosh(input: Tensor) -> Tensor:
    """`numpy.arccosh` in float64."""
    return _real(np.arccosh, input)


@kernel("AsinExt", serves=("mint.asin",))
def asin(input: Tensor) -> Tensor:
    """`numpy.arcsin` in float64."""
    return _real(np.arcsin, input)


@kernel("AsinhExt", serves=("mint.asinh",))
def asinh(input: Tensor) -> Tensor:
    """`numpy.arcsinh` in float64."""
    return _real(np.arcsinh, input)


@kernel("AtanExt", serves=("mint.atan",))
def atan(input: Tensor) -> Tensor:
    """`numpy.arctan` in float64."""
    return _real(np.arctan, input)


@kernel("Atan2Ext", serves=("mint.atan2", "Tensor.atan2"))
def atan2(input: Tensor, other: Tensor) -> Tensor:
    """`numpy.arctan2` in float64."""
    result = np.arctan2(to_numpy(input).astype(np.float64), to_numpy(other).astype(np.float64))
    return to_tensor(result, float_dtype(input))


@kernel("Exp2", serves=("mint.exp2",))
def exp2(input: Tensor) -> Tensor:
    """`numpy.exp2` in float64."""
    return _real(np.exp2, input)


@kernel("Log2", serves=("mint.log2",))
def log2(input: Tensor) -> Tensor:
    """`numpy.log2` in float64."""
    return _real(np.log2, input)


@kernel("Log10", serves=("mint.log10",))
def log10(input: Tensor) -> Tensor:
    """`numpy.log10` in float64."""
    return _real(np.log10, input)


@kernel("LogAddExp", serves=("mint.logaddexp",))
def logaddexp(input: Tensor, other: Tensor) -> Tensor:
    """`numpy.logaddexp` in float64."""
    return to_tensor(np.logaddexp(wide(input), wide(other)), float_dtype(input))


@kernel("Frac", serves=("mint.frac",))
def frac(input: Tensor) -> Tensor:
    """x - `numpy.trunc(x)`, exact."""
    values = to_numpy(input)
    return to_tensor(values - np.trunc(values), input.dtype)


@kernel("IsNegInf", serves=("mint.isneginf",))
def isneginf(input: Tensor) -> Tensor:
    """x == -inf."""
    return to_tensor(to_numpy(input) == -np.inf, ms.bool_)


@kernel("EqualExt", serves=("mint.equal",))
def equal(input: Tensor, other: Tensor) -> Tensor:
    """`numpy.array_equal`, as a 0-d tensor of bool."""
    return Tensor(bool(np.array_equal(to_numpy(input), to_numpy(other))))


@kernel("BitwiseOrTensor", "BitwiseOrScalar", serves=("mint.bitwise_or",))
def bitwise_or(input: Tensor, other: Any) -> Tensor:
    """`numpy.bitwise_or`."""
    return to_tensor(np.bitwise_or(to_numpy(input), to_numpy(other)))


@kernel("BitwiseXorTensor", "BitwiseXorScalar", serves=("mint.bitwise_xor",))
def bitwise_xor(input: Tensor, other: Any) -> Tensor:
    """`numpy.bitwise_xor`."""
    return to_tensor(np.bitwise_xor(to_numpy(input), to_numpy(other)))


@kernel("FloorDivScalar", serves=("Tensor.floor_divide",), methods=("floor_divide",))
def floor_divide(input: Tensor, other: Any) -> Tensor:
    """The operator //."""
    return input // other


@kernel("AddcdivExt", serves=("mint.addcdiv",), overload="addcdiv")
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, value: Any = 1) -> Tensor:
    """`input + value * (tensor1 / tensor2)` in float64."""
    result = wide(input) + number(value) * (wide(tensor1) / wide(tensor2))
    return to_tensor(result, input.dtype)
