"""Data in words: a table has, for each class of it, a template over its fields.

Where words depend on values, it has a function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any

Words = Mapping[type, str | Callable[[Any], str]]


def filled(data: object, words: Words, **more: str) -> str:
    """Return ``data`` in the ``words`` for its class.

    In a template ``{reason}`` stands for the words of that field, ``{tier:said}`` for a name without its
    underscores, ``{shape}`` for a list, and ``{names:, }`` for what is in one, with ", " between. It may
    name ``more`` than the fields.
    """
    found = words[type(data)]
    if not isinstance(found, str):
        return found(data)
    return _Filled(words).vformat(found, (), {**vars(data), **more})


def said(name: str) -> str:
    """Return a tier as it is said in a sentence."""
    return name.replace("_", " ")


class _Filled(Formatter):
    def __init__(self, words: Words) -> None:
        self._words = words

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, tuple):
            return format_spec.join(map(self._text, value)) if format_spec else str(list(value))
        return said(value) if format_spec == "said" else format(self._text(value), format_spec)

    def _text(self, value: Any) -> Any:
        return filled(value, self._words) if type(value) in self._words else value
