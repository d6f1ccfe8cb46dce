"""The building blocks of pages: the parts in `assets`, the hashes that allow them, tables.

Every page is one file that loads nothing. All text from outside is escaped, or embedded as data.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

import harness
from harness.reporting.tables import Cell, Table

# In the order in which they build on one another.
_SCRIPTS = (
    "dom.js", "figures.js", "chart.js", "steps.js", "histogram.js", "pictures.js", "sections.js", "detail.js",
    "list.js", "start.js",
)  # fmt: skip


def asset(*names: str) -> str:
    """Return the concatenated text of files in ``assets``."""
    folder = files("harness.reporting.html") / "assets"
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)


def source_of(text: str) -> str:
    """Return the source with which a Content-Security-Policy allows the inline style or script ``text``."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"


def made() -> str:
    """Return the version of harness that made a page, and the date."""
    date = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return f"harness {escape(harness.__version__)}, {date}"


def section(title: str, lines: Iterable[str]) -> Iterator[str]:
    """Yield a section of a page; ``lines`` are markup."""
    yield f"<section><h2>{escape(title)}</h2>"
    yield from lines
    yield "</section>"


def folded(summary: str, lines: Iterable[str]) -> Iterator[str]:
    """Yield content that is hidden until it is opened; ``summary`` and ``lines`` are markup."""
    yield f"<details><summary>{summary}</summary>"
    yield from lines
    yield "</details>"


def static_page(title: str, body: Iterable[str], *styles: str, pictures: str = "") -> str:
    """Return a page that loads nothing and runs nothing; ``body`` is its lines of markup.

    ``styles`` names assets in addition to those of all such pages. The page's policy allows these by their
    hashes, images from the sources in ``pictures``, and nothing else.
    """
    style = asset("palette.css", "matrix.css", *styles)
    images = f"img-src {pictures}; " if pictures else ""
    policy = f"default-src 'none'; style-src {source_of(style)}; {images}base-uri 'none'; form-action 'none'"
    parts = {"policy": escape(policy), "title": escape(title), "style": style, "body": "\n".join(body)}
    return Template(asset("static.html")).substitute(parts)


def report_page(run: Mapping[str, Any], cases: Iterable[str]) -> str:
    """Return the page of a run: ``run`` is what is shown above the cases, ``cases`` are their views as JSON.

    The page builds itself from this data with text nodes and attributes, never from markup; its policy allows
    the two inline parts written here, by their hashes, and embedded pictures. Trusted Types prevent scripts
    from turning text into markup.
    """
    style = asset("palette.css", "page.css", "detail.css")
    script = "\n".join(["(() => {", '"use strict";', asset(*_SCRIPTS), "})();"])
    policy = (
        f"default-src 'none'; script-src {source_of(script)}; style-src {source_of(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    data = [_data("run", json.dumps(run, allow_nan=False))]
    data += [_data(f"case-{index}", case) for index, case in enumerate(cases)]
    parts = {"policy": escape(policy), "style": style, "script": script, "data": "\n".join(data)}
    # The inserted text is not searched again.
    return Template(asset("page.html")).substitute(parts)


def table_page(title: str, lines: Iterable[str], header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a page with one large table, to search and sort; ``lines`` are the plain text above it.

    Like the page of a run it builds itself from data, and loads nothing.
    """
    style = asset("palette.css", "matrix.css", "table.css")
    script = "\n".join(["(() => {", '"use strict";', asset("dom.js", "table.js"), "})();"])
    policy = (
        f"default-src 'none'; script-src {source_of(script)}; style-src {source_of(style)}; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    data = _data("table", json.dumps({"header": header, "rows": rows}, allow_nan=False))
    parts = {
        "policy": escape(policy), "style": style, "script": script, "data": data, "title": escape(title),
        "lines": "\n".join(f"<p>{escape(line)}</p>" for line in lines),
    }  # fmt: skip
    return Template(asset("table.html")).substitute(parts)


def _data(name: str, text: str) -> str:
    """Return JSON as a block that the browser does not run; no text in it can end the block."""
    for character in "&<>\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f'<script type="application/json" id="{name}">{text}</script>'


def table_html(table: Table) -> Iterator[str]:
    """Yield a table whose first column heads its rows."""
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in table.header)
    yield f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>'
    for first, *cells in table.cells():
        yield f'<tr><th scope="row">{_content(first)}</th>{"".join(map(_cell, cells))}</tr>'
    yield "</tbody></table></div>"


def _cell(cell: Cell) -> str:
    tone = f' class="{"soft" if cell.tone == "soft" else f"v-{escape(cell.tone)}"}"' if cell.tone else ""
    hint = f' title="{escape(cell.hint)}"' if cell.hint else ""
    return f"<td{tone}{hint}>{_content(cell)}</td>"


def _content(cell: Cell) -> str:
    text = cell.markup or escape(cell.text)
    detail = f"<small>{escape(cell.detail)}</small>" if cell.detail else ""
    below = "".join(f"<p>{escape(line)}</p>" for line in cell.below)
    return f"{f'<code>{text}</code>' if cell.name else text}{detail}{below}"
