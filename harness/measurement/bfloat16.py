"""bfloat16, which numpy lacks: its arrays are held in float32, which has all of its numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.measurement.measurement import Array

BFLOAT16 = "bfloat16"
# The bits that float32 has and bfloat16 lacks, and one unit of bfloat16, in the bits of a float32.
_LOST = 16
_UNIT = 1 << _LOST


def float32_ulps(dtype: str | None) -> float:
    """Return how many units of float32 one unit of ``dtype`` is, if that is held in float32; otherwise 1."""
    return float(_UNIT) if dtype == BFLOAT16 else 1.0


def is_bfloat16(value: Any) -> bool:
    """Return whether ``value`` is an array of bfloat16, of MindSpore, torch or an extension of numpy."""
    return str(getattr(value, "dtype", "")).lower().rpartition(".")[2] == BFLOAT16


def dtype_of(value: Any, array: Array) -> str:
    """Return the name of the dtype of ``value``, of which ``array`` was made by :func:`to_numpy`."""
    return BFLOAT16 if is_bfloat16(value) else str(array.dtype)


def to_numpy(value: Any) -> Array:
    """Return an array of numpy, MindSpore or torch as one of numpy; bfloat16 becomes float32, exactly.

    A tensor of torch may be on an accelerator. Raises what the framework raises for an array that cannot be
    one of numpy's.
    """
    plain = value.detach() if hasattr(value, "detach") else value
    if hasattr(plain, "asnumpy"):
        array = np.asarray(plain.asnumpy())
    elif hasattr(plain, "numpy"):
        host = plain if getattr(plain, "is_cpu", True) else plain.cpu()
        array = np.asarray((host.float() if is_bfloat16(host) else host).numpy())
    else:
        array = np.asarray(plain)
    return array.astype(np.float32) if is_bfloat16(array) else array


def to_bfloat16(values: Array) -> Array:
    """Return ``values`` rounded to bfloat16, as float32: to the nearest, and to the even of two."""
    # At least one axis: of an array without any, numpy's operators make numbers of another dtype.
    wide = np.atleast_1d(values).astype(np.float32)
    bits = wide.view(np.uint32)
    half = np.uint32((_UNIT >> 1) - 1) + ((bits >> _LOST) & 1)
    rounded = ((bits + half) & np.uint32(~(_UNIT - 1) & 0xFFFFFFFF)).view(np.float32)
    return np.where(np.isfinite(wide), rounded, wide).reshape(np.shape(values))


def next_bfloat16(values: Array, up: Array) -> Array:
    """Return the neighbour of each of ``values``, of bfloat16, above it where ``up``, otherwise below."""
    bits = np.atleast_1d(values).astype(np.float32).view(np.int32)
    # The order of floats is that of their bits, read as sign and magnitude.
    magnitude = bits & 0x7FFFFFFF
    ordered = np.where(bits < 0, -magnitude, magnitude) + np.where(up, _UNIT, -_UNIT).astype(np.int32)
    signed = np.where(ordered < 0, -ordered | np.int32(-(1 << 31)), ordered)
    moved: Array = signed.astype(np.int32).view(np.float32).reshape(np.shape(values))
    return moved
