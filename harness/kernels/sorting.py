# ruff: noqa: ARG001  MindSpore decides what a kernel is handed
"""Order: sorts are stable, so of equal elements the first stays first, also when descending."""

from __future__ import annotations

from typing import Any

import numpy as np
from mindspore import Tensor
from numpy.typing import NDArray

from harness.kernels.arrays import to_numpy, to_tensor
from harness.kernels.registry import kernel


def _order(values: NDArray[Any], dim: int, descending: bool) -> NDArray[np.int64]:
    if not values.ndim:
        return np.zeros((), np.int64)
    if not descending:
        return np.argsort(values, dim, kind="stable").astype(np.int64)
    backwards = np.flip(np.argsort(np.flip(values, dim), dim, kind="stable"), dim)
    return (values.shape[dim] - 1 - backwards).astype(np.int64)


def _taken(values: NDArray[Any], order: NDArray[np.int64], dim: int) -> NDArray[Any]:
    return np.take_along_axis(values, order, dim) if values.ndim else values


@kernel("SortExt", serves=("mint.sort",))
def sort(
    input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False
) -> tuple[Tensor, Tensor]:
    """`numpy.argsort(kind='stable')`."""
    values = to_numpy(input)
    order = _order(values, dim, descending)
    return to_tensor(_taken(values, order, dim), input.dtype), to_tensor(order)


@kernel("ArgSort", serves=("mint.argsort",))
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """`numpy.argsort(kind='stable')`."""
    return to_tensor(_order(to_numpy(input), dim, descending))


@kernel("TopkExt", serves=("mint.topk",))
def topk(
    input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
) -> tuple[Tensor, Tensor]:
    """The first k of `numpy.argsort(kind='stable')`, always sorted."""
    values = to_numpy(input)
    order = _order(values, dim, largest)
    if values.ndim:
        order = np.take(order, np.arange(k), dim)
    return to_tensor(_taken(values, order, dim), input.dtype), to_tensor(order)


@kernel("Unique2", serves=("mint.unique", "Tensor.unique"))
def unique(
    input: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """`numpy.unique`, always sorted."""
    values, inverse, counts = np.unique(to_numpy(input), return_inverse=True, return_counts=True)
    places = to_tensor(inverse.reshape(input.shape).astype(np.int64))
    return to_tensor(values, input.dtype), places, to_tensor(counts.astype(np.int64))


@kernel("UniqueDim", serves=("mint.unique(dim)",))
def unique_dim(input: Tensor, sorted: bool, return_inverse: bool, dim: int) -> tuple[Tensor, Tensor, Tensor]:
    """`numpy.unique` of slices."""
    values, inverse, counts = np.unique(to_numpy(input), return_inverse=True, return_counts=True, axis=dim)
    places = to_tensor(inverse.ravel().astype(np.int64))
    return to_tensor(values, input.dtype), places, to_tensor(counts.astype(np.int64))
