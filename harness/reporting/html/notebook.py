"""What a notebook shows of a result: tables, pictures, and the text that a command prints.

It is a fragment of a page that loads nothing and runs nothing; all text in it is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import Any

from harness.measurement.measurement import Array
from harness.reporting.html.document import table_html
from harness.reporting.html.pictures import PIXELS_PASSED, picture_set
from harness.reporting.tables import Table

# A notebook keeps what it shows: of more cases than these it has no pictures.
MOST_PICTURED = 12
_SIDES = ("measured", "baseline", "difference")
_STYLE = "min-width:6em;max-width:16em;image-rendering:pixelated;border:1px solid #888"


def fragment(
    word: str,
    text: str,
    tables: Iterable[Table] = (),
    pictured: Iterable[tuple[str, Array | None, Array | None]] = (),
) -> str:
    """Return what a notebook shows of a result: ``word`` says what it is, ``text`` is what a command prints.

    ``pictured`` are names with what was measured and the baseline's array, each None where there is none.
    """
    lines = [f"<p><strong>{escape(word)}</strong></p>"]
    for table in tables:
        if table.rows:
            lines += table_html(table)
    for name, measured, baseline in list(pictured)[:MOST_PICTURED]:
        lines += _pictures(name, picture_set(measured, baseline, pixels=PIXELS_PASSED))
    lines.append(f"<details><summary>as text</summary><pre>{escape(text)}</pre></details>")
    return "\n".join(lines)


def _pictures(name: str, found: dict[str, Any] | None) -> Iterator[str]:
    """Yield the pictures of one output; a difference is on a logarithmic scale, its channels stacked."""
    for item in found["items"] if found else ():
        frame = "" if item["frame"] is None else f", frame {item['frame']}"
        yield f"<p>{escape(name)}, image {item['image']}{frame}{': the same values' * item['same']}</p><p>"
        for side in _SIDES:
            if item[side] is not None:
                source = f"data:image/png;base64,{item[side]}"
                yield f'<img alt="{side}" title="{side}" src="{source}" style="{_STYLE}">'
        yield "</p>"
