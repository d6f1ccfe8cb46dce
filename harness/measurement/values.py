"""Values of a user's own function: the arrays in what it takes and in what it returns."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from harness.errors import HarnessError
from harness.measurement.measurement import REAL_KINDS, Array, array_sha256
from harness.measurement.perturbation import one_ulp


class NotAnArray(HarnessError):
    """A value that no array can be made of."""


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what ``value`` holds, tuples, lists and mappings taken apart: ``.0``, ``.key.0`` …"""
    if isinstance(value, Mapping):
        for key in value:
            yield from leaves(value[key], f"{name}.{key}")
    elif isinstance(value, tuple | list):
        for index, each in enumerate(value):
            yield from leaves(each, f"{name}.{index}")
    else:
        yield name, value


def array_of(value: Any) -> Array | None:
    """Return a copy of the array that ``value`` is; None where it is none.

    That is one of numpy's, MindSpore's or torch's, or anything with ``asnumpy()`` or ``numpy()``. Raises
    :class:`NotAnArray` where it is not of real numbers, or not on the host.
    """
    if isinstance(value, np.ndarray | np.generic):
        array = np.array(value)
    elif isinstance(value, type) or not (hasattr(value, "asnumpy") or hasattr(value, "numpy")):
        return None
    else:
        try:
            plain = value.detach() if hasattr(value, "detach") else value
            array = np.array(plain.asnumpy() if hasattr(plain, "asnumpy") else plain.numpy())
        except (TypeError, RuntimeError, ValueError) as error:
            reason = (str(error).splitlines() or [""])[0]
            raise NotAnArray(f"no array can be made of a {type(value).__qualname__}: {reason}") from None
    if array.dtype.kind not in REAL_KINDS or array.dtype.itemsize > 8:
        raise NotAnArray(f"an array of dtype {array.dtype} cannot be held to a baseline; make it float32")
    # Files have no byte order of their own.
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def output_arrays(value: Any) -> dict[str, Array]:
    """Return the arrays that a function returned, by the names of :func:`leaves`; a number is an array, too.

    Raises :class:`NotAnArray` where anything else is among them, or nothing at all.
    """
    found: dict[str, Array] = {}
    for name, leaf in leaves(value):
        array = np.array(leaf) if isinstance(leaf, bool | int | float) else array_of(leaf)
        if array is None or name in found:
            what = f"a {type(leaf).__qualname__}" if array is None else "a second value of that name"
            raise NotAnArray(f"it returns {what}{f' as {name[1:]!r}' if name else ''}, which is no array")
        found[name] = np.atleast_1d(array)
    if not found:
        raise NotAnArray("it returns nothing that can be held to a baseline")
    return found


def described(inputs: tuple[Any, ...]) -> dict[str, str]:
    """Return what tells inputs from others: the hash of each array, numbers and texts as they are.

    Any other object counts by the name of its type alone.
    """
    told: dict[str, str] = {}
    for name, leaf in leaves(inputs):
        array = array_of(leaf)
        if array is not None:
            told[f"input {name[1:]}"] = f"{array.dtype} {list(array.shape)} {array_sha256(array)[:16]}"
        elif leaf is None or isinstance(leaf, bool | int | float | complex | str | bytes):
            told[f"input {name[1:]}"] = repr(leaf)
        else:
            told[f"input {name[1:]}"] = type(leaf).__qualname__
    return told


def with_arrays(value: Any, change: Callable[[Array], Array]) -> Any:
    """Return ``value`` with each array in it replaced by what ``change`` makes of a copy of it."""
    if isinstance(value, Mapping):
        changed: Any = copy.copy(value)
        for key in value:
            changed[key] = with_arrays(value[key], change)
        return changed
    if isinstance(value, tuple | list):
        items = [with_arrays(each, change) for each in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    array = array_of(value)
    return value if array is None else _like(value, change(array))


def _like(value: Any, array: Array) -> Any:
    if isinstance(value, np.ndarray):
        return array
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return torch.from_numpy(array).requires_grad_(value.requires_grad)
    return type(value)(array)


class OneUlp:
    """Moves the floating arrays of a function's inputs by one unit in the last place, up or down at random.

    ``member`` decides the signs, as in :class:`harness.measurement.perturbation.PerturbedGenerator`.
    ``moved`` is whether there was any. Values that have no finite neighbour, as in masks, stay.
    """

    def __init__(self, member: int) -> None:
        self._signs = np.random.Generator(np.random.PCG64([member, 0]))
        self.moved = False

    def __call__(self, array: Array) -> Array:
        """Return ``array`` moved; integers and booleans as they are."""
        if array.dtype.kind != "f" or array.size == 0:
            return array
        self.moved = True
        with np.errstate(all="ignore"):
            moved = one_ulp(array, array.dtype, self._signs)
        return np.where(np.isfinite(array) & np.isfinite(moved), moved, array)
