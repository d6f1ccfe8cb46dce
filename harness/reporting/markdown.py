"""The summary of a session in Markdown, for the page of a CI job."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Sequence
from itertools import accumulate

import harness
from harness.baselines.baseline import Key
from harness.counting import count
from harness.foreign_text import printable
from harness.judgement.judgement import Verdict
from harness.reporting.case_report import CaseReport, not_passed
from harness.reporting.causes import cause_line
from harness.reporting.collected import left_out_lines, orphan_lines
from harness.reporting.figures import worst_figure
from harness.reporting.summary import expected_lines, margins, tier_lines
from harness.reporting.tables import Cell, Table

# GitHub drops the whole summary of a step if it is larger than 1 MiB.
MOST_BYTES = 2**20
# Of one text from outside, in a table cell or a list item.
_MOST_CHARACTERS = 300
_COMMANDS_OF = 20
# Characters that are never markup, wherever they occur in a line.
_PLAIN = frozenset("0123456789 .,;/+=()%?'\"≤≥…→")


def markdown_summary(
    outcomes: Sequence[CaseReport],
    problems: Collection[tuple[str, str]] = (),
    orphaned: Sequence[Key] = (),
    *,
    left_out: int = 0,
    most_bytes: int = MOST_BYTES,
) -> str:
    """Return the summary of a session: GitHub's Markdown of at most ``most_bytes`` bytes in UTF-8.

    It has the number of cases per verdict, the cases that did not pass with their worst figure and first
    cause, what could not be judged, the margins, what to type, and the environments. If it does not fit,
    parts are left out from the end, and the table says how many cases it omits; if not even the counts fit,
    the text is empty. ``problems`` are what kept cases from being judged, as pairs of place and text.
    ``left_out`` is the number of nightly cases that were left out.
    """
    expected = [outcome.judgement for outcome in outcomes if outcome.judgement.failed_as_expected]
    outcomes = [outcome for outcome in outcomes if not outcome.judgement.failed_as_expected]
    failed = not_passed(outcomes)
    text = _Bounded(most_bytes)
    total = count(len(outcomes), "case")
    headline = f"{len(failed)} of {total} did not pass" if failed else f"{total} passed"
    headline += ", not all were judged" if problems else ""
    counts = Counter(outcome.judgement.verdict for outcome in outcomes)
    numbers = [str(counts[verdict]) for verdict in Verdict]
    table = Table([verdict.value for verdict in Verdict], [numbers], right=range(len(numbers)))
    if not text.add("\n".join([f"### harness: {headline}", "", *markdown_table(table), "", ""])):
        return ""
    if problems:
        lines = [f"- {code(where)} {escaped(why)}\n" for where, why in problems]
        text.add_rows("**Not judged:**\n\n", lines)
    if failed:
        head = ("case", "verdict", "worst figure", "first cause")
        first, line, *rows = (f"{row}\n" for row in markdown_table(Table(head, list(map(_row, failed)))))
        text.add_rows(first + line, rows)
    judgements = [outcome.judgement for outcome in outcomes]
    lines = [*map(escaped, expected_lines(expected))]
    lines += [f"{what}: {code(found.name)} {escaped(figure)}" for what, found, figure in margins(judgements)]
    lines += map(escaped, [*tier_lines(judgements), *left_out_lines(left_out), *orphan_lines(orphaned)])
    text.add("".join(f"- {line}\n" for line in lines) + "\n")
    if failed:
        text.add(_commands(failed[:_COMMANDS_OF]))
    text.add(_environments(outcomes))
    return text.value


class _Bounded:
    """Text that grows up to a given number of bytes."""

    # Reserved for the row that says how many were left out.
    _RESERVE = 100

    def __init__(self, most: int) -> None:
        self.value = ""
        self._left = most

    def add(self, text: str) -> bool:
        """Add ``text`` if all of it fits, and return whether it did."""
        size = len(text.encode())
        if size > self._left:
            return False
        self.value += text
        self._left -= size
        return True

    def add_rows(self, head: str, rows: Sequence[str]) -> None:
        """Add as many rows as fit below ``head``, and say how many did not."""
        if not self.add(head):
            return
        sizes = accumulate(len(row.encode()) for row in rows)
        fitting = sum(size <= self._left - self._RESERVE for size in sizes)
        self.add("".join(rows[:fitting]))
        if fitting < len(rows):
            self.add(f"\n… and {len(rows) - fitting} more that do not fit here\n")
        self.add("\n")


def escaped(text: object) -> str:
    """Return one line of Markdown that shows ``text`` literally, shortened if it is long.

    Every character that could be Markdown or HTML markup becomes a character reference, and line breaks
    become spaces.
    """
    shown = " ".join(str(text).split())
    if len(shown) > _MOST_CHARACTERS:
        shown = shown[: _MOST_CHARACTERS - 1] + "…"
    # A hyphen within a word is never markup.
    marked = (c if c in _PLAIN or c.isalpha() else f"&#{ord(c)};" for c in printable(shown))
    return re.sub(r"(?<=\w)&#45;(?=\w)", "-", "".join(marked))


def code(text: str) -> str:
    """Return a name in Markdown."""
    return f"<code>{escaped(text)}</code>"


def markdown_table(table: Table) -> list[str]:
    """Return the lines of a table, with its cells escaped."""
    line = ["--:" if column in table.right else "---" for column in range(len(table.header))]
    rows = [list(map(_cell, row)) for row in table.cells()]
    return [f"| {' | '.join(row)} |" for row in (list(map(escaped, table.header)), line, *rows)]


def _cell(cell: Cell) -> str:
    text = code(cell.whole) if cell.name else escaped(cell.whole)
    return "<br>".join([text, *map(escaped, cell.below)] if text else map(escaped, cell.below))


def _row(outcome: CaseReport) -> list[Cell | str]:
    judgement = outcome.judgement
    why = [*map(cause_line, outcome.causes), *outcome.reasons, ""]
    return [Cell(outcome.name, name=True), judgement.verdict.value, worst_figure(judgement), why[0]]


def _commands(failed: Sequence[CaseReport]) -> str:
    lines = []
    for outcome in failed:
        typed = outcome.commands.fitting(outcome.judgement)
        lines += [f"# {outcome.name}", *(command for _, command in typed)]
    # No line begins with text from outside, so none can close the block.
    return _folded("What to type", ["```sh", *map(printable, lines), "```"]) + "\n"


def _environments(outcomes: Sequence[CaseReport]) -> str:
    """Return the environment that most cases ran in, as a table, and how many cases that is."""
    counts = Counter(
        json.dumps(dict(outcome.environment), sort_keys=True) for outcome in outcomes if outcome.environment
    )
    if not counts:
        return ""
    ((fields, number),) = counts.most_common(1)
    total = counts.total()
    title = f"Environment of {number} of {total} cases" if number < total else "Environment"
    rows = [("harness", harness.__version__), *json.loads(fields).items()]
    table = markdown_table(Table(("field", "value"), rows))
    return _folded(title, table)


def _folded(title: str, lines: Sequence[str]) -> str:
    return "\n".join([f"<details><summary>{title}</summary>", "", *lines, "", "</details>", ""])
