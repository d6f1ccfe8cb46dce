"""The matrix as a page: one file that loads nothing and runs nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from html import escape

import harness
from harness.counting import count
from harness.judgement.wording import in_short, reason_text
from harness.operations.matrix import Matrix, MatrixRow
from harness.releases.comparison import Comparison
from harness.releases.interpreters import differing_packages
from harness.reporting.commands import Invocation, reason_texts
from harness.reporting.html.document import static_page
from harness.reporting.matrix_report import cell_words, cost, failures, operator_lines, same_bits


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
    return static_page("harness matrix", ["matrix.css"], body)


def _summary(matrix: Matrix) -> Iterator[str]:
    date = datetime.now(timezone.utc).isoformat(timespec="seconds")
    outcome = "passed" if matrix.passed else "not passed"
    yield "<header>"
    of_what = f"{count(len(matrix.names), 'environment')}, {count(len(matrix.rows), 'case')}"
    yield f'<h1>{of_what}: <span class="{_tone(matrix)}">'
    yield f"{outcome}</span></h1>"
    yield f'<p class="bits">{escape(same_bits(matrix))}</p>'
    yield from (f"<p>{escape(line)}</p>" for line in operator_lines(matrix))
    yield f'<p class="soft">{escape(cost(matrix))}. harness {escape(harness.__version__)}, {date}</p>'
    yield "</header>"


def _tone(matrix: Matrix) -> str:
    return "v-identical" if matrix.passed else "v-drift"


def _grid(matrix: Matrix, invocation: Invocation) -> Iterator[str]:
    yield "<section><h2>Each compared with the one before it</h2>"
    yield '<div class="wide"><table>'
    yield _heads(("case", *matrix.names))
    yield "<tbody>"
    for row in matrix.rows:
        yield f'<tr><th scope="row"><code>{escape(row.name)}</code></th>'
        yield from (_cell(row, index, invocation) for index in range(len(matrix.columns)))
        yield "</tr>"
    yield "</tbody></table></div>"
    yield '<p class="soft">Under the verdict: how far the output moved (relative L2), and the part of its '
    yield "limit that the figure nearest to it uses.</p></section>"


def _cell(row: MatrixRow, index: int, invocation: Invocation) -> str:
    if (error := row.errors[index]) is not None:
        return f'<td class="v-error" title="{escape(in_short(reason_text(error)))}">error</td>'
    step = row.step(index)
    if step is None or row.errors[index - 1] is not None:
        return '<td class="soft">ran</td>'
    return _comparison(step, invocation)


def _comparison(comparison: Comparison, invocation: Invocation) -> str:
    verdict, _, size = cell_words(comparison).partition(" ")
    why = "; ".join((*reason_texts(comparison, invocation), *map(str, comparison.differences)))
    small = f"<small>{escape(size)}</small>" if size else ""
    return f'<td class="v-{comparison.verdict.value}" title="{escape(why)}">{escape(verdict)}{small}</td>'


def _failures(matrix: Matrix, invocation: Invocation) -> Iterator[str]:
    found = list(failures(matrix))
    if not found:
        return
    yield "<section><h2>What did not pass</h2><ul>"
    for name, pair, comparison in found:
        reasons = escape("; ".join(reason_texts(comparison, invocation)))
        verdict = comparison.verdict.value
        yield f'<li><b class="v-{verdict}">{verdict}</b> <code>{escape(name)}</code>, {escape(pair)}: '
        yield f"{reasons}</li>"
    yield "</ul></section>"


def _pairs(matrix: Matrix, invocation: Invocation) -> Iterator[str]:
    names = matrix.names
    yield "<section><h2>Every pair</h2>"
    for row in matrix.rows:
        yield f"<details><summary><code>{escape(row.name)}</code> {escape(_worst(row))}</summary>"
        yield '<div class="wide"><table>'
        yield _heads(("", *names[1:]))
        yield "<tbody>"
        for i, name in enumerate(names[:-1]):
            yield f'<tr><th scope="row">{escape(name)}</th>'
            for j in range(1, len(names)):
                yield _comparison(row.pairs[i, j], invocation) if j > i else "<td></td>"
            yield "</tr>"
        yield "</tbody></table></div></details>"
    yield "</section>"


def _worst(row: MatrixRow) -> str:
    counts: dict[str, int] = {}
    for pair in row.pairs.values():
        counts[pair.verdict.value] = counts.get(pair.verdict.value, 0) + 1
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items())


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
    yield '<section><h2>Environments</h2><div class="wide"><table>'
    yield _heads(("", *matrix.names))
    yield "<tbody>"
    for name, values in rows:
        differs = ' class="differs"' if len(set(values)) > 1 else ""
        cells = "".join(f"<td>{escape(value)}</td>" for value in values)
        yield f'<tr{differs}><th scope="row">{escape(name)}</th>{cells}</tr>'
    yield "</tbody></table></div></section>"


def _heads(names: Iterable[str]) -> str:
    cells = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    return f"<thead><tr>{cells}</tr></thead>"
