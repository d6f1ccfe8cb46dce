"""Numbers of things as they are read.

Imports nothing: `harness verify` needs it, which is to be over in the blink of an eye.
"""

from __future__ import annotations


def count(number: int, noun: str) -> str:
    """Return ``number`` with its noun: ``1 case``, ``2 cases``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
