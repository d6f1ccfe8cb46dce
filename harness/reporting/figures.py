"""The figures of a judgement as text, the same in every report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Words are needed where numpy is not.
    from harness.judgement.judgement import Judgement
    from harness.judgement.rows import Row
    from harness.judgement.tiers import FieldDifference

# The figure for how far an output moved that needs no units.
_SIZE = "relative_l2"
# From here on a limit is exceeded by so much that percentages are hard to read.
_MANY_TIMES = 10
_MILLION = 1e6


def some(names: Sequence[str], most: int) -> str:
    """Return the first of ``names``, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def figure(value: float | None, digits: int = 3) -> str:
    """Return ``value`` in so many digits, as every report writes a number; an empty string for None.

    Whole digits are never rounded below a million: 1991 is 1991, not 1.99e+03.
    """
    if value is None:
        return ""
    return f"{value:.0f}" if 10**digits - 0.5 <= abs(value) < _MILLION else f"{value:.{digits}g}"


def exact_figure(value: float | None) -> str:
    """Return every digit of ``value``: a change in the ninth may matter. Return an empty string for None."""
    return "" if value is None else repr(value)


def part_of_limit(margin: float | None) -> str:
    """Return a margin as a share or a multiple of the limit; an empty string if nothing was limited."""
    if margin is None:
        return ""
    if not math.isfinite(margin):
        return "over"  # any difference is too much
    if margin >= _MANY_TIMES:
        return f"{figure(margin)} times"
    return f"{margin:.0%}"


def measured_figure(row: Row) -> str:
    """Return what a row measured, with enough digits that a figure just outside its limit differs from it."""
    text = figure(row.measured)
    return exact_figure(row.measured) if row.passed is False and text == figure(row.limit) else text


def heights(values: Sequence[float], level: float) -> list[float | None]:
    """Return the position of each value between the lowest, at 0, and the highest, at 1.

    A value that is not finite gives None. If all values are equal, each gives ``level``.
    """
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    # Halves, because the difference of the two largest numbers would overflow.
    size = high / 2 - low / 2
    return [
        None if not math.isfinite(value) else (value / 2 - low / 2) / size if size else level
        for value in values
    ]


def limit_figure(row: Row) -> str:
    """Return a row's limit with its direction; an empty string if it has none."""
    return "" if row.limit is None else ("≥ " if row.at_least else "≤ ") + figure(row.limit)


def difference_text(difference: FieldDifference) -> str:
    """Return a field that differs between two environments as ``name: baseline -> measured``."""
    return f"{difference.name}: {difference.baseline or '(absent)'} -> {difference.measured or '(absent)'}"


def sides(difference: FieldDifference) -> str:
    """Return a field that differs between two environments as ``measured | baseline``."""
    return f"{difference.measured or '(absent)'} | {difference.baseline or '(absent)'}"


def worst_figure(judgement: Judgement) -> str:
    """Return the figure that uses most of its limit, with the limit; an empty string if none has a limit.

    If the same bits are required, every limit is 0 and every excess infinite: then return how far the output
    moved.
    """
    worst = judgement.worst
    if worst is None:
        return ""
    if worst.measured is None:
        return f"{worst.name} not judged"
    if judgement.margin == math.inf and worst.limit == 0:
        size = next((row for row in judgement.rows if row.name == _SIZE), worst)
        return f"{size.name} {figure(size.measured)}, identical bits required"
    if worst.passed:
        side = "at least" if worst.at_least else "of"
    else:
        side = "below its limit" if worst.at_least else "over its limit"
    return f"{worst.name} {measured_figure(worst)} {side} {figure(worst.limit)}"
