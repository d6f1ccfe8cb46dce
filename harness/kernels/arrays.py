"""Conversion between tensors and numpy arrays, and the dtypes in which sums are held."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor
from numpy.typing import NDArray

from harness.kernels.casting import converted
from harness.kernels.memory import array_of, tensor_of

Array = NDArray[Any]

_SINGLE = ms.float32
_HALVES = (ms.float16, ms.bfloat16)
FLOATS = (*_HALVES, ms.float32, ms.float64)
# What MindSpore's own cast rounds to as numpy does, ten times as slowly.
_NARROWER = {ms.float32: np.float32, ms.float16: np.float16}


def to_numpy(value: Any) -> Array:
    """Return the values of a tensor or number; bfloat16, which numpy lacks, as float32.

    The array and the tensor share their memory.
    """
    if not isinstance(value, Tensor):
        return np.asarray(value)
    array: Array = array_of(value.astype(ms.float32) if value.dtype == ms.bfloat16 else value)
    return array


def to_tensor(array: Any, dtype: Any = None) -> Tensor:
    """Return a tensor with the values of ``array``, cast to the MindSpore ``dtype`` unless that is None.

    The tensor may have the array's memory.
    """
    array = np.asarray(array)
    if array.dtype.kind == "f" and (kind := _NARROWER.get(dtype)) is not None and array.dtype != kind:
        array = converted(array, kind)
    return as_dtype(tensor_of(array), dtype)


def as_dtype(x: Tensor, dtype: Any) -> Tensor:
    """Return ``x`` in ``dtype``: itself if that is None or its own, which `astype` takes 10 us to find."""
    return x if dtype is None or x.dtype == dtype else x.astype(dtype)


def wide(x: Tensor) -> Array:
    """Return the values of ``x``, floats as float64, the dtype for transcendental functions and sums.

    When rounded back to float32, the result is correctly rounded except for rare ties, so it does not depend
    on the instruction set for which numpy chooses its functions.
    """
    array = to_numpy(x)
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def float64(x: Tensor) -> NDArray[np.float64]:
    """Return the values of ``x`` as float64, including integers and bool."""
    return to_numpy(x).astype(np.float64)


def single(x: Tensor) -> Tensor:
    """Return ``x``, in float32 if it has 16 bits: MindSpore's own sums of 16-bit values use float32."""
    return x.astype(ms.float32) if x.dtype in _HALVES else x


def single_array(x: Any) -> Any:
    """Return the array of a tensor of float32, or None."""
    return array_of(x) if isinstance(x, Tensor) and x._dtype is _SINGLE else None


def without_bfloat16(value: Any) -> Any:
    """Return a tensor of bfloat16 in float32, which holds its values exactly, and anything else as it is.

    Many of MindSpore's CPU kernels have float16 but not bfloat16.
    """
    return value.astype(ms.float32) if isinstance(value, Tensor) and value.dtype == ms.bfloat16 else value


def float_dtype(x: Tensor) -> Any:
    """Return the dtype of a real function of ``x``: that of ``x``, or float32 for integers and bool."""
    return x.dtype if x.dtype in FLOATS else ms.float32


# The kinds of numbers, each holding those before it, as torch.result_type has them.
_BOOL, _INTEGER, _FLOAT, _COMPLEX = range(4)
_COMPLEXES = (ms.complex64, ms.complex128)


def kind(dtype: Any) -> int:
    """Return the place of ``dtype`` in the order bool, integer, float, complex."""
    if dtype in FLOATS:
        return _FLOAT
    return _COMPLEX if dtype in _COMPLEXES else _BOOL if dtype == ms.bool_ else _INTEGER


@functools.lru_cache(maxsize=512)
def _promoted(first: Any, second: Any) -> Any:
    """Return the dtype that holds both, as torch.promote_types: an integer never widens a float."""
    if None in (first, second) or first == second:
        return second if first is None else first
    low, high = sorted((first, second), key=kind)
    if kind(high) == _COMPLEX:
        return ms.complex128 if {ms.float64, ms.complex128} & {low, high} else ms.complex64
    if kind(high) == _FLOAT:
        if kind(low) < _FLOAT:
            return high
        return ms.float64 if ms.float64 in (low, high) else ms.float32
    kinds = (Tensor(0, each).asnumpy().dtype for each in (low, high))
    return Tensor(np.zeros(1, np.promote_types(*kinds))).dtype


