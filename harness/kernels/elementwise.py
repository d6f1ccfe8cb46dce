"""Functions of one element, or of two that broadcast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor

from harness.kernels.arrays import float_dtype, number, to_numpy, to_tensor, wide
from harness.kernels.registry import kernel


def _unary(function: np.ufunc) -> Callable[[Tensor], Tensor]:
    def compute(input: Tensor) -> Tensor:
        return to_tensor(function(to_numpy(input).astype(np.float64)), float_dtype(input))

    compute.__doc__ = f"`numpy.{function.__name__}` in float64."
    return compute


for _primitive, _name, _function in (
    ("AcosExt", "acos", np.arccos),
    ("AcoshExt", "acosh", np.arccosh),
    ("AsinExt", "asin", np.arcsin),
    ("AsinhExt", "asinh", np.arcsinh),
    ("AtanExt", "atan", np.arctan),
    ("Exp2", "exp2", np.exp2),
    ("Log2", "log2", np.log2),
    ("Log10", "log10", np.log10),
):
    kernel(_primitive, serves=(f"mint.{_name}",))(_unary(_function))


@kernel("Atan2Ext", serves=("mint.atan2", "Tensor.atan2"))
def atan2(input: Tensor, other: Tensor) -> Tensor:
    """`numpy.arctan2` in float64."""
    result = np.arctan2(to_numpy(input).astype(np.float64), to_numpy(other).astype(np.float64))
    return to_tensor(result, float_dtype(input))


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


@kernel("Muls", serves=("mint.mul",), native_from="2.9.0")
def muls(input: Tensor, other: Any) -> Tensor:
    """The operator `*`."""
    return input * other


@kernel("AddcdivExt", serves=("mint.addcdiv",), overload="addcdiv")
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, value: Any = 1) -> Tensor:
    """`input + value * (tensor1 / tensor2)` in float64."""
    result = wide(input) + number(value) * (wide(tensor1) / wide(tensor2))
    return to_tensor(result, input.dtype)
