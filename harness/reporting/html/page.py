"""The page: data, style and script in one file that loads nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from harness.reporting.html.document import asset, filled, source_of

# In the order in which they build on one another.
_SCRIPTS = (
    "dom.js", "figures.js", "chart.js", "steps.js", "histogram.js", "pictures.js", "sections.js", "detail.js",
    "list.js", "start.js",
)  # fmt: skip
_STYLES = ("palette.css", "page.css", "detail.css")


def render(run: Mapping[str, Any], cases: Iterable[str]) -> str:
    """Return the page of a run: ``run`` is what stands above the cases, ``cases`` their views as JSON.

    The page builds itself from this data with text nodes and attributes, never from markup; its policy
    allows the two inline parts written here, by their hashes, and pictures that are part of it. Trusted
    Types close the ways by which a script could make markup of text.
    """
    style = asset(*_STYLES)
    script = "\n".join(["(() => {", '"use strict";', asset(*_SCRIPTS), "})();"])
    policy = (
        f"default-src 'none'; script-src {source_of(script)}; style-src {source_of(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    data = [_data("run", json.dumps(run, allow_nan=False))]
    data += [_data(f"case-{index}", case) for index, case in enumerate(cases)]
    return filled("page.html", policy=escape(policy), style=style, script=script, data="\n".join(data))


def _data(name: str, text: str) -> str:
    """Return JSON as a block that the browser does not run; no text in it can end the block."""
    for character in "&<>\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f'<script type="application/json" id="{name}">{text}</script>'
