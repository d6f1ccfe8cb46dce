"""Between tensors and numpy arrays, and the dtypes that sums are held in."""

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
    """Return a tensor's or a number's values; bfloat16, which numpy lacks, as float32."""
    if not isinstance(value, Tensor):
        return np.asarray(value)
    array: Array = (value.astype(ms.float32) if value.dtype == ms.bfloat16 else value).asnumpy()
    return array


def to_tensor(array: Any, dtype: Any = None) -> Tensor:
    """Return a tensor of ``array``'s values, cast to the MindSpore ``dtype`` unless that is None."""
    array = np.asarray(array)
    tensor = Tensor(np.ascontiguousarray(array) if array.ndim else array)
    return tensor if dtype is None or tensor.dtype == dtype else tensor.astype(dtype)


def wide(x: Tensor) -> Array:
    """Return the values of ``x``, floats as float64: what transcendental functions and sums are held in.

    Rounded back to float32 the result is correctly rounded but for rare ties, so it does not depend on the
    instruction set that numpy picks its functions for.
    """
    array = to_numpy(x)
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def float64(x: Tensor) -> NDArray[np.float64]:
    """Return the values of ``x`` as float64, integers and bool too."""
    return to_numpy(x).astype(np.float64)


def single(x: Tensor) -> Tensor:
    """Return ``x``, in float32 where it has 16 bits: what MindSpore's own sums of such are held in."""
    return x.astype(ms.float32) if x.dtype in _HALVES else x


def float_dtype(x: Tensor) -> Any:
    """Return the dtype of a real function of ``x``: its own, or float32 for integers and bool."""
    return x.dtype if x.dtype in FLOATS else ms.float32


@functools.lru_cache(maxsize=512)
def made(primitive: Callable[..., Any], *args: Hashable, **options: Hashable) -> Any:
    """Return a primitive of MindSpore's, which costs as much to make as a small convolution takes."""
    return primitive(*args, **options)


def number(value: Any) -> Any:
    """Return the Python number in a 0-d tensor, or the number itself."""
    return value.item() if isinstance(value, Tensor) else value


def integers(value: Any, length: int) -> tuple[int, ...]:
    """Return ``length`` integers from one integer, from one in a sequence, or from as many."""
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
    """Return the non-negative axes of ``dim``; None and () mean all of them."""
    if dim is None or dim == () or dim == []:
        return tuple(range(ndim))
    dims = (dim,) if isinstance(dim, int) else tuple(dim)
    return tuple(each % ndim for each in dims) if ndim else ()


def write(tensor: Tensor, values: Any) -> Tensor:
    """Give ``tensor`` other values, cast to its dtype, and return it.

    On CPU a view holds its own copy: MindSpore's ``copy_`` does not write through to what is viewed, and not
    even into the view (docs/findings.md); this writes into the view.
    """
    new = values if isinstance(values, Tensor) else to_tensor(np.broadcast_to(values, tensor.shape))
    tensor.assign_value(new.astype(tensor.dtype))
    return tensor
