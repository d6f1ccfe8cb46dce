"""Values of a user's own function: the arrays in its arguments and in its result."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from harness.errors import HarnessError
from harness.measurement.bfloat16 import dtype_of, is_bfloat16, to_numpy
from harness.measurement.measurement import REAL_KINDS, Array, array_sha256
from harness.measurement.perturbation import one_ulp

# What is made of an array and the name of its dtype.
Change = Callable[[Array, str], Array]


class NotAnArray(HarnessError):
    """A value that cannot be converted to an array."""


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the leaves of ``value``: tuples, lists and mappings are taken apart as ``.0``, ``.key.0`` …"""
    if isinstance(value, Mapping):
        for key in value:
            yield from leaves(value[key], f"{name}.{key}")
    elif isinstance(value, tuple | list):
        for index, each in enumerate(value):
            yield from leaves(each, f"{name}.{index}")
    else:
        yield name, value


def array_of(value: Any) -> Array | None:
    """Return a copy of the array that ``value`` is, or None if it is not an array.

    Arrays are those of numpy, MindSpore or torch, and anything with ``asnumpy()`` or ``numpy()``. An array of
    bfloat16 becomes one of float32. Raises
    :class:`NotAnArray` if the array does not hold real numbers or is not on the host.
    """
    if isinstance(value, np.ndarray | np.generic):
        array = np.array(to_numpy(value))
    elif isinstance(value, type) or not (hasattr(value, "asnumpy") or hasattr(value, "numpy")):
        return None
    else:
        try:
            array = np.array(to_numpy(value))
        except (TypeError, RuntimeError, ValueError) as error:
            reason = (str(error).splitlines() or [""])[0]
            raise NotAnArray(f"no array can be made of a {type(value).__qualname__}: {reason}") from None
    if array.dtype.kind not in REAL_KINDS or array.dtype.itemsize > 8:
        raise NotAnArray(f"an array of dtype {array.dtype} cannot be held to a baseline; make it float32")
    # Files do not store a byte order.
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def output_arrays(value: Any) -> dict[str, tuple[Array, str]]:
    """Return the arrays that a function returned, named as by :func:`leaves`. A number counts as an array.

    Each comes with the name of its dtype, which for bfloat16 is not that of the array. Raises
    :class:`NotAnArray` if the result contains anything else, or nothing.
    """
    found: dict[str, tuple[Array, str]] = {}
    for name, leaf in leaves(value):
        array = np.array(leaf) if isinstance(leaf, bool | int | float) else array_of(leaf)
        if array is None or name in found:
            what = f"a {type(leaf).__qualname__}" if array is None else "a second value of that name"
            raise NotAnArray(f"it returns {what}{f' as {name[1:]!r}' if name else ''}, which is no array")
        found[name] = np.atleast_1d(array), dtype_of(leaf, array)
    if not found:
        raise NotAnArray("it returns nothing that can be held to a baseline")
    return found


def described(inputs: tuple[Any, ...]) -> dict[str, str]:
    """Return what distinguishes inputs: the hash of each array, and numbers and texts unchanged.

    Any other object is represented only by the name of its type.
    """
    told: dict[str, str] = {}
    for name, leaf in leaves(inputs):
        array = array_of(leaf)
        if array is not None:
            dtype, sha256 = dtype_of(leaf, array), array_sha256(array)
            told[f"input {name[1:]}"] = f"{dtype} {list(array.shape)} {sha256[:16]}"
        elif leaf is None or isinstance(leaf, bool | int | float | complex | str | bytes):
            told[f"input {name[1:]}"] = repr(leaf)
        else:
            told[f"input {name[1:]}"] = type(leaf).__qualname__
    return told


def with_arrays(value: Any, change: Change) -> Any:
    """Return ``value`` with each array in it replaced by the result of ``change`` on a copy of that array."""
    if isinstance(value, Mapping):
        changed: Any = copy.copy(value)
        for key in value:
            changed[key] = with_arrays(value[key], change)
        return changed
    if isinstance(value, tuple | list):
        items = [with_arrays(each, change) for each in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    array = array_of(value)
    return value if array is None else _like(value, change(array, dtype_of(value, array)))


def _like(value: Any, array: Array) -> Any:
    if isinstance(value, np.ndarray):
        return array.astype(value.dtype, copy=False)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return torch.from_numpy(array).to(value.dtype).requires_grad_(value.requires_grad)
    made = type(value)(array)
    return made.astype(value.dtype) if is_bfloat16(value) else made


class OneUlp:
    """Moves the floating-point arrays of a function's inputs by one ulp, up or down at random.

    ``member`` determines the signs, as in :class:`harness.measurement.perturbation.PerturbedGenerator`.
    ``moved`` is whether any array was moved. Values without a finite neighbour, as in masks, are unchanged.
    """

    def __init__(self, member: int) -> None:
        self._signs = np.random.Generator(np.random.PCG64([member, 0]))
        self.moved = False

    def __call__(self, array: Array, dtype: str) -> Array:
        """Return ``array``, whose values are of ``dtype``, moved. Integers and booleans stay unchanged."""
        if array.dtype.kind != "f" or array.size == 0:
            return array
        self.moved = True
        with np.errstate(all="ignore"):
            moved = one_ulp(array, dtype, self._signs)
        return np.where(np.isfinite(array) & np.isfinite(moved), moved, array)
