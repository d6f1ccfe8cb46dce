"""The table of entries, by kind of operator."""

from __future__ import annotations

from fnmatch import fnmatchcase

from harness.atlas.entry import Entry
from harness.atlas.table import elementwise, linear, normalisation, rearranging, reductions


def entries() -> tuple[Entry, ...]:
    """Return all entries, in a fixed order."""
    found: list[Entry] = []
    for part in (linear, normalisation, elementwise, reductions, rearranging):
        found += part.entries()
    return tuple(found)


def selected(patterns: tuple[str, ...] = (), dtypes: tuple[str, ...] = ()) -> tuple[Entry, ...]:
    """Return the entries of these ``dtypes`` whose name matches one of ``patterns``; none stands for all.

    A pattern may match any part of the name; ``*`` and ``?`` stand for any characters.
    """
    globs = [f"*{each}*" for each in patterns]
    return tuple(
        each
        for each in entries()
        if (not globs or any(fnmatchcase(each.name, glob) for glob in globs))
        and (not dtypes or each.dtype in dtypes)
    )
