"""Arrays and tensors that share one memory.

`Tensor.asnumpy` and `Tensor(array)` take longer than what a kernel does to a small tensor: the former reads
the dtype from a text, the latter copies. Here both take a microsecond.
"""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor
from mindspore._c_expression import TensorPy
from mindspore.runtime.executor import RuntimeConf

# The dtypes of MindSpore that numpy has.
KINDS: dict[Any, np.dtype[Any]] = {
    dtype: np.dtype(name)
    for dtype, name in (
        (ms.bool_, "?"), (ms.int8, "i1"), (ms.uint8, "u1"), (ms.int16, "i2"), (ms.int32, "i4"),
        (ms.int64, "i8"), (ms.float16, "f2"), (ms.float32, "f4"), (ms.float64, "f8"),
    )
}  # fmt: skip
_SINGLE, _SINGLE_KIND = ms.float32, KINDS[ms.float32]
# `Tensor` hands these on, by a call more for each.
_address_of: Any = getattr(TensorPy, "_data_ptr", None)
_is_contiguous: Any = getattr(TensorPy, "is_contiguous", None)
_from_numpy = getattr(TensorPy, "from_numpy", Tensor.from_numpy)


@functools.cache
def _one_memory() -> bool:
    """Return whether a tensor has one memory, which is written when it is made.

    In older releases there is another, of the device's. Where launches are asynchronous, what a tensor is to
    hold may still be computed: `asnumpy` waits for it.
    """
    if not RuntimeConf.get_instance().is_launch_blocking():
        return False
    if _address_of is None or _is_contiguous is None or not hasattr(Tensor, "stride"):
        return False
    probe = Tensor(np.zeros(3, np.float32))
    return bool(probe._data_ptr() == probe.asnumpy().__array_interface__["data"][0])


@functools.lru_cache(maxsize=4096)
def _bytes(count: int) -> Any:
    return ctypes.c_char * count


def array_of(value: Tensor) -> Any:
    """Return the memory of ``value`` as an array, which may be a view; of bfloat16, what `asnumpy` gives."""
    dtype = value._dtype
    kind = _SINGLE_KIND if dtype is _SINGLE else KINDS.get(dtype)
    # A tensor whose values are not made yet has no address.
    if kind is None or not _one_memory() or not (address := _address_of(value)):
        return value.asnumpy()
    shape = value._shape
    if _is_contiguous(value):
        buffer = _bytes(value._nbytes).from_address(address)
        buffer.owner = value  # as long as the array lives
        return np.ndarray(shape, kind, buffer)
    strides = tuple(step * kind.itemsize for step in value.stride())
    count = kind.itemsize + sum((length - 1) * step for length, step in zip(shape, strides, strict=True))
    buffer = _bytes(count).from_address(address)
    buffer.owner = value
    return np.ndarray(shape, kind, buffer, strides=strides)


def tensor_of(array: Any) -> Tensor:
    """Return a tensor with the values of ``array``, and its memory if it has one of its own.

    The caller must not write into the array afterwards.
    """
    flags = array.flags
    if not (flags.owndata and flags.c_contiguous and flags.writeable):
        array = np.array(array, order="C")
    # There is nothing to share of an array without values.
    return _from_numpy(array) if array.size else Tensor(array)
