"""Casts of small tensors by numpy, with the bits of MindSpore's own.

MindSpore's ``Cast`` takes 0.4 ms on a CPU, however small the tensor, and numpy takes microseconds. A pipeline
of mindone casts thousands of times. Only casts whose result numpy and MindSpore must agree on are made here:
those that are exact, and those that round to the nearest, halves to even.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor
from mindspore._c_expression import TensorPy
from mindspore.ops import operations

from harness.kernels.bfloat16 import to_bfloat16, to_float32
from harness.kernels.memory import array_of, tensor_of

Function = Callable[..., Any]

# Beyond so many values, MindSpore's threads and vector units are as fast.
MOST_VALUES = 1 << 15

_WHOLE = (ms.bool_, ms.int8, ms.uint8, ms.int16, ms.int32, ms.int64)
_FLOATS = (ms.float16, ms.float32, ms.float64)
# The dtype to which is cast, in numpy, and those from which.
_CASTS: dict[Any, tuple[Any, tuple[Any, ...]]] = {
    ms.bool_: (np.bool_, (*_WHOLE[1:], *_FLOATS)),
    ms.int32: (np.int32, _WHOLE[:4]),
    ms.int64: (np.int64, _WHOLE[:5]),
    ms.float16: (np.float16, (ms.bool_, ms.float32, ms.float64)),
    ms.float32: (np.float32, (*_WHOLE, ms.float16, ms.float64)),
    ms.float64: (np.float64, (*_WHOLE, ms.float16, ms.float32)),
}  # fmt: skip


def install() -> None:
    """Have every way to cast a tensor take :func:`cast`: the primitive, and the methods of ``Tensor``."""
    of_class = operations.Cast.__call__

    @functools.wraps(of_class)
    def call(self: Any, value: Any, dtype: Any) -> Any:
        return cast(functools.partial(of_class, self), value, dtype)

    operations.Cast.__call__ = call
    for name in ("to", "_to"):
        if name in vars(TensorPy) and name not in vars(Tensor):
            setattr(Tensor, name, _cast_method(vars(TensorPy)[name]))


def cast(native: Function, value: Any, dtype: Any) -> Any:
    """Return ``value`` in ``dtype``, by ``native(value, dtype)`` unless it can be had faster.

    bfloat16 is converted by :mod:`harness.kernels.bfloat16` at every size.
    """
    if not isinstance(value, TensorPy) or not isinstance(dtype, ms.Type):
        return native(value, dtype)
    own = value.dtype
    if own is dtype:
        return native(value, dtype)
    if own is ms.bfloat16:
        wide = to_float32(value)
        return wide if dtype is ms.float32 else cast(native, wide, dtype)
    if dtype is ms.bfloat16:
        return to_bfloat16(value if own is ms.float32 else cast(native, value, ms.float32))
    kind, sources = _CASTS.get(dtype, (None, ()))
    if own not in sources or not 0 < value.size <= MOST_VALUES:
        return native(value, dtype)
    return tensor_of(converted(array_of(value), kind))


def converted(array: Any, kind: Any) -> Any:
    """Return ``array`` in the numpy dtype ``kind``; float64 passes float32 to float16."""
    with np.errstate(all="ignore"):
        if kind is np.float16 and array.dtype == np.float64:
            array = array.astype(np.float32)
        return np.ascontiguousarray(array.astype(kind)) if array.ndim else array.astype(kind)


def _cast_method(method: Function) -> Function:
    @functools.wraps(method, updated=())
    def to(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs:
            return cast(method, self, args[0])
        return method(self, *args, **kwargs)

    return to
