"""Judgements as plain text: a failed case's, and the summary of a session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from harness.baselines import Key
from harness.explanation import Cause
from harness.judgement import FieldDifference, Judgement, Row, Tier, Verdict

# A passing figure without a limit says little: the metrics most people know are enough.
_ALWAYS_SHOWN = ("max_abs", "mean_abs", "relative_l2")
_ROWS_SHOWN = 12


def judgement_text(judgement: Judgement, causes: Sequence[Cause] = ()) -> str:
    """Return why a case did not pass: reasons, causes, the table of figures, environments, what to type."""
    lines = [f"{judgement.suite}/{judgement.case_id}: {judgement.verdict.value}{_compared(judgement)}"]
    lines += [f"  {line}" for reason in judgement.reasons for line in _bullet(reason)]
    lines += cause_lines(causes)
    lines += _table(judgement.rows)
    if judgement.differences:
        lines += ["", "environment (measured | baseline):"]
        width = max(len(difference.name) for difference in judgement.differences)
        lines += [f"  {d.name:<{width}}  {_sides(d)}" for d in judgement.differences]
    lines += [f"note: {note}" for note in judgement.notes]
    # An error is no change that could be meant, and recording here would not change what another
    # environment gives.
    meant = judgement.verdict is Verdict.DRIFT and judgement.tier is Tier.SAME_ENVIRONMENT
    if judgement.command is not None and meant:
        lines += ["", "if this change is meant:", f"  {judgement.command}"]
    return "\n".join(lines)


def cause_lines(causes: Sequence[Cause]) -> list[str]:
    """Return the causes numbered, with their details; nothing where there are none."""
    if not causes:
        return []
    lines = ["", "what differs, first cause first:"]
    for number, cause in enumerate(causes, 1):
        lines.append(f"  {number}. {cause.kind}: {cause.title}")
        lines += [f"     {detail}" for detail in cause.details]
    return lines


def verdict_word(judgement: Judgement) -> str:
    """Return the verdict as it stands in a verbose line of pytest, with the tier and the margin."""
    word = judgement.verdict.value.upper()
    if judgement.tier is None or judgement.verdict is not Verdict.WITHIN:
        return word
    worst = judgement.worst
    margin = "" if worst is None else f", {worst.name} at {worst.used:.0%} of its limit"
    return f"{word} ({judgement.tier.words}{margin})"


def summary_lines(judgements: Sequence[Judgement], orphaned: Sequence[Key]) -> list[str]:
    """Return the verdicts' counts, one line per tier with its environment, and the orphans."""
    counts = Counter(judgement.verdict for judgement in judgements)
    told = ", ".join(f"{counts[verdict]} {verdict.value}" for verdict in Verdict if counts[verdict])
    lines = [told] if told else []
    by_environment: dict[tuple[str, str], list[Judgement]] = {}
    for judgement in judgements:
        if judgement.tier is not None:
            differing = ", ".join(f"{d.name} {_sides(d)}" for d in judgement.differences)
            by_environment.setdefault((judgement.tier.words, differing), []).append(judgement)
    for (tier, differing), members in by_environment.items():
        limited = [member for member in members if member.worst is not None and member.passed]
        tightest = max(limited, key=lambda member: member.margin or 0.0, default=None)
        line = f"{tier}: {len(members)} compared"
        if differing:
            line += f" ({differing})"
        if tightest is not None and tightest.worst is not None:
            line += (
                f"; nearest to its limit: {tightest.suite}/{tightest.case_id}, {tightest.worst.name} "
                f"{_figure(tightest.worst.measured)} of {_figure(tightest.worst.limit)}"
            )
        lines.append(line)
    lines += [
        f"orphan: {'/'.join(key)}.json belongs to no case; remove it if its case is gone" for key in orphaned
    ]
    return lines


def _compared(judgement: Judgement) -> str:
    if judgement.tier is None:
        return ""
    against = f" with {judgement.baseline_path}" if judgement.baseline_path else ""
    return f" ({judgement.tier.words}, compared{against})"


def _sides(difference: FieldDifference) -> str:
    return f"{difference.measured or '(absent)'} | {difference.baseline or '(absent)'}"


def _bullet(text: str) -> list[str]:
    first, *rest = text.splitlines() or [""]
    return [f"- {first}", *(f"  {line}" for line in rest)]


def _table(rows: Sequence[Row]) -> list[str]:
    """Return the rows that decide against the case, those within their limits and a few without, aligned."""
    failed = sorted((row for row in rows if row.passed is False), key=lambda row: -(row.used or 0.0))
    hidden = len(failed) - _ROWS_SHOWN
    shown = failed[:_ROWS_SHOWN]
    shown += [row for row in rows if row.passed or (row.passed is None and row.name in _ALWAYS_SHOWN)]
    if not shown:
        return []
    cells = [("metric", "measured", "limit", "value", "baseline", "")]
    cells += [
        (
            row.name,
            _measured(row),
            ("" if row.limit is None else ("≥ " if row.at_least else "≤ ") + _figure(row.limit)),
            _exact_figure(row.value),
            _exact_figure(row.baseline),
            _failure(row),
        )
        for row in shown
    ]
    kept = [column for column in zip(*cells, strict=True) if any(column[1:])]
    widths = [max(map(len, column)) for column in kept]
    lines = [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in zip(*kept, strict=True)
    ]
    if hidden > 0:
        lines.insert(1 + _ROWS_SHOWN, f"  … and {hidden} more outside their limits")
    return ["", *lines]


def _measured(row: Row) -> str:
    text = _figure(row.measured)
    # A figure just outside its limit must not read as the limit itself.
    return _exact_figure(row.measured) if row.passed is False and text == _figure(row.limit) else text


def _failure(row: Row) -> str:
    if row.passed is not False:
        return ""
    if row.measured is None:
        return "not judged"
    return "below" if row.at_least else "over"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _exact_figure(value: float | None) -> str:
    # All digits: a change in the ninth is what this is about.
    return "" if value is None else repr(value)
