"""Pictures in a terminal that shows colours: half blocks, so that a character has two pixels."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator
from itertools import zip_longest

import numpy as np
from PIL import Image
from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.text import Text

# In characters.
_WIDTH = 24


def thumbnails(console: Console, pictures: Iterable[str]) -> list[Text]:
    """Return PNG files, given in base64, as lines of text beside each other.

    Return no lines if the console is no terminal or shows no colours, or if it is too narrow.
    """
    files = list(pictures)
    if not files or not console.is_terminal or console.no_color or console.color_system in (None, "standard"):
        return []
    width = min(_WIDTH, console.width // len(files) - 2)
    if width < 1:
        return []
    lines = zip_longest(*(_lines(file, width) for file in files), fillvalue=Text(" " * width))
    return [Text("  ").join(line) for line in lines]


def _lines(file: str, width: int) -> Iterator[Text]:
    image = Image.open(io.BytesIO(base64.b64decode(file))).convert("RGB")
    rows = min(max(round(width * image.height / image.width / 2), 1), _WIDTH)
    how = Image.Resampling.BOX if image.width > width else Image.Resampling.NEAREST
    pixels = np.asarray(image.resize((width, 2 * rows), how)).tolist()
    for upper, lower in zip(pixels[::2], pixels[1::2], strict=True):
        yield Text.assemble(*(("▀", _style(*pair)) for pair in zip(upper, lower, strict=True)))


def _style(upper: list[int], lower: list[int]) -> Style:
    return Style(color=Color.from_rgb(*upper), bgcolor=Color.from_rgb(*lower))
