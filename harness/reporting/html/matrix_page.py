"""The matrix as a page: one file that loads nothing and runs nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from html import escape

from harness.counting import count
from harness.operations.matrix import Matrix
from harness.releases.interpreters import differing_packages
from harness.reporting.commands import Invocation
from harness.reporting.html.document import folded, made, section, static_page, table_html
from harness.reporting.matrix_report import comparison_cell, cost, failures, grid, operator_lines, same_bits
from harness.reporting.tables import Cell, Table


def matrix_page(matrix: Matrix, invocation: Invocation) -> str:
    """Return the page: the grid, the classes of equal bits, every pair, and the environments."""
    note = (
        '<p class="soft">Below each verdict: how far the output moved (relative L2), and the largest '
        "share of a limit that any figure uses.</p>"
    )
    failed = [
        f'<li><b class="v-{verdict}">{verdict}</b> <code>{escape(name)}</code>, {escape(pair)}: '
        f"{escape(reason)}</li>"
        for verdict, name, pair, reason in failures(matrix, invocation)
    ]
    body = (
        *_summary(matrix),
        *section(
            "Each environment compared with the one before it", [*table_html(grid(matrix, invocation)), note]
        ),
        *(section("What did not pass", ["<ul>", *failed, "</ul>"]) if failed else ()),
        *section("Every pair", _pairs(matrix, invocation)),
        *section("Environments", table_html(_environments(matrix))),
    )
    return static_page("harness matrix", body)


def _summary(matrix: Matrix) -> Iterator[str]:
    tone, outcome = ("v-identical", "passed") if matrix.passed else ("v-drift", "not passed")
    of_what = f"{count(len(matrix.names), 'environment')}, {count(len(matrix.rows), 'case')}"
    yield f'<header><h1>{of_what}: <span class="{tone}">{outcome}</span></h1>'
    yield f'<p class="bits">{escape(same_bits(matrix))}</p>'
    yield from (f"<p>{escape(line)}</p>" for line in operator_lines(matrix))
    yield f'<p class="soft">{escape(cost(matrix))}. {made()}</p></header>'


def _pairs(matrix: Matrix, invocation: Invocation) -> Iterator[str]:
    # How each environment compares with all those before it.
    earlier, later = matrix.names[:-1], range(1, len(matrix.names))
    for row in matrix.rows:
        counts = Counter(pair.verdict.value for pair in row.pairs.values())
        verdicts = ", ".join(f"{number} {verdict}" for verdict, number in counts.items())
        triangle = [
            [name, *(comparison_cell(row.pairs[i, j], invocation) if j > i else "" for j in later)]
            for i, name in enumerate(earlier)
        ]
        table = table_html(Table(("", *matrix.names[1:]), triangle))
        yield from folded(f"<code>{escape(row.name)}</code> {verdicts}", table)


def _environments(matrix: Matrix) -> Table:
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
    return Table(("", *matrix.names), cells)
