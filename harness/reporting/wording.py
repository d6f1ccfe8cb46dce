"""Data in words: a table maps each class to a template over its fields.

If the words depend on values, it maps the class to a function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any

from harness.reporting.figures import figure

Words = Mapping[type, str | Callable[[Any], str]]
_FIGURE = "figure"


def filled(data: object, words: Words, **more: str) -> str:
    """Return ``data`` in words, by the entry of ``words`` for its class.

    In a template ``{reason}`` gives the words of that field, ``{tier:said}`` a name without its underscores,
    ``{size:figure2}`` a number in two digits, ``{shape}`` a list, and ``{names:, }`` the items of a list
    joined by ", ". A template may also use the names in ``more``.
    """
    found = words[type(data)]
    if not isinstance(found, str):
        return found(data)
    return _Filled(words).vformat(found, (), {**vars(data), **more})


def said(name: str) -> str:
    """Return a tier as written in a sentence."""
    return name.replace("_", " ")


class _Filled(Formatter):
    def __init__(self, words: Words) -> None:
        self._words = words

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, tuple):
            return format_spec.join(map(self._text, value)) if format_spec else str(list(value))
        if format_spec.startswith(_FIGURE):
            return figure(value, int(format_spec.removeprefix(_FIGURE) or 3))
        return said(value) if format_spec == "said" else format(self._text(value), format_spec)

    def _text(self, value: Any) -> Any:
        return filled(value, self._words) if type(value) in self._words else value
