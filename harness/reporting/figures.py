"""Figures of a judgement as text, in every report the same."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.judgement.judgement import Judgement
from harness.judgement.rows import Row
from harness.judgement.tiers import FieldDifference

# Of the figures that say how far an output moved, the one that needs no units.
_SIZE = "relative_l2"
# From here on a limit is exceeded by so much that percents are hard to read.
_MANY_TIMES = 10


def some(names: Sequence[str], most: int) -> str:
    """Return the first of ``names``, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def figure(value: float | None) -> str:
    """Return ``value`` in three digits; nothing for None."""
    return "" if value is None else f"{value:.3g}"


def exact_figure(value: float | None) -> str:
    """Return every digit of ``value``: a change in the ninth may be what it is about; nothing for None."""
    return "" if value is None else repr(value)


def part_of_limit(margin: float | None) -> str:
    """Return a margin as it is read: a part of the limit, or times it; nothing where nothing was limited."""
    if margin is None:
        return ""
    if not math.isfinite(margin):
        return "over"  # any difference is too much
    if margin >= _MANY_TIMES:
        return f"{margin:.3g} times"
    return f"{margin:.0%}"


def measured_figure(row: Row) -> str:
    """Return what a row measured; a figure just outside its limit does not read as the limit itself."""
    text = figure(row.measured)
    return exact_figure(row.measured) if row.passed is False and text == figure(row.limit) else text


def heights(values: Sequence[float], level: float) -> list[float | None]:
    """Return where each value lies from the lowest of them, at 0, to the highest, at 1.

    None for what is not finite; ``level`` for all where they are equal.
    """
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    # Halves: the distance of the largest numbers there are overflows.
    size = high / 2 - low / 2
    return [
        None if not math.isfinite(value) else (value / 2 - low / 2) / size if size else level
        for value in values
    ]


def limit_figure(row: Row) -> str:
    """Return a row's limit with its direction; nothing where it has none."""
    return "" if row.limit is None else ("≥ " if row.at_least else "≤ ") + figure(row.limit)


def difference_text(difference: FieldDifference) -> str:
    """Return a field of two environments, as ``name: baseline -> measured``."""
    return f"{difference.name}: {difference.baseline or '(absent)'} -> {difference.measured or '(absent)'}"


def sides(difference: FieldDifference) -> str:
    """Return a field of two environments, as ``measured | baseline``."""
    return f"{difference.measured or '(absent)'} | {difference.baseline or '(absent)'}"


def worst_figure(judgement: Judgement) -> str:
    """Return the figure that uses most of its limit, with the limit; nothing where no figure has one.

    Where the same bits are asked for, every limit is 0 and exceeded without bounds: then it is how far the
    output moved.
    """
    worst = judgement.worst
    if worst is None:
        return ""
    if worst.measured is None:
        return f"{worst.name} not judged"
    if judgement.margin == math.inf and worst.limit == 0:
        size = next((row for row in judgement.rows if row.name == _SIZE), worst)
        return f"{size.name} {figure(size.measured)}, the same bits asked for"
    if worst.passed:
        side = "at least" if worst.at_least else "of"
    else:
        side = "below its limit" if worst.at_least else "over its limit"
    return f"{worst.name} {measured_figure(worst)} {side} {figure(worst.limit)}"
