"""The matrix as a page: one file that loads nothing and runs nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from html import escape

import harness
from harness.counting import count
from harness.operations.matrix import Matrix, MatrixRow
from harness.releases.interpreters import differing_packages
from harness.reporting.commands import Invocation
from harness.reporting.html.document import static_page, table_html
from harness.reporting.matrix_report import comparison_cell, cost, failures, grid, operator_lines, same_bits
from harness.reporting.tables import Cell, Table


def matrix_page(matrix: Matrix, invocation: Invocation) -> str:
    """Return the page: the grid, the classes of equal bits, every pair, and the environments.

    All text is escaped.
    """
    body = (
        *_summary(matrix),
        *_grid(matrix, invocation),
        *_failures(matrix, invocation),
        *_pairs(matrix, invocation),
        *_environments(matrix),
    )
    return static_page("harness matrix", body)


def _summary(matrix: Matrix) -> Iterator[str]:
    date = datetime.now(timezone.utc).isoformat(timespec="seconds")
    outcome = "passed" if matrix.passed else "not passed"
    tone = "v-identical" if matrix.passed else "v-drift"
    of_what = f"{count(len(matrix.names), 'environment')}, {count(len(matrix.rows), 'case')}"
    yield f'<header><h1>{of_what}: <span class="{tone}">{outcome}</span></h1>'
    yield f'<p class="bits">{escape(same_bits(matrix))}</p>'
    yield from (f"<p>{escape(line)}</p>" for line in operator_lines(matrix))
    yield f'<p class="soft">{escape(cost(matrix))}. harness {escape(harness.__version__)}, {date}</p>'
    yield "</header>"


def _grid(matrix: Matrix, invocation: Invocation) -> Iterator[str]:
    yield "<section><h2>Each compared with the one before it</h2>"
    yield from table_html(grid(matrix, invocation))
    yield '<p class="soft">Under the verdict: how far the output moved (relative L2), and the part of its '
    yield "limit that the figure nearest to it uses.</p></section>"


def _failures(matrix: Matrix, invocation: Invocation) -> Iterator[str]:
    found = list(failures(matrix, invocation))
    if not found:
        return
    yield "<section><h2>What did not pass</h2><ul>"
    for verdict, name, pair, reason in found:
        yield f'<li><b class="v-{verdict}">{verdict}</b> <code>{escape(name)}</code>, {escape(pair)}: '
        yield f"{escape(reason)}</li>"
    yield "</ul></section>"


def _pairs(matrix: Matrix, invocation: Invocation) -> Iterator[str]:
    names = matrix.names
    yield "<section><h2>Every pair</h2>"
    for row in matrix.rows:
        counts = Counter(pair.verdict.value for pair in row.pairs.values())
        verdicts = ", ".join(f"{number} {verdict}" for verdict, number in counts.items())
        yield f"<details><summary><code>{escape(row.name)}</code> {verdicts}</summary>"
        yield from table_html(_triangle(row, names, invocation))
        yield "</details>"
    yield "</section>"


def _triangle(row: MatrixRow, names: Sequence[str], invocation: Invocation) -> Table:
    """Return how each environment stands to all those before it."""
    later = range(1, len(names))
    rows = [
        [name, *(comparison_cell(row.pairs[i, j], invocation) if j > i else "" for j in later)]
        for i, name in enumerate(names[:-1])
    ]
    return Table(("", *names[1:]), rows)


def _environments(matrix: Matrix) -> Iterator[str]:
    subjects = [column.subject for column in matrix.columns]
    prints = [column.fingerprint for column in matrix.columns]
    fields = sorted({name for each in prints for name in each})
    rows = [("interpreter", [subject.python for subject in subjects])]
    rows += [(field, [each.get(field, "") for each in prints]) for field in fields]
    rows += [
        (f"package {name}", [version or "" for version in versions])
        for name, versions in differing_packages(subjects).items()
    ]
    rows.append(("seconds", [f"{column.seconds:.1f}" for column in matrix.columns]))
    cells: list[list[Cell | str]] = [
        [name, *(Cell(value, tone="differs" if len(set(values)) > 1 else "") for value in values)]
        for name, values in rows
    ]
    yield "<section><h2>Environments</h2>"
    yield from table_html(Table(("", *matrix.names), cells))
    yield "</section>"
