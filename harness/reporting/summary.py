"""The summary of a session: the verdicts, the worst margin, and the tightest case."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from harness.errors import in_short
from harness.judgement.call_reasons import NotCalledTwice
from harness.judgement.judgement import Judgement, Verdict
from harness.judgement.reasons import NotCovered
from harness.reporting.figures import figure, sides, worst_figure
from harness.reporting.reasons import in_words, joined, text_of
from harness.reporting.tables import Cell, Table

# Notes that are said once for each suite.
SAID_ONCE = (NotCovered, NotCalledTwice)


def verdict_word(judgement: Judgement) -> str:
    """Return the verdict as shown in pytest's verbose output, with the tier and the margin."""
    word = judgement.verdict.value.upper()
    if judgement.tier is None or judgement.verdict is not Verdict.WITHIN:
        return word
    worst = judgement.worst
    margin = "" if worst is None else f", {worst.name} at {worst.used:.0%} of its limit"
    return f"{word} ({judgement.tier.words}{margin})"


def failed_line(judgement: Judgement) -> str:
    """Return the verdict and the first reason on one line, without the case's name."""
    reasons = [line for text in in_words(judgement.reasons)[:1] for line in text.splitlines()[:1]]
    return ": ".join(
        [judgement.verdict.value, *(text.removeprefix(f"{judgement.name}: ") for text in reasons)]
    )


def verdicts_table(judgements: Sequence[Judgement]) -> Table:
    """Return the table of verdicts, each with its tier and the figure that uses most of its limit."""
    rows = [
        (
            Cell(each.name, name=True),
            Cell(each.verdict.value, tone=each.verdict.value),
            "" if each.tier is None else each.tier.words,
            worst_figure(each),
        )
        for each in judgements
    ]
    return Table(("case", "verdict", "compared", "worst figure"), rows)


def summary_lines(judgements: Sequence[Judgement]) -> list[str]:
    """Return the verdicts' counts, one line per tier and environment, and the worst margins."""
    expected = sum(judgement.failed_as_expected for judgement in judgements)
    counts = Counter(judgement.verdict for judgement in judgements if not judgement.failed_as_expected)
    counted = [f"{counts[verdict]} {verdict.value}" for verdict in Verdict if counts[verdict]]
    counted += [f"{expected} failed as expected"] if expected else []
    lines = [", ".join(counted)] if counted else []
    lines += expected_lines(judgements)
    lines += tier_lines(judgements)
    lines += [f"{what}: {found.name}, {text}" for what, found, text in margins(judgements)]
    lines += noted_lines(judgements)
    return lines + [f"skipped: {each.name}, {joined(each.reasons)}" for each in judgements if each.elsewhere]


def expected_lines(judgements: Sequence[Judgement]) -> list[str]:
    """Return one line for each case that failed as expected."""
    return [
        f"{each.name}: {in_short(joined(each.reasons))}" for each in judgements if each.failed_as_expected
    ]


def tier_lines(judgements: Sequence[Judgement]) -> list[str]:
    """Return one line per tier and environment: how many cases were compared, and which fields differ."""
    counts = Counter(
        (each.tier.words, ", ".join(f"{field.name} {sides(field)}" for field in each.differences))
        for each in judgements
        if each.tier is not None
    )
    return [
        f"{tier}: {number} compared" + (f" ({differing})" if differing else "")
        for (tier, differing), number in counts.items()
    ]


def noted_lines(judgements: Sequence[Judgement]) -> list[str]:
    """Return one line per suite and note that is about how much of a case is looked at."""
    counts = Counter(
        (each.suite, text_of(note))
        for each in judgements
        for note in each.notes
        if isinstance(note, SAID_ONCE)
    )
    return [
        f"{suite} ({number} case{'s' * (number != 1)}): {told}" for (suite, told), number in counts.items()
    ]


def margins(judgements: Sequence[Judgement]) -> list[tuple[str, Judgement, str]]:
    """Return the case furthest outside its limits and the passing case nearest to its limits, if any.

    Each comes with its label and its figure.
    """
    limited = [judgement for judgement in judgements if judgement.worst is not None]
    outside = [judgement for judgement in limited if judgement.verdict is Verdict.DRIFT]
    found = []
    if outside:
        worst = max(outside, key=_margin)
        times = f", {figure(worst.margin)} times its limit" if 1 < _margin(worst)[0] < math.inf else ""
        found.append(("worst margin", worst, worst_figure(worst) + times))
    # What has not moved at all is near no limit.
    passing = [judgement for judgement in limited if judgement.passed and judgement.margin]
    if passing:
        tightest = max(passing, key=_margin)
        used = f"{worst_figure(tightest)}, {tightest.margin:.0%} of its limit"
        found.append(("tightest case", tightest, used))
    return found


def _margin(judgement: Judgement) -> tuple[float, float]:
    """Return a sort key: the margin, and for infinite margins how far the output moved."""
    moved = next((row.measured for row in judgement.rows if row.name == "relative_l2"), None)
    return (judgement.margin or 0.0, math.inf if moved is not None and math.isnan(moved) else moved or 0.0)
