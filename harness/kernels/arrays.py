"""Conversion between tensors and numpy arrays, and the dtypes in which sums are held."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor
from numpy.typing import NDArray

Array = NDArray[Any]

_HALVES = (ms.float16, ms.bfloat16)
FLOATS = (*_HALVES, ms.float32, ms.float64)


def to_numpy(value: Any) -> Array:
    """Return the values of a tensor or number; bfloat16, which numpy lacks, as float32."""
    if not isinstance(value, Tensor):
        return np.asarray(value)
    array: Array = (value.astype(ms.float32) if value.dtype == ms.bfloat16 else value).asnumpy()
    return array


def to_tensor(array: Any, dtype: Any = None) -> Tensor:
    """Return a tensor with the values of ``array``, cast to the MindSpore ``dtype`` unless that is None."""
    array = np.asarray(array)
    tensor = Tensor(np.ascontiguousarray(array) if array.ndim else array)
    return tensor if dtype is None or tensor.dtype == dtype else tensor.astype(dtype)


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


def float_dtype(x: Tensor) -> Any:
    """Return the dtype of a real function of ``x``: that of ``x``, or float32 for integers and bool."""
    return x.dtype if x.dtype in FLOATS else ms.float32


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
