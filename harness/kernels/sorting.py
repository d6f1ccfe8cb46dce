# ruff: noqa: ARG001  MindSpore decides what a kernel is handed
"""Order: sorts are stable, so the first of equal elements stays first, even in descending order."""

from __future__ import annotations

import numpy as np
from mindspore import Tensor

from harness.kernels.arrays import Array, to_numpy, to_tensor
from harness.kernels.registry import kernel


def _sorted(input: Tensor, dim: int, descending: bool) -> tuple[Array, Array]:
    """Return the values in order, and the positions from which they come."""
    values = np.atleast_1d(to_numpy(input))
    if descending:
        backwards = np.flip(np.argsort(np.flip(values, dim), dim, kind="stable"), dim)
        places = values.shape[dim] - 1 - backwards
    else:
        places = np.argsort(values, dim, kind="stable")
    return np.take_along_axis(values, places, dim).reshape(input.shape), places.reshape(input.shape)


@kernel("SortExt", serves=("mint.sort",))
def sort(
    input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False
) -> tuple[Tensor, Tensor]:
    """`numpy.argsort(kind='stable')`."""
    values, places = _sorted(input, dim, descending)
    return to_tensor(values, input.dtype), to_tensor(places)


@kernel("ArgSort", serves=("mint.argsort",))
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """`numpy.argsort(kind='stable')`."""
    return to_tensor(_sorted(input, dim, descending)[1])


@kernel("TopkExt", serves=("mint.topk",))
def topk(
    input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
) -> tuple[Tensor, Tensor]:
    """The first k of `numpy.argsort(kind='stable')`, always sorted."""
    values, places = _sorted(input, dim, largest)
    if input.ndim:
        values, places = (np.take(each, np.arange(k), dim) for each in (values, places))
    return to_tensor(values, input.dtype), to_tensor(places)


def _unique(input: Tensor, dim: int | None) -> tuple[Tensor, Tensor, Tensor]:
    values, inverse, counts = np.unique(to_numpy(input), return_inverse=True, return_counts=True, axis=dim)
    places = inverse.reshape(input.shape if dim is None else -1)
    return to_tensor(values, input.dtype), to_tensor(places), to_tensor(counts)


@kernel("Unique2", serves=("mint.unique", "Tensor.unique"))
def unique(
    input: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """`numpy.unique`, always sorted."""
    return _unique(input, None)


@kernel("UniqueDim", serves=("mint.unique(dim)",))
def unique_dim(input: Tensor, sorted: bool, return_inverse: bool, dim: int) -> tuple[Tensor, Tensor, Tensor]:
    """`numpy.unique` of slices."""
    return _unique(input, dim)
