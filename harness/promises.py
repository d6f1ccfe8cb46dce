"""How an invariance can hold, and which of these a promise asks for.

Uses only Python's standard library, because `harness verify` does.
"""

from __future__ import annotations

from enum import Enum
from typing import Literal

# What a case promises of an invariance: the same bits, a result within its calibrated limits, or nothing.
Promise = Literal["identical", "within", "any"]


class Holding(str, Enum):
    """How an invariance holds. ``UNJUDGED``: the bits differ, and the case has no limits to judge that by."""

    IDENTICAL = "identical"
    WITHIN = "within"
    VIOLATED = "violated"
    UNJUDGED = "unjudged"

    def keeps(self, promise: Promise) -> bool:
        """Return whether it is as good as a case promises."""
        if promise == "any":
            return True
        return self is Holding.IDENTICAL or (promise == "within" and self is Holding.WITHIN)
