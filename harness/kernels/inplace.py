"""Methods that write into their tensor.

The CPU's version of the arithmetic ones computes the result but leaves the tensor unchanged
(docs/findings.md).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from mindspore import Tensor, ops

from harness.kernels.arrays import number, to_numpy, write
from harness.kernels.registry import kernel


def _add(input: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    return ops.add(input, other if alpha == 1 else other * alpha)


def _sub(input: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    return ops.sub(input, other if alpha == 1 else other * alpha)


def _in_place(compute: Callable[..., Any], input: Tensor, *args: Any, **options: Any) -> Tensor:
    return write(input, compute(input, *args, **options))


def _masked_fill(input: Tensor, mask: Tensor, value: Any) -> Any:
    x = to_numpy(input)
    return np.where(to_numpy(mask), to_numpy(value).astype(x.dtype), x)


kernel("InplaceReLU", serves=("mint.nn.functional.relu_",), computed="`ops.relu`.")(
    partial(_in_place, ops.relu)
)
for _primitive, _method, _compute, _computed in (
    ("InplaceFillScalar", "fill_", lambda _, value: number(value), "`numpy.full`."),
    ("InplaceZero", "zero_", lambda _: 0, "`numpy.zeros`."),
    ("InplaceMaskedFillScalar", "masked_fill_", _masked_fill, "`numpy.where`."),
    ("InplaceClampScalar", "clamp_", ops.clamp, "`ops.clamp`."),
    ("InplaceAddExt", "add_", _add, "`ops.add`."),
    ("InplaceSubExt", "sub_", _sub, "`ops.sub`."),
    ("InplaceMul", "mul_", ops.mul, "`ops.mul`."),
    ("InplaceDiv", "div_", ops.div, "`ops.div`."),
    ("InplaceExp", "exp_", ops.exp, "`ops.exp`."),
):
    _enter = kernel(_primitive, serves=(f"Tensor.{_method}",), computed=_computed, methods=(_method,))
    _enter(partial(_in_place, _compute))
