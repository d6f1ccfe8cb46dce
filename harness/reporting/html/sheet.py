"""A contact sheet: a page of cards with pictures, each of which opens to its details; it runs no script.

It is one file with its pictures inside, or a folder in which they are files that a browser loads when they
come into view.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from typing import Any

from harness.counting import count
from harness.errors import HarnessError, UsageError
from harness.measurement.measurement import Array
from harness.operations.destination import check_destination, write_result
from harness.reporting.details import Detail
from harness.reporting.html.document import folded, static_page, table_html
from harness.reporting.html.pictures import PIXELS_FAILED, picture_set, side_by_side, worst_item
from harness.reporting.tables import Cell

PAGE, PICTURES = "index.html", "pictures"
_NAME = re.compile("[0-9a-f]{32}")
# The most pixels inside a page that is one file, of all cards together, and the fewest of an output.
_PIXELS, _FEWEST = 2**21, 2**8
# Larger tables are folded, and smaller pictures keep their pixels sharp.
_ROWS, _SHARP = 24, 200


class Sheet:
    """A sheet of about ``cards`` cards, written to ``place``: a file that ends in .html, or a folder.

    A card has ``sides`` pictures: 1, or 3 for old, new and their difference. The only card is open.

    Raises :class:`UsageError` if it cannot be written there.
    """

    def __init__(self, place: Path, cards: int, sides: int = 3) -> None:
        self._folder = None if place.suffix.lower() in (".html", ".htm") else place
        self.path = place if self._folder is None else place / PAGE
        self._sides = sides
        inside = min(PIXELS_FAILED, max(_PIXELS // (sides * max(cards, 1)), _FEWEST))
        self._pixels = inside if self._folder is None else PIXELS_FAILED
        if self._folder is not None:
            try:
                (self._folder / PICTURES).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise UsageError(f"{place}: no page can be written there: {error.strerror}") from None
        check_destination(self.path)
        self._opened = " open" if cards == 1 else ""
        self._cards: list[str] = []
        self._named: set[str] = set()

    def add(
        self,
        name: str,
        state: Cell,
        lines: Iterable[str],
        details: Iterable[Detail],
        new: Array | None = None,
        old: Array | None = None,
    ) -> None:
        """Add a card: its name, a word for its state, lines that are always shown, and what opens.

        ``new`` and ``old`` are outputs whose pictures are shown, each None if there is none.
        """
        pictures = picture_set(new, old, pixels=self._pixels)
        worst = worst_item(pictures) if pictures else None
        shown = self._row(pictures, worst) if pictures and worst else ['<p class="absent">no picture</p>']
        word = f'<b class="v-{escape(state.tone)}">{escape(state.text)}</b>'
        self._cards += [
            f'<details class="card"{self._opened}><summary>{"".join(shown)}',
            f"<strong>{escape(name)} {word}</strong>",
            *(f"<small>{escape(line)}</small>" for line in lines),
            "</summary>",
            *self._others(pictures, worst),
            '<div class="details">',
            *details_html(details),
            "</div></details>",
        ]

    def write(self, title: str, lines: Iterable[str] = ()) -> None:
        """Write the page with all cards; raises HarnessError if it cannot be written."""
        header = [
            f"<header><h1>{escape(title)}</h1>",
            *(f"<p>{escape(line)}</p>" for line in lines),
            "</header>",
        ]
        body = [*header, f'<main class="sheet-{self._sides}">', *self._cards, "</main>"]
        sources = "data:" if self._folder is None else "'self' file:"
        page = static_page(title, body, "sheet.css", pictures=sources)
        write_result(self.path, page.encode("utf-8", "backslashreplace"))
        if self._folder is not None:
            # Those of an older page.
            for picture in (self._folder / PICTURES).glob("*.png"):
                if _NAME.fullmatch(picture.stem) and picture.stem not in self._named:
                    picture.unlink(missing_ok=True)

    def _others(self, found: dict[str, Any] | None, worst: dict[str, Any] | None) -> Iterator[str]:
        """Yield the pictures of an output that are not on its card."""
        if found and len(found["items"]) > 1:
            yield '<div class="others">'
            for item in found["items"]:
                if item is not worst:
                    yield from self._row(found, item)
            yield "</div>"

    def _row(self, found: dict[str, Any], item: dict[str, Any]) -> Iterator[str]:
        sharp = " sharp" if found["width"] < _SHARP else ""
        many = found["images"] * max(found["frames"], 1) > 1
        frame = "" if item["frame"] is None else f", frame {item['frame'] + 1}"
        place = [f"image {item['image'] + 1}{frame}"] if many else []
        yield '<span class="row">'
        for name, png in side_by_side(found, item).items():
            size = f'width="{found["width"]}" height="{found["height"]}"'
            image = (
                f'<img class="picture{sharp}" loading="lazy" alt="{name}" {size} src="{self._source(png)}">'
            )
            caption = ": ".join([*place, name] if self._sides > 1 else place)
            yield f'<span class="figure">{image}<small>{caption}</small></span>'
        if item["same"]:
            yield '<span class="figure absent">the same bits</span>'
        yield "</span>"

    def _source(self, png: str) -> str:
        if self._folder is None:
            return f"data:image/png;base64,{png}"
        data = base64.b64decode(png)
        # Named after their content, they are right for an older page, too, until the new one is in place.
        stem = hashlib.sha256(data).hexdigest()[:32]
        self._named.add(stem)
        name = f"{PICTURES}/{stem}.png"
        try:
            (self._folder / name).write_bytes(data)
        except OSError as error:
            raise HarnessError(f"{self._folder / name}: cannot be written: {error.strerror}") from None
        return name


def details_html(details: Iterable[Detail]) -> Iterator[str]:
    """Yield details as markup; long tables are folded."""
    for detail in details:
        yield f"<div><h3>{escape(detail.title)}</h3>"
        yield from (f"<p>{escape(str(line).strip())}</p>" for line in detail.lines)
        if detail.table is not None and detail.table.rows:
            rows, table = len(detail.table.rows), table_html(detail.table)
            yield from folded(count(rows, "row"), table) if rows > _ROWS else table
        yield "</div>"
