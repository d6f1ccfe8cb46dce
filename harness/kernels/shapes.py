# ruff: noqa: ARG001  MindSpore decides what a kernel is handed
"""Joining, cutting, repeating and reordering tensors; values are moved, never computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mindspore import Tensor, ops

from harness.kernels.arrays import shape_of, to_numpy, to_tensor
from harness.kernels.registry import kernel


@kernel("StackExt", serves=("mint.stack",))
def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """`ops.stack`."""
    return ops.stack(list(tensors), dim)


@kernel(
    "SplitTensor",
    "SplitTensorView",
    "SplitWithSize",
    "SplitWithSizeView",
    serves=("mint.split",),
    native_from="2.7.2",
)
def split(input: Tensor, split_size: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Slices along the axis."""
    axis, length = dim % input.ndim, input.shape[dim]
    if isinstance(split_size, int):
        sizes = [min(split_size, length - start) for start in range(0, length, split_size)]
    else:
        sizes = list(split_size)
    ends = np.cumsum(sizes).tolist()
    return tuple(narrow(input, axis, end - size, size) for end, size in zip(ends, sizes, strict=True))


@kernel("UnstackExtView", serves=("mint.unbind",), native_from="2.7.2")
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Slices along the axis, which is then dropped."""
    return tuple(each.squeeze(dim) for each in split(input, 1, dim))


@kernel("Narrow", serves=("mint.narrow",), native_from="2.7.2")
def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """A slice along the axis."""
    place = (slice(None),) * (dim % input.ndim) + (slice(start, start + length),)
    return input[place]


@kernel("FlattenExt", serves=("mint.flatten",), native_from="2.7.2")
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """`reshape`."""
    if input.ndim == 0:
        return input.reshape((1,))
    first, last = start_dim % input.ndim, end_dim % input.ndim
    merged = int(np.prod(input.shape[first : last + 1]))
    return input.reshape((*input.shape[:first], merged, *input.shape[last + 1 :]))


@kernel("Clone", serves=("mint.clone", "Tensor.clone"), methods=("clone",))
def clone(input: Tensor) -> Tensor:
    """`Tensor.copy`."""
    return input.copy()


@kernel("Roll", serves=("mint.roll", "Tensor.roll"))
def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """`numpy.roll`."""
    axes = None if dims is None or dims == () or dims == [] else dims
    shifts = shifts if isinstance(shifts, int) or axes is not None else sum(shifts)
    return to_tensor(np.roll(to_numpy(input), shifts, axes), input.dtype)


@kernel(
    "RepeatInterleaveInt",
    "RepeatInterleaveTensor",
    serves=("mint.repeat_interleave",),
    overload="repeat_interleave",
)
def repeat_interleave(
    input: Tensor, repeats: Any, dim: int | None = None, output_size: int | None = None
) -> Tensor:
    """`numpy.repeat`."""
    return to_tensor(np.repeat(to_numpy(input), to_numpy(repeats), dim), input.dtype)


@kernel("Tensor.repeat", serves=("Tensor.repeat",), methods=("repeat",))
def repeat(input: Tensor, *repeats: Any) -> Tensor:
    """`Tensor.tile`."""
    counts = repeats[0] if len(repeats) == 1 and not isinstance(repeats[0], int) else repeats
    return input.tile(shape_of(counts))
