# ruff: noqa: ARG001  MindSpore decides what a kernel is handed
"""Tensors made from numbers: ranges and constants."""

from __future__ import annotations

from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor

from harness.kernels.arrays import number, shape_of, to_tensor
from harness.kernels.registry import kernel


@kernel("Arange", serves=("mint.arange",))
def arange(start: Any, end: Any, step: Any, dtype: Any = None) -> Tensor:
    """`numpy.arange` in int64 or float64, rounded to the dtype."""
    values = np.arange(number(start), number(end), number(step))
    return to_tensor(values, dtype or (ms.float32 if values.dtype.kind == "f" else ms.int64))


@kernel("LinSpaceExt", serves=("mint.linspace",))
def linspace(start: Any, end: Any, steps: Any, dtype: Any = None) -> Tensor:
    """In the dtype, from both ends towards the middle, as torch does."""
    dtype = dtype or ms.float32
    kind: Any = np.float64 if dtype == ms.float64 else np.float32
    first, last, count = kind(number(start)), kind(number(end)), int(number(steps))
    if count < 2:
        return to_tensor(np.full(count, first), dtype)
    step, index = (last - first) / kind(count - 1), np.arange(count)
    up, down = first + step * index.astype(kind), last - step * index[::-1].astype(kind)
    return to_tensor(np.where(index < count // 2, up, down).astype(kind), dtype)


@kernel("FillScalar", serves=("mint.full",))
def fill_scalar(size: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    """`numpy.full`."""
    value = number(fill_value)
    if dtype is None:
        dtype = ms.bool_ if isinstance(value, bool) else ms.int64 if isinstance(value, int) else ms.float32
    return to_tensor(np.full(shape_of(size), value), dtype)


@kernel("FullLike", serves=("mint.full_like",))
def full_like(input: Tensor, fill_value: Any, dtype: Any = None) -> Tensor:
    """`numpy.full`."""
    return fill_scalar(input.shape, fill_value, dtype or input.dtype)


@kernel("Tensor.new_full", serves=("Tensor.new_full",), methods=("new_full",))
def new_full(input: Tensor, size: Any, fill_value: Any, *, dtype: Any = None) -> Tensor:
    """`numpy.full`."""
    return fill_scalar(size, fill_value, dtype or input.dtype)


@kernel("EmptyLike", serves=("mint.empty_like",), overload="empty_like", native_from="2.8.0")
@kernel("ZerosLikeExt", serves=("mint.zeros_like", "mint.empty_like"))
def zeros_like(input: Tensor, dtype: Any = None, device: Any = None, pin_memory: bool = False) -> Tensor:
    """`numpy.zeros`."""
    return fill_scalar(input.shape, 0.0, dtype or input.dtype)


@kernel("OnesLikeExt", serves=("mint.ones_like",))
def ones_like(input: Tensor, dtype: Any = None) -> Tensor:
    """`numpy.ones`."""
    return fill_scalar(input.shape, 1.0, dtype or input.dtype)


@kernel("Empty", serves=("mint.empty", "Tensor.new_empty"), overload="empty", native_from="2.8.0")
def empty(*size: Any, dtype: Any = None, device: Any = None, pin_memory: bool = False) -> Tensor:
    """`numpy.zeros`."""
    return fill_scalar(size[0] if len(size) == 1 else size, 0.0, dtype)
