"""What the pages share: their parts in `assets`, the hash that allows one, a page that runs nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from html import escape
from importlib.resources import files
from string import Template


def asset(*names: str) -> str:
    """Return the text of files in ``assets``, one after the other."""
    folder = files("harness.reporting.html") / "assets"
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)


def filled(name: str, **parts: str) -> str:
    """Return the page in ``assets`` of that name with its parts; what is put in is not searched again."""
    return Template(asset(name)).substitute(parts)


def source_of(text: str) -> str:
    """Return the source by which a Content-Security-Policy allows the inline style or script ``text``."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"


def static_page(title: str, body: Iterable[str], *styles: str) -> str:
    """Return a page of ``body``, lines of markup, that loads nothing and runs nothing.

    ``styles`` names assets beside those of all such pages. The page's policy allows them, by the hash of
    their text, and nothing else.
    """
    style = asset("palette.css", "matrix.css", *styles)
    policy = f"default-src 'none'; style-src {source_of(style)}; base-uri 'none'; form-action 'none'"
    return filled(
        "static.html", policy=escape(policy), title=escape(title), style=style, body="\n".join(body)
    )
