"""Configurations read from JSON into dataclasses; each field declares which values it accepts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import field, fields
from typing import Any


def checked(default: Any, accepts: Callable[[Any], bool], words: str) -> Any:
    """Return a dataclass field for JSON values for which ``accepts`` is true; ``words`` describes them."""
    return field(default=default, metadata={"accepts": accepts, "words": words})


def boolean(default: bool) -> Any:
    """Return a field that is true or false."""
    return checked(default, lambda value: isinstance(value, bool), "true or false")


def is_integer(value: object, least: int, most: int = 2**31 - 1) -> bool:
    """Return whether ``value`` is an integer from ``least`` to ``most``."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def is_number(value: object, low: float = -math.inf, high: float = math.inf) -> bool:
    """Return whether ``value`` is a finite number from ``low`` to ``high``."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return abs(value) < math.inf and low <= value <= high


def is_list(value: object, accepts: Callable[[Any], bool], most: int | None = None) -> bool:
    """Return whether ``value`` is a list of one to ``most`` items, all of which ``accepts`` allows."""
    if not isinstance(value, list | tuple) or not value or (most is not None and len(value) > most):
        return False
    return all(accepts(item) for item in value)


def read_fields(
    kind: type, values: Mapping[str, Any], problem: Callable[[str, Any, str | None], str]
) -> tuple[dict[str, Any], list[str]]:
    """Return the ``values`` that the fields of the dataclass ``kind`` accept, and problems with the others.

    Lists become tuples. Keys that start with an underscore are diffusers' notes about the file and are
    skipped. ``problem`` describes one problem, given the name, the value and a description of accepted values
    (None if there is no such field).
    """
    known = {each.name: each.metadata for each in fields(kind) if each.metadata}
    given, problems = {}, []
    for name, value in values.items():
        if name.startswith("_"):
            continue
        if name in known and known[name]["accepts"](value):
            given[name] = tuple(value) if isinstance(value, list) else value
        else:
            problems.append(problem(name, value, known[name]["words"] if name in known else None))
    return given, problems
