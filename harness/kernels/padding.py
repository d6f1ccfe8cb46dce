"""Padding. As in torch, pairs of widths are listed from the last axis backwards."""

from __future__ import annotations

from typing import Any

import numpy as np
from mindspore import Tensor

from harness.kernels.arrays import number, shape_of, to_numpy, to_tensor
from harness.kernels.registry import kernel


def _widths(padding: Any, ndim: int) -> list[tuple[int, int]]:
    flat = shape_of(padding)
    pairs = [(flat[place], flat[place + 1]) for place in range(0, len(flat), 2)]
    return [(0, 0)] * (ndim - len(pairs)) + pairs[::-1]


def _cropped(array: Any, widths: list[tuple[int, int]]) -> tuple[Any, list[tuple[int, int]]]:
    kept = tuple(
        slice(max(-before, 0), size - max(-after, 0))
        for size, (before, after) in zip(array.shape, widths, strict=True)
    )
    return array[kept], [(max(before, 0), max(after, 0)) for before, after in widths]


@kernel("ConstantPadND", serves=("mint.nn.functional.pad", "mint.nn.ConstantPad1d", "mint.nn.ZeroPad2d"))
def constant_pad(input: Tensor, padding: Any, value: Any = 0.0) -> Tensor:
    """`numpy.pad`; negative widths crop."""
    array, widths = _cropped(to_numpy(input), _widths(padding, input.ndim))
    return to_tensor(np.pad(array, widths, constant_values=number(value)), input.dtype)


@kernel(
    "ReplicationPad1D",
    "ReplicationPad2D",
    "ReplicationPad3D",
    serves=("mint.nn.functional.pad(mode='replicate')", "mint.nn.ReplicationPad2d"),
)
def replication_pad(input: Tensor, padding: Any) -> Tensor:
    """`numpy.pad(mode='edge')`; negative widths crop."""
    array, widths = _cropped(to_numpy(input), _widths(padding, input.ndim))
    return to_tensor(np.pad(array, widths, mode="edge"), input.dtype)


@kernel(
    "ReflectionPad1D",
    "ReflectionPad2D",
    "ReflectionPad3D",
    serves=("mint.nn.functional.pad(mode='reflect')", "mint.nn.ReflectionPad2d"),
)
def reflection_pad(input: Tensor, padding: Any) -> Tensor:
    """`numpy.pad(mode='reflect')`; negative widths crop."""
    array, widths = _cropped(to_numpy(input), _widths(padding, input.ndim))
    return to_tensor(np.pad(array, widths, mode="reflect"), input.dtype)
