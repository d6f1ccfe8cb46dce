"""Methods that write into their tensor.

The CPU's version of the arithmetic ones computes the result but leaves the tensor unchanged
(docs/findings.md).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops

from harness.kernels.activations import hardtanh, threshold
from harness.kernels.arrays import kind, number, to_numpy, unified, without_bfloat16, write
from harness.kernels.registry import kernel


def _sum(input: Tensor, other: Any) -> Tensor:
    both_bool = input.dtype == ms.bool_ and (
        isinstance(other, bool) or getattr(other, "dtype", None) == ms.bool_
    )
    return ops.logical_or(input, other) if both_bool else ops.add(input, other)


def _scaled(compute: Callable[..., Tensor], input: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    return compute(input, other if alpha == 1 else other * alpha)


def _arithmetic(compute: Callable[..., Tensor], input: Tensor, *others: Any, **options: Any) -> Tensor:
    """Compute in the common dtype; as in torch, the tensor must be able to hold the kind of the result."""
    result = compute(*map(without_bfloat16, unified(input, *others)), **options)
    if kind(result.dtype) > kind(input.dtype):
        raise TypeError(f"a result of {result.dtype} cannot be written into a tensor of {input.dtype}")
    return result


def _in_place(compute: Callable[..., Any], input: Tensor, *args: Any, **options: Any) -> Tensor:
    return write(input, compute(input, *args, **options))


def _masked_fill(input: Tensor, mask: Tensor, value: Any) -> Any:
    x = to_numpy(input)
    return np.where(to_numpy(mask), to_numpy(value).astype(x.dtype), x)


kernel("InplaceReLU", serves=("mint.nn.functional.relu_",), computed="`ops.relu`.")(
    partial(_in_place, ops.relu)
)
kernel(
    "InplaceHardtanh",
    serves=("mint.nn.functional.hardtanh(inplace=True)", "mint.nn.functional.relu6(inplace=True)"),
    computed="As Hardtanh, into the tensor.",
)(partial(_in_place, hardtanh))
kernel(
    "InplaceThreshold",
    serves=("mint.nn.functional.threshold(inplace=True)",),
    computed="As Threshold, into the tensor.",
)(partial(_in_place, threshold))
for _primitive, _method, _compute, _computed in (
    ("InplaceFillScalar", "fill_", lambda _, value: number(value), "`numpy.full`."),
    ("InplaceZero", "zero_", lambda _: 0, "`numpy.zeros`."),
    ("InplaceMaskedFillScalar", "masked_fill_", _masked_fill, "`numpy.where`."),
    ("InplaceClampScalar", "clamp_", ops.clamp, "`ops.clamp`."),
    ("InplaceAddExt", "add_", partial(_arithmetic, partial(_scaled, _sum)), "`ops.add`."),
    ("InplaceSubExt", "sub_", partial(_arithmetic, partial(_scaled, ops.sub)), "`ops.sub`."),
    ("InplaceMul", "mul_", partial(_arithmetic, ops.mul), "`ops.mul`."),
    ("InplaceDiv", "div_", partial(_arithmetic, ops.div), "`ops.div`."),
    ("InplaceExp", "exp_", partial(_arithmetic, ops.exp), "`ops.exp`."),
):
    _enter = kernel(_primitive, serves=(f"Tensor.{_method}",), computed=_computed, methods=(_method,))
    _enter(partial(_in_place, _compute))
