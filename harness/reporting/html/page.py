"""The page: data, style and script in one file that loads nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from harness.reporting.html.document import asset, content_hash

# In the order in which they build on one another.
_SCRIPTS = (
    "dom.js", "figures.js", "chart.js", "steps.js", "histogram.js", "pictures.js", "sections.js", "detail.js",
    "list.js", "start.js",
)  # fmt: skip
_STYLES = ("page.css", "detail.css")


def render(run: Mapping[str, Any], cases: Iterable[str]) -> str:
    """Return the page of a run: ``run`` is what stands above the cases, ``cases`` their views as JSON.

    The page builds itself from this data with text nodes and attributes, never from markup; its policy
    allows the two inline parts written here, by their hashes, and pictures that are part of it. Trusted
    Types close the ways by which a script could make markup of text.
    """
    style = "\n".join(map(asset, _STYLES))
    script = "\n".join(["(() => {", '"use strict";', *map(asset, _SCRIPTS), "})();"])
    policy = (
        f"default-src 'none'; script-src '{content_hash(script)}'; style-src '{content_hash(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    data = [_data("run", json.dumps(run, allow_nan=False))]
    data += [_data(f"case-{index}", case) for index, case in enumerate(cases)]
    page = asset("page.html")
    # One pass: what is put in is not searched again.
    parts = {"policy": escape(policy), "style": style, "script": script, "data": "\n".join(data)}
    pieces = page.split("{{")
    return pieces[0] + "".join(
        parts[name] + rest for name, _, rest in (piece.partition("}}") for piece in pieces[1:])
    )


def _data(name: str, text: str) -> str:
    """Return JSON as a block that the browser does not run; no text in it can end the block."""
    safe = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    safe = safe.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return f'<script type="application/json" id="{name}">{safe}</script>'
