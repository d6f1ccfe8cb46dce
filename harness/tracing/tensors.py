"""Tensors in the arguments and results of cells: find them, convert them to numpy, and put them back."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from harness.frameworks.framework import current
from harness.measurement.bfloat16 import to_numpy
from harness.measurement.measurement import REAL_KINDS, Array


def leaves(value: Any, label: str) -> Iterator[tuple[str, Any]]:
    """Yield the tensors, arrays and numbers in ``value``, each with a label such as ``skips[1]``.

    Lists, tuples and dicts are traversed. Anything else is skipped, and so are tensors of complex numbers.
    """
    if isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from leaves(item, f"{label}[{index}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{label}[{key}]")
    elif _is_leaf(value):
        yield label, value


def replaced(value: Any, replacements: dict[str, Any], label: str) -> Any:
    """Return ``value`` with the leaves whose labels (see :func:`leaves`) are in ``replacements`` replaced."""
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        items = [replaced(item, replacements, f"{label}[{index}]") for index, item in enumerate(value)]
        return type(value)(*items)
    if type(value) in (list, tuple):
        return type(value)(
            replaced(item, replacements, f"{label}[{index}]") for index, item in enumerate(value)
        )
    if type(value) is dict:
        return {key: replaced(item, replacements, f"{label}[{key}]") for key, item in value.items()}
    return replacements.get(label, value)


def mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return ``value`` with ``change`` applied to every leaf; what holds the leaves is copied."""
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(mapped(item, change) for item in value))
    if type(value) in (list, tuple):
        return type(value)(mapped(item, change) for item in value)
    if isinstance(value, dict):
        made = copy.copy(value)
        for key, item in value.items():
            made[key] = mapped(item, change)
        return made
    return change(value) if _is_leaf(value) else value


def to_array(leaf: Any) -> Array:
    """Return a leaf as a separate array; bfloat16, which numpy lacks, becomes float32."""
    return np.array(to_numpy(leaf) if isinstance(leaf, current().tensor) else leaf)


def like(leaf: Any, array: Array) -> Any:
    """Return ``array`` in the form of ``leaf``: a tensor of its dtype, an array, or a number of its type."""
    if isinstance(leaf, current().tensor):
        return current().like(leaf, array)
    if isinstance(leaf, np.ndarray):
        return array.copy()
    return type(leaf)(array.item())


def dtype_of(leaf: Any) -> str:
    """Return the name of the dtype of a leaf (``float32``), the same in both frameworks."""
    if isinstance(leaf, current().tensor):
        return current().dtype_name(leaf)
    return str(np.asarray(leaf).dtype)


def _is_leaf(value: Any) -> bool:
    if isinstance(value, current().tensor):
        return not current().is_complex(value)
    if isinstance(value, np.ndarray):
        return value.dtype.kind in REAL_KINDS
    return isinstance(value, bool | int | float | np.number)
