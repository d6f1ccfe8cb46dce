"""Functions of one element, or of two that are broadcast."""

from __future__ import annotations

from functools import partial
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor

from harness.kernels.arrays import (
    Array,
    float64,
    float_dtype,
    number,
    to_numpy,
    to_tensor,
    wide,
    without_bfloat16,
)
from harness.kernels.registry import kernel


def _in_float64(function: np.ufunc, input: Tensor, other: Tensor | None = None) -> Tensor:
    operands = (input,) if other is None else (input, other)
    return to_tensor(function(*map(float64, operands)), float_dtype(input))


for _primitive, _function, *_serves in (
    ("AcosExt", np.arccos, "mint.acos"),
    ("AcoshExt", np.arccosh, "mint.acosh"),
    ("AsinExt", np.arcsin, "mint.asin"),
    ("AsinhExt", np.arcsinh, "mint.asinh"),
    ("AtanExt", np.arctan, "mint.atan"),
    ("Atan2Ext", np.arctan2, "mint.atan2", "Tensor.atan2"),
    ("Exp2", np.exp2, "mint.exp2"),
    ("Log2", np.log2, "mint.log2"),
    ("Log10", np.log10, "mint.log10"),
):
    _computed = f"`numpy.{_function.__name__}` in float64."
    _mixes = ("input", "other") if _function.nin == 2 else ()
    _enter = kernel(_primitive, serves=tuple(_serves), computed=_computed, mixes=_mixes)
    _enter(partial(_in_float64, _function))


@kernel("LogAddExp", serves=("mint.logaddexp",), mixes=("input", "other"))
def logaddexp(input: Tensor, other: Tensor) -> Tensor:
    """`numpy.logaddexp` in float64."""
    return to_tensor(np.logaddexp(wide(input), wide(other)), float_dtype(input))


@kernel("LogAddExp2", serves=("mint.logaddexp2",), mixes=("input", "other"))
def logaddexp2(input: Tensor, other: Tensor) -> Tensor:
    """`numpy.logaddexp2` in float64."""
    return to_tensor(np.logaddexp2(wide(input), wide(other)), float_dtype(input))


@kernel("Frac", serves=("mint.frac",), on=to_numpy)
def frac(x: Array) -> Any:
    """x - `numpy.trunc(x)`, exact."""
    return x - np.trunc(x)


@kernel("IsNegInf", serves=("mint.isneginf",))
def isneginf(input: Tensor) -> Tensor:
    """x == -inf."""
    return to_tensor(to_numpy(input) == -np.inf, ms.bool_)


@kernel("EqualExt", serves=("mint.equal",), mixes=("input", "other"))
def equal(input: Tensor, other: Tensor) -> Tensor:
    """`numpy.array_equal`, as a 0-d tensor of bool."""
    return Tensor(bool(np.array_equal(to_numpy(input), to_numpy(other))))


@kernel("BitwiseOrTensor", "BitwiseOrScalar", serves=("mint.bitwise_or",), mixes=("input", "other"))
def bitwise_or(input: Tensor, other: Any) -> Tensor:
    """`numpy.bitwise_or`."""
    return to_tensor(np.bitwise_or(to_numpy(input), to_numpy(other)), input.dtype)


@kernel("BitwiseXorTensor", "BitwiseXorScalar", serves=("mint.bitwise_xor",), mixes=("input", "other"))
def bitwise_xor(input: Tensor, other: Any) -> Tensor:
    """`numpy.bitwise_xor`."""
    return to_tensor(np.bitwise_xor(to_numpy(input), to_numpy(other)), input.dtype)


@kernel(
    "BitwiseNot",
    serves=("mint.bitwise_not", "Tensor.bitwise_not"),
    overload="bitwise_not",
    methods=("bitwise_not",),
    on=to_numpy,
)
def bitwise_not(x: Array) -> Any:
    """`numpy.invert`; for bool, the opposite."""
    return np.invert(x)


def _by_a_number(input: Tensor, other: Any) -> bool:  # noqa: ARG001  handed over by name, too
    return not isinstance(other, Tensor)


@kernel(
    "FloorDivScalar",
    serves=("mint.floor_divide", "Tensor.floor_divide"),
    overload="floor_divide",
    when=_by_a_number,
    methods=("floor_divide",),
    mixes=("input", "other"),
)
def floor_divide(input: Tensor, other: Any) -> Tensor:
    """The operator //."""
    return (without_bfloat16(input) // without_bfloat16(other)).astype(input.dtype)


@kernel("Muls", serves=("mint.mul",), native_from="2.9.0", mixes=("input", "other"))
def muls(input: Tensor, other: Any) -> Tensor:
    """The operator `*`."""
    return (without_bfloat16(input) * without_bfloat16(other)).astype(input.dtype)


@kernel(
    "AddcdivExt",
    serves=("mint.addcdiv", "Tensor.addcdiv"),
    overload="addcdiv",
    methods=("addcdiv",),
    mixes=("input", "tensor1", "tensor2"),
)
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, value: Any = 1) -> Tensor:
    """`input + value * (tensor1 / tensor2)` in float64."""
    return to_tensor(wide(input) + number(value) * (wide(tensor1) / wide(tensor2)), input.dtype)
