# ruff: noqa: ARG001  MindSpore decides what a kernel is handed
"""Taking, setting and marking elements by index."""

from __future__ import annotations

from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops

from harness.kernels.arrays import Array, to_numpy, to_tensor, wide, write
from harness.kernels.memory import array_of, tensor_of
from harness.kernels.registry import kernel


@kernel("Embedding", serves=("mint.nn.functional.embedding", "mint.nn.Embedding"))
def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
) -> Tensor:
    """`numpy.take` of the weight's rows; max_norm is refused."""
    if max_norm is not None:
        raise NotImplementedError("harness's CPU kernel of Embedding has no max_norm")
    rows = to_numpy(input)
    if not rows.size or rows.dtype.kind != "i" or rows.min() < 0 or rows.max() >= weight.shape[0]:
        return ops.gather(weight, input, 0)  # which has its own way with places outside
    return tensor_of(np.take(array_of(weight), rows, 0))


for _primitive, _name, _compute, _computed in (
    ("IndexSelect", "index_select", lambda x, dim, index: np.take(x, index, dim), "`numpy.take`."),
    ("TrilExt", "tril", lambda x, diagonal=0: np.tril(x, diagonal), "`numpy.tril`."),
    ("DiagExt", "diag", lambda x, diagonal=0: np.diag(x, diagonal), "`numpy.diag`."),
):
    kernel(_primitive, serves=(f"mint.{_name}",), computed=_computed, on=to_numpy)(_compute)


@kernel(
    "ScatterAddExt", serves=("mint.scatter_add", "Tensor.scatter_add"), methods=("scatter_add",), on=to_numpy
)
def scatter_add(values: Array, dim: int, index: Array, src: Array) -> Array:
    """`numpy.add.at`, one after the other in the index's order, in the dtype."""
    result = values.copy()
    np.add.at(result, _places(index, dim), src[tuple(map(slice, index.shape))])
    return result


@kernel("InplaceScatterAdd", serves=("Tensor.scatter_add_",), methods=("scatter_add_",))
def scatter_add_(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """As ScatterAddExt, into the tensor."""
    return write(input, scatter_add(input, dim, index, src))


@kernel("Take", serves=("mint.take",), on=to_numpy)
def take(values: Array, index: Array) -> Array:
    """`numpy.take` of the flat values."""
    return np.take(values, index)


@kernel("InplaceScatterSrc", "InplaceScatterValue", serves=("Tensor.scatter_",), methods=("scatter_",))
def scatter_(input: Tensor, dim: int, index: Tensor, src: Any) -> Tensor:
    """numpy's assignment by index; of several for one place, the last stays."""
    result, places = to_numpy(input).copy(), to_numpy(index)
    values = to_numpy(src)
    result[_places(places, dim)] = values[tuple(map(slice, places.shape))] if values.ndim else values
    return write(input, result)


def _places(index: Array, dim: int) -> tuple[Any, ...]:
    places = list(np.ogrid[tuple(map(slice, index.shape))])
    places[dim] = index
    return tuple(places)


@kernel("InplaceIndexCopy", serves=("Tensor.index_copy_",), methods=("index_copy_",))
def index_copy_(input: Tensor, dim: int, index: Tensor, tensor: Tensor) -> Tensor:
    """numpy's assignment by index."""
    result = to_numpy(input).copy()
    result[(slice(None),) * (dim % result.ndim) + (to_numpy(index),)] = to_numpy(tensor)
    return write(input, result)


def _only_condition(*args: Any, **kwargs: Any) -> bool:
    return len(args) + len(kwargs) == 1


@kernel(
    "NonZeroExt",
    serves=("mint.nonzero(as_tuple=True)", "mint.where(condition)"),
    overload="where",
    when=_only_condition,
)
def nonzero(condition: Tensor) -> tuple[Tensor, ...]:
    """`numpy.nonzero`."""
    return tuple(to_tensor(each.astype(np.int64)) for each in np.nonzero(np.atleast_1d(to_numpy(condition))))


@kernel("OneHotExt", serves=("mint.nn.functional.one_hot",))
def one_hot(tensor: Tensor, num_classes: int, on_value: Any, off_value: Any, axis: int = -1) -> Tensor:
    """Rows of a unit matrix."""
    classes = to_numpy(tensor)
    count = int(classes.max()) + 1 if num_classes == -1 else num_classes
    marked = np.arange(count) == classes[..., None]
    values = np.where(np.moveaxis(marked, -1, axis), to_numpy(on_value), to_numpy(off_value))
    return to_tensor(values, ms.int64)


@kernel("TraceExt", serves=("mint.trace",))
def trace(input: Tensor) -> Tensor:
    """`numpy.trace`, floats in float64."""
    values = wide(input)
    if values.dtype.kind == "f":
        return to_tensor(np.trace(values), input.dtype)
    return to_tensor(np.trace(values, dtype=np.int64))
