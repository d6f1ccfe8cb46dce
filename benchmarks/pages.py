"""Pages of the documentation that hold a table made by a script, between two marks."""

from __future__ import annotations

from pathlib import Path


def write_between(page: Path, begin: str, end: str, text: str) -> None:
    """Replace what ``page`` has after its first ``begin`` and before the ``end`` that follows.

    Ends the program with a message if the page lacks one of them.
    """
    head, _, rest = page.read_text(encoding="utf-8").partition(f"{begin}\n")
    _, found, tail = rest.partition(end)
    if not found:
        raise SystemExit(f"{page}: lacks the marks {begin} and {end}; put them where the table goes")
    page.write_text(f"{head}{begin}\n{text}\n{end}{tail}", encoding="utf-8")
