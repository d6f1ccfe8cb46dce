"""What a pipeline holds: the cells and schedulers in its attributes, wherever it keeps them."""

from __future__ import annotations

import functools
import inspect
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any

import numpy as np

from harness.frameworks.framework import loaded

# A pipeline keeps its models at most in a list of an object of its own; the rest is other people's objects.
_DEEPEST = 4
_MOST_OBJECTS = 10_000
# How much of one container is looked through.
_LONGEST = 100_000
_CONTAINERS = (Mapping, list, tuple)
_PLAIN = (str, bytes, int, float, complex, np.ndarray, type(None))


def cells_of(made: Any) -> Iterator[tuple[str, Any]]:
    """Yield each cell that ``made`` holds, under the name by which it holds it; not the cells inside it."""
    if (framework := loaded()) is not None:
        yield from _found(made, lambda value: isinstance(value, framework.cell))


def cells_and_schedulers(made: Any) -> tuple[list[tuple[str, Any]], list[tuple[str, Any]]]:
    """Return each cell, and each scheduler, that ``made`` holds, under the name by which it holds it."""
    if (framework := loaded()) is None:
        return [], []
    kind = framework.cell
    found = list(_found(made, lambda value: isinstance(value, kind) or _is_scheduler(value)))
    cells = [pair for pair in found if isinstance(pair[1], kind)]
    return cells, [pair for pair in found if not isinstance(pair[1], kind)]


def _is_scheduler(value: Any) -> bool:
    # Asked of the class, because an object may do anything when it is looked into.
    return all(callable(getattr(type(value), name, None)) for name in ("set_timesteps", "step"))


def _found(made: Any, wanted: Callable[[Any], bool]) -> Iterator[tuple[str, Any]]:
    seen: set[int] = set()
    kept: list[Any] = []  # so that no address is used twice
    waiting: deque[tuple[str, Any, int]] = deque([("", made, 0)])
    while waiting and len(seen) < _MOST_OBJECTS:
        name, value, depth = waiting.popleft()
        if id(value) in seen:
            continue
        seen.add(id(value))
        kept.append(value)
        if wanted(value):
            yield name or type(value).__name__, value
        elif depth < _DEEPEST:
            # They may do anything when they are looked into.
            with suppress(Exception):
                # Numbers must not take the place of what may hold a cell.
                all_held = islice(_held(value), _LONGEST)
                held = (pair for pair in all_held if not isinstance(pair[1], _PLAIN))
                few = islice(held, _MOST_OBJECTS)
                waiting += [(f"{name}.{key}".strip("."), each, depth + 1) for key, each in few]


def _held(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield what ``value`` holds that may be a cell, or hold one."""
    if isinstance(value, Mapping):
        yield from ((str(key), value[key]) for key in value)
    elif isinstance(value, list | tuple):
        yield from ((str(index), each) for index, each in enumerate(value))
    elif inspect.ismethod(value):
        yield from (("", value.__self__), ("", value.__func__))
    elif isinstance(value, functools.partial):
        yield from (("", value.func), ("", value.args), ("", value.keywords))
    elif inspect.isfunction(value):
        names = inspect.getclosurevars(value)
        # A container of the module may be a cache, which holds what other cases loaded.
        shared = {key: each for key, each in names.globals.items() if not isinstance(each, _CONTAINERS)}
        yield from sorted({**shared, **names.nonlocals}.items(), key=lambda item: item[0])
    elif not isinstance(value, type) and not inspect.ismodule(value):
        # What is both public and private has its public name.
        attributes = getattr(value, "__dict__", {})
        yield from sorted(attributes.items(), key=lambda item: (item[0].startswith("_"), item[0]))
