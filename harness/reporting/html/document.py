"""What the pages share: their parts in `assets`, the hash that allows one, a page that runs nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from html import escape
from importlib.resources import files


def asset(name: str) -> str:
    """Return the text of a file in ``assets``."""
    return (files("harness.reporting.html") / "assets" / name).read_text(encoding="utf-8")


def content_hash(text: str) -> str:
    """Return the hash by which a Content-Security-Policy allows the inline style or script ``text``."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def static_page(title: str, styles: Iterable[str], body: Iterable[str]) -> str:
    """Return a page of ``body``, lines of markup, that loads nothing and runs nothing.

    ``styles`` names assets. The page's policy allows them, by the hash of their text, and nothing else.
    """
    style = "\n".join(map(asset, styles))
    policy = f"default-src 'none'; style-src '{content_hash(style)}'; base-uri 'none'; form-action 'none'"
    parts = [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>{escape(title)}</title>",
        f"<style>{style}</style>",
        "</head>",
        "<body>",
        *body,
        "</body>",
        "</html>",
    ]
    return "\n".join(parts) + "\n"
