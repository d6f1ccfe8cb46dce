"""Methods that write into their tensor.

The CPU form of the arithmetic ones computes the result and leaves the tensor as it was (docs/findings.md).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from mindspore import Tensor, ops

from harness.kernels.arrays import number, to_numpy, to_tensor, write
from harness.kernels.registry import kernel


@kernel("InplaceFillScalar", serves=("Tensor.fill_",), methods=("fill_",))
def fill_(input: Tensor, value: Any) -> Tensor:
    """`numpy.full`."""
    return write(input, to_tensor(np.full(input.shape, number(value)), input.dtype))


@kernel("InplaceZero", serves=("Tensor.zero_",), methods=("zero_",))
def zero_(input: Tensor) -> Tensor:
    """`numpy.zeros`."""
    return write(input, to_tensor(np.zeros(input.shape, np.float32), input.dtype))


@kernel("InplaceClampScalar", serves=("Tensor.clamp_",), methods=("clamp_",))
def clamp_(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """`ops.clamp`."""
    return write(input, ops.clamp(input, min, max))


@kernel(
    "InplaceMaskedFillScalar",
    serves=("Tensor.masked_fill_",),
    methods=("masked_fill_",),
)
def masked_fill_(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """`numpy.where`."""
    x = to_numpy(input)
    return write(input, to_tensor(np.where(to_numpy(mask), to_numpy(value).astype(x.dtype), x), input.dtype))


@kernel("InplaceReLU", serves=("mint.nn.functional.relu_",))
def relu_(input: Tensor) -> Tensor:
    """`ops.relu`."""
    return write(input, ops.relu(input))


@kernel("InplaceAddExt", serves=("Tensor.add_",), methods=("add_",))
def add_(input: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """`ops.add`."""
    return write(input, ops.add(input, other if alpha == 1 else other * alpha))


@kernel("InplaceSubExt", serves=("Tensor.sub_",), methods=("sub_",))
def sub_(input: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """`ops.sub`."""
    return write(input, ops.sub(input, other if alpha == 1 else other * alpha))


@kernel("InplaceMul", serves=("Tensor.mul_",), methods=("mul_",))
def mul_(input: Tensor, other: Any) -> Tensor:
    """`ops.mul`."""
    return write(input, ops.mul(input, other))


@kernel("InplaceDiv", serves=("Tensor.div_",), methods=("div_",))
def div_(input: Tensor, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """`ops.div`."""
    return write(input, ops.div(input, other, rounding_mode=rounding_mode))


@kernel("InplaceExp", serves=("Tensor.exp_",), methods=("exp_",))
def exp_(input: Tensor) -> Tensor:
    """`ops.exp`."""
    return write(input, ops.exp(input))
