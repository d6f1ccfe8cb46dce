"""A case that did not pass, as plain text: short, aligned, and ending with what to type."""

from __future__ import annotations

from collections.abc import Sequence

from harness.explanation.causes import Cause
from harness.foreign_text import printable
from harness.judgement.judgement import Judgement, Verdict
from harness.judgement.rows import Row
from harness.reporting.causes import cause_details, cause_line
from harness.reporting.commands import Commands, reason_texts
from harness.reporting.figures import exact_figure, limit_figure, measured_figure, sides
from harness.reporting.reasons import in_words
from harness.reporting.summary import SAID_ONCE
from harness.reporting.tables import Table, table_lines

# About what fits on a terminal next to pytest's own lines. An error is shown in full: its log may be the only
# information.
_LINES = 25
_REASONS, _CAUSES, _NOTES, _FAILED = 4, 6, 2, 8
_FEWEST_ROWS = 3
# The best-known figures without a limit, the most informative first.
_ALWAYS_SHOWN = ("relative_l2", "max_abs", "mean_abs")


def judgement_text(
    judgement: Judgement, causes: Sequence[Cause] = (), commands: Commands | None = None
) -> str:
    """Return why a case did not pass: reasons, causes, the table of figures, environments, what to type."""
    compared = ""
    if judgement.tier is not None:
        against = f" with {judgement.baseline_path}" if judgement.baseline_path else ""
        compared = f" ({judgement.tier.words}, compared{against})"
    lines = [f"{judgement.name}: {judgement.verdict.value}{compared}"]
    if commands is None:
        reasons = list(in_words(judgement.reasons))
    else:
        reasons = reason_texts(judgement, commands.invocation)
    if judgement.verdict is not Verdict.ERROR:
        reasons = _shortened(reasons, _REASONS, "reasons")
    for reason in reasons:
        first, *log = reason.splitlines() or [""]
        # GitHub Actions obeys lines that begin with "::", even after spaces.
        lines += [f"  - {first}", *(f"  | {line}".rstrip() for line in log)]
    lines += cause_lines(causes, most=_CAUSES)
    end: list[str] = []
    # A cause already shows the fields.
    if judgement.differences and not any(cause.kind == "environment" for cause in causes):
        end += ["", "environment (measured | baseline):"]
        fields = Table((), [(difference.name, sides(difference)) for difference in judgement.differences])
        end += _shortened(_aligned(fields), _CAUSES, "fields")
    notes = [note for note in judgement.notes if not isinstance(note, SAID_ONCE)]
    end += [f"note: {note}" for note in _shortened(list(in_words(notes)), _NOTES, "notes")]
    if commands is not None and (typed := commands.fitting(judgement)):
        end += ["", "what to type:", *_aligned(Table((), typed))]
    lines += [*_table(judgement.rows, _LINES - len(lines) - len(end)), *end]
    # A worker's log may contain any character.
    return "\n".join(printable(line, "\t") for line in lines)


def cause_lines(causes: Sequence[Cause], *, most: int | None = None) -> list[str]:
    """Return the numbered causes with their details; no lines if there are none.

    If that takes more than ``most`` lines, the details of later causes are left out, and counted.
    """
    if not causes:
        return []
    lines = ["", "what differs, first cause first:"]
    details = [cause_details(cause.evidence) for cause in causes]
    room = total = sum(map(len, details))
    if most is not None and len(causes) + total > most:
        room = max(0, most - len(causes) - 1)
    hidden = total - room
    for number, (cause, known) in enumerate(zip(causes, details, strict=True), 1):
        lines.append(f"  {number}. {cause_line(cause)}")
        lines += [f"     {detail}" for detail in known[:room]]
        room = max(0, room - len(known))
    if hidden:
        lines.append(f"     … {hidden} more; harness explain shows them")
    return lines


def _aligned(table: Table) -> list[str]:
    return [line.plain for line in table_lines(table, indent="  ")]


def _shortened(texts: list[str], most: int, what: str) -> list[str]:
    if len(texts) <= most:
        return texts
    return [*texts[: most - 1], f"… and {len(texts) - most + 1} more {what}"]


def _table(rows: Sequence[Row], lines: int) -> list[str]:
    """Return a table of about ``lines`` lines: what failed, how far the output moved, what passed."""
    # One of the lines is empty, one is the header.
    room = max(lines - 2, _FEWEST_ROWS)
    known = [row for row in rows if row.passed is None and row.name in _ALWAYS_SHOWN]
    known.sort(key=lambda row: _ALWAYS_SHOWN.index(row.name))
    fullest = sorted(rows, key=lambda row: row.used or 0.0, reverse=True)
    failed = [row for row in fullest if row.passed is False]
    shown = failed[: min(_FAILED, max(room - len(known), _FEWEST_ROWS))]
    hidden = len(failed) - len(shown)
    passed = [row for row in fullest if row.passed]
    others = [*known, *passed][: max(room - len(shown) - bool(hidden), 0)]
    if not shown and not others:
        return []
    made = _aligned(_of_rows([*shown, *others]))
    if hidden > 0:
        made.insert(1 + len(shown), f"  … and {hidden} more outside their limits")
    return ["", *made]


def rows_table(judgement: Judgement) -> Table:
    """Return the table of all figures of a judgement, what uses most of its limit first."""
    return _of_rows(sorted(judgement.rows, key=lambda row: row.used or 0.0, reverse=True))


def _of_rows(rows: Sequence[Row]) -> Table:
    """Return a table of ``rows``, without the columns that are empty."""
    header = ("metric", "measured", "limit", "value", "baseline", "")
    return Table(header, list(map(_cells, rows))).without_empty_columns()


def _cells(row: Row) -> tuple[str, ...]:
    outside = "not judged" if row.measured is None else "below" if row.at_least else "over"
    return (
        row.name,
        measured_figure(row),
        limit_figure(row),
        exact_figure(row.value),
        exact_figure(row.baseline),
        outside if row.passed is False else "",
    )
