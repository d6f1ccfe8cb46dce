# ruff: noqa: ARG001  MindSpore decides what a kernel is handed
"""Joining, cutting, repeating, reordering and padding tensors; values are moved, never computed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from mindspore import Tensor

from harness.kernels.arrays import Array, shape_of, to_numpy, to_tensor
from harness.kernels.memory import array_of, tensor_of
from harness.kernels.registry import kernel


@kernel("StackExt", serves=("mint.stack",), mixes=("tensors",))
def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """`numpy.stack`."""
    return to_tensor(np.stack([to_numpy(each) for each in tensors], dim), tensors[0].dtype)


_SPLITS = ("SplitTensor", "SplitTensorView", "SplitWithSize", "SplitWithSizeView")


@kernel(*_SPLITS, serves=("mint.split",), native_from="2.7.2")
def split(input: Tensor, split_size: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Slices along the axis."""
    length = input.shape[dim]
    if isinstance(split_size, int):
        split_size = [min(split_size, length - start) for start in range(0, length, split_size)]
    ends = np.cumsum(split_size).tolist()
    return tuple(narrow(input, dim, end - size, size) for end, size in zip(ends, split_size, strict=True))


@kernel("UnstackExtView", serves=("mint.unbind",), native_from="2.7.2")
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Slices along the axis, which is then dropped."""
    return tuple(each.squeeze(dim) for each in split(input, 1, dim))


@kernel("Narrow", serves=("mint.narrow",), native_from="2.7.2")
def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """A slice along the axis."""
    return input[(slice(None),) * (dim % input.ndim) + (slice(start, start + length),)]


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
    """A copy of the values."""
    return tensor_of(np.array(array_of(input), order="C"))


@kernel("Roll", serves=("mint.roll", "Tensor.roll"), on=to_numpy)
def roll(values: Array, shifts: Any, dims: Any = None) -> Array:
    """`numpy.roll`."""
    axes = None if dims in ((), []) else dims
    return np.roll(values, np.sum(shifts) if axes is None else shifts, axes)


_REPEATS = ("RepeatInterleaveInt", "RepeatInterleaveTensor")


@kernel(*_REPEATS, serves=("mint.repeat_interleave",), overload="repeat_interleave")
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


def _widths(array: Array, padding: Any) -> tuple[list[tuple[int, int]], Array]:
    """Return the widths to add at both ends of each axis, and what negative widths leave of the array."""
    given = shape_of(padding)
    # As in torch, pairs of widths are listed from the last axis backwards.
    pairs = [(given[place], given[place + 1]) for place in range(len(given) - 2, -1, -2)]
    pairs = [(0, 0)] * (array.ndim - len(pairs)) + pairs
    kept = tuple(
        slice(max(-first, 0), size - max(-last, 0))
        for size, (first, last) in zip(array.shape, pairs, strict=True)
    )
    return [(max(first, 0), max(last, 0)) for first, last in pairs], array[kept]


def _padded(array: Array, padding: Any, **options: Any) -> Array:
    widths, kept = _widths(array, padding)
    return np.pad(kept, widths, **options)


@kernel(
    "ConstantPadND",
    serves=("mint.nn.functional.pad", "mint.nn.ConstantPad1d", "mint.nn.ZeroPad2d"),
    on=to_numpy,
)
def constant_pad(values: Array, padding: Any, value: Any = 0.0) -> Array:
    """`numpy.pad`; negative widths crop."""
    widths, kept = _widths(values, padding)
    # For a small tensor, `numpy.pad` takes 150 us to do this.
    ends = list(zip(kept.shape, widths, strict=True))
    result = np.full([first + size + last for size, (first, last) in ends], value, values.dtype)
    result[tuple(slice(first, first + size) for size, (first, _) in ends)] = kept
    return result


for _name, _mode, _torch in (("Replication", "edge", "replicate"), ("Reflection", "reflect", "reflect")):
    kernel(
        *(f"{_name}Pad{axes}D" for axes in (1, 2, 3)),
        serves=(f"mint.nn.functional.pad(mode='{_torch}')", f"mint.nn.{_name}Pad2d"),
        computed=f"`numpy.pad(mode='{_mode}')`; negative widths crop.",
        on=to_numpy,
    )(partial(_padded, mode=_mode))