def _over(strong: Any, weak: Any) -> Any:
    """Return the dtype of operands of two ranks: the weak ones count only where theirs is a higher kind."""
    if strong is None or weak is None:
        return weak if strong is None else strong
    if kind(strong) == _FLOAT and kind(weak) == _COMPLEX:
        return ms.complex128 if strong == ms.float64 else ms.complex64
    return _promoted(strong, weak) if kind(weak) > kind(strong) else strong


def result_dtype(*operands: Any) -> Any:
    """Return the dtype in which tensors and numbers meet, as torch.result_type.

    Tensors without axes give way to tensors with axes, and Python's numbers to both. Operands that are
    neither count for nothing.
    """
    ranks: list[Any] = [None, None, None]
    for each in operands:
        if isinstance(each, Tensor):
            rank, dtype = (0 if each.ndim else 1), each.dtype
        elif isinstance(each, bool | int | float | complex):
            # bool is an int, hence the order.
            rank, dtype = 2, next(own for of, own in _OF_NUMBERS if isinstance(each, of))
        else:
            continue
        ranks[rank] = _promoted(ranks[rank], dtype)
    return _over(ranks[0], _over(ranks[1], ranks[2]))


_OF_NUMBERS = ((bool, ms.bool_), (int, ms.int64), (float, ms.float32), (complex, ms.complex64))


def unified(*operands: Any) -> tuple[Any, ...]:
    """Return the operands with every tensor among them in their common dtype; numbers stay numbers."""
    dtypes = {each.dtype for each in operands if isinstance(each, Tensor)}
    if len(dtypes) == 1 and all(isinstance(each, Tensor) for each in operands):
        return operands
    common = result_dtype(*operands)
    return tuple(
        each.astype(common) if isinstance(each, Tensor) and each.dtype != common else each
        for each in operands
    )


@functools.lru_cache(maxsize=512)
def made(primitive: Callable[..., Any], *args: Hashable, **options: Hashable) -> Any:
    """Return one of MindSpore's primitives, cached: making one takes as long as a small convolution."""
    return primitive(*args, **options)


def number(value: Any) -> Any:
    """Return the Python number in a 0-d tensor, or the number itself."""
    return value.item() if isinstance(value, Tensor) else value


def integers(value: Any, length: int) -> tuple[int, ...]:
    """Return ``length`` integers from one integer, from a sequence of one, or from as many."""
    if isinstance(value, int):
        return (value,) * length
    values = tuple(int(number(each)) for each in value)
    return values * length if len(values) == 1 else values


def shape_of(size: Any) -> tuple[int, ...]:
    """Return a shape from an integer, a sequence of integers or a tensor of integers."""
    if isinstance(size, int):
        return (size,)
    if isinstance(size, Tensor):
        size = size.asnumpy().tolist()
    return tuple(int(number(each)) for each in size)


def axes_of(dim: int | Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    """Return the non-negative axes of ``dim``; None and () mean all axes."""
    if dim is None or dim == () or dim == []:
        return tuple(range(ndim))
    dims = (dim,) if isinstance(dim, int) else tuple(dim)
    return tuple(each % ndim for each in dims) if ndim else ()


def write(tensor: Tensor, values: Any) -> Tensor:
    """Replace the values of ``tensor``, cast to its dtype, and return it.

    On CPU a view holds its own copy: MindSpore's ``copy_`` writes neither through to the viewed tensor nor
    into the view itself (docs/findings.md); this function writes into the view.
    """
    new = values if isinstance(values, Tensor) else to_tensor(np.broadcast_to(values, tensor.shape))
    tensor.assign_value(new.astype(tensor.dtype))
    return tensor
