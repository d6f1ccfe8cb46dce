"""How messages show what the user wrote: escaped, short, and with the name they may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from harness.foreign_text import printable

_LONGEST = 60


def quoted(text: str) -> str:
    """Return ``text`` in quotes on one line, cut to at most 60 characters."""
    cut = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return f"'{printable(cut)}'"


def described(value: object, written: str | None = None) -> str:
    """Describe ``value``, read from YAML, in words; a number as ``written`` in the file, if known."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {written or repr(value)}"
    if isinstance(value, str):
        return f"the text {quoted(value)}"
    return "a list" if isinstance(value, list) else "a mapping"


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return what to write instead of ``name``: the closest of ``known``, or else all of them."""
    names = list(known)
    verb = "is" if len(names) == 1 else "are"
    meant = closest(name, names)
    return f"did you mean '{meant}'?" if meant else f"known {verb} {', '.join(names)}"


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the name in ``known`` that ``name`` may be the beginning or a misspelling of, if any."""
    known = list(known)
    # A name that ends in "seeded:" is the beginning of none of them.
    longer = [each for each in known if name[-1:].isalnum() and each.startswith(name)]
    if longer:
        return min(longer, key=len)
    return next(iter(difflib.get_close_matches(name[:_LONGEST], known, n=1)), None)
