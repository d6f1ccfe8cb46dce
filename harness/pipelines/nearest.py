"""The name that a misspelt one may have been meant for."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def with_nearest(given: Iterable[str], known: Iterable[str]) -> str:
    """Return the names ``given``, which are none of ``known``, each with the one of these most like it."""
    names = list(known)
    return ", ".join(each + _hint(each, names) for each in given)


def _hint(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {close[0]}?)" if close else ""
