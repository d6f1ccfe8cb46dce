"""Numbers of things in readable form.

Imports nothing: `harness verify` uses it and must finish in an instant.
"""

from __future__ import annotations


def count(number: int, noun: str) -> str:
    """Return ``number`` with its noun: ``1 case``, ``2 cases``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
