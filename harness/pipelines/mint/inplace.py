"""Methods that write into their tensor, through MindSpore's own `Tensor.copy_`."""

from __future__ import annotations

from typing import Any

import numpy as np
from mindspore import Tensor, ops

from harness.pipelines.mint.arrays import number, to_numpy, to_tensor
from harness.pipelines.mint.registry import kernel


@kernel("InplaceFillScalar", serves=("Tensor.fill_",), methods=("fill_",))
def fill_(input: Tensor, value: Any) -> Tensor:
    """`numpy.full`."""
    return input.copy_(to_tensor(np.full(input.shape, number(value)), input.dtype))


@kernel("InplaceZero", serves=("Tensor.zero_",), methods=("zero_",))
def zero_(input: Tensor) -> Tensor:
    """`numpy.zeros`."""
    return input.copy_(to_tensor(np.zeros(input.shape, np.float32), input.dtype))


@kernel("InplaceClampScalar", serves=("Tensor.clamp_",), methods=("clamp_",))
def clamp_(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """`ops.clamp`."""
    return input.copy_(ops.clamp(input, min, max))


@kernel(
    "InplaceMaskedFillScalar",
    serves=("Tensor.masked_fill_",),
    methods=("masked_fill_",),
)
def masked_fill_(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """`numpy.where`."""
    x = to_numpy(input)
    return input.copy_(to_tensor(np.where(to_numpy(mask), to_numpy(value).astype(x.dtype), x), input.dtype))


@kernel("InplaceReLU", serves=("mint.nn.functional.relu_",))
def relu_(input: Tensor) -> Tensor:
    """`ops.relu`."""
    return input.copy_(ops.relu(input))
