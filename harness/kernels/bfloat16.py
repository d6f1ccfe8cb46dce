"""Conversion between bfloat16 and float32 on the host.

MindSpore's own ``Cast`` takes half a millisecond on a CPU, however small the tensor. A bfloat16 is the upper
half of a float32, so a few operations on integers do the same in microseconds.
"""

from __future__ import annotations

from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor

_LOST = np.uint32(16)
_ONE = np.uint32(1)
# Just less than half a unit: with the last bit that is kept, this rounds halves to even.
_BELOW_HALF = np.uint32(0x7FFF)
_NAN = np.uint16(0x7FC0)
# Values that are rounded at a time, so that they stay in the processor's cache.
_PART = 1 << 15
_scratch = np.empty(_PART, np.uint32)
# numpy's name for the bytes of a bfloat16 is MindSpore's.
_BYTES: Any = Tensor(np.zeros(1, np.float32), ms.bfloat16).asnumpy().dtype


def to_float32(value: Tensor) -> Tensor:
    """Return the values of a bfloat16 tensor in float32, which has them all."""
    bits = value.asnumpy().view(np.uint16)
    wide = np.empty(bits.shape, np.uint32)
    np.left_shift(bits, _LOST, out=wide, dtype=np.uint32)
    return _tensor(wide.view(np.float32))


def to_bfloat16(value: Tensor) -> Tensor:
    """Return the values of a float32 tensor in bfloat16: rounded to the nearest, and to the even of two."""
    wide = value.asnumpy()
    narrow = np.empty(wide.shape, np.uint16)
    values, rounded = wide.reshape(-1), narrow.reshape(-1)
    for start in range(0, values.size, _PART):
        _round(values[start : start + _PART], rounded[start : start + _PART])
    return _tensor(narrow.view(_BYTES))


def _round(values: Any, rounded: Any) -> None:
    bits, work = values.view(np.uint32), _scratch[: values.size]
    np.right_shift(bits, _LOST, out=work)
    np.bitwise_and(work, _ONE, out=work)
    np.add(work, _BELOW_HALF, out=work)
    np.add(work, bits, out=work)
    np.right_shift(work, _LOST, out=work)
    np.copyto(rounded, work, casting="unsafe")
    unordered = np.isnan(values)
    if unordered.any():
        rounded[unordered] = _NAN


def _tensor(array: Any) -> Tensor:
    # Without a copy, unless there is nothing to share.
    return Tensor.from_numpy(array) if array.size else Tensor(array)
