"""`harness matrix`: releases x cases, in the terminal, as JSON and as Markdown; and foreseeable problems."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timezone
from itertools import pairwise
from typing import Any

from rich.console import Console
from rich.text import Text

import harness
from harness.baselines.errors import BaselineUnusable, shown
from harness.cases.names import MINDONE
from harness.codec import to_json
from harness.counting import count
from harness.errors import HarnessError, in_short
from harness.judgement.judgement import Verdict
from harness.operations.foresight import Foresight, lacks_mindone
from harness.operations.matrix import Matrix, MatrixRow
from harness.operations.running import CaseRun
from harness.releases.comparison import Comparison
from harness.releases.interpreters import differing_packages
from harness.reporting.commands import Invocation, reason_texts, remedy_text
from harness.reporting.figures import difference_text, figure, part_of_limit, some
from harness.reporting.markdown import code, escaped, markdown_table
from harness.reporting.progress import ProgressBar
from harness.reporting.reasons import text_of
from harness.reporting.tables import Cell, Table, labelled, show, show_table

FORMAT, VERSION = "harness-matrix", 1
_SHOWN_OPERATORS = 6


class MatrixDisplay(ProgressBar):
    """Shows a matrix while it runs: foreseeable problems first, and each error at once."""

    def finished(self, result: Foresight | CaseRun) -> None:
        """Name the run that finished last."""
        if isinstance(result, Foresight):
            show_foresight(self.console, result, self.invocation)
            return
        self.preparing(f"{result.subject.name} {result.case.name}{', kept' if result.earlier else ''}")
        # A missing mindone was already reported at the start.
        if isinstance(result.found, HarnessError) and not lacks_mindone(result.case, result.subject):
            show(self.console, labelled("error", f"{result.subject.name}: {result.found}"))


def show_foresight(console: Console, foreseen: Foresight, invocation: Invocation) -> None:
    """Say which cases will be errors, which cannot be judged by a calibration, and what to type."""
    notes = []
    for made, remedy in ((True, "add it: --with "), (False, "install it: ")):
        if lacking := [each.name for each in foreseen.lacking if each.made is made]:
            tags = sorted(set.intersection(*(set(case.tags) for case in foreseen.needing)))
            leave_out = f", or leave them out: --without-tag {tags[0]}" if tags else ""
            need = "need" if len(foreseen.needing) > 1 else "needs"
            notes.append(
                f"{MINDONE} is not installed in {', '.join(lacking)}: "
                f"{count(len(foreseen.needing), 'case')} that {need} it will be errors there; "
                f"{remedy}{MINDONE}==0.5.0{leave_out}"
            )
    if foreseen.no_folder is not None:
        notes.append(
            f"{shown(foreseen.no_folder)}: no such folder of baselines, so outputs whose bits differ cannot "
            "be judged by a calibration; name the folder with --baseline-dir, or create it with: harness "
            "record SUITES --calibrate"
        )
    for case, wrong in foreseen.unjudged:
        text = wrong.told if isinstance(wrong, BaselineUnusable) else str(wrong)
        notes.append(f"{case.name}: {text}{remedy_text(wrong.remedy, invocation)}")
    show(console, *(labelled("note", note) for note in notes))


def show_matrix(console: Console, matrix: Matrix, invocation: Invocation) -> None:
    """Show the grid, the classes of equal bits, what did not pass, and what it cost."""
    if matrix.rows:
        show_table(console, grid(matrix, invocation))
    show(
        console,
        "each column is compared with the one before it: size of the drift (relative L2), share of its limit",
        same_bits(matrix),
        *operator_lines(matrix),
        *(
            labelled(verdict, f"{name}, {pair}: {reason}")
            for verdict, name, pair, reason in failures(matrix, invocation)
        ),
        Text(_counts(matrix), "bold"),
        cost(matrix),
    )


def same_bits(matrix: Matrix) -> str:
    """Return the classes of equal bits: ``same bits: 2.7.0 = 2.8.0 | 2.9.0 = 2.10.0``.

    An environment unlike any other is named separately: ``same bits: 2.7.0 = 2.8.0; unlike any other:
    2.9.0``.
    """
    if not any(any(row.bits) for row in matrix.rows):
        return "no case ran"
    groups = matrix.groups()
    alike = [" = ".join(group) for group in groups if len(group) > 1]
    alone = [group[0] for group in groups if len(group) == 1]
    if not alike:
        return "no two environments give the same bits" + " in every case" * (len(matrix.rows) > 1)
    return f"same bits: {' | '.join(alike)}" + (f"; unlike any other: {', '.join(alone)}" if alone else "")


def operator_lines(matrix: Matrix) -> Iterator[str]:
    """Yield, for each pair of neighbours, which operators give different bits on fixed inputs."""
    for index, (before, after) in enumerate(pairwise(matrix.names), 1):
        steps = [row.step(index) for row in matrix.rows]
        operators = sorted({name for step in steps if step is not None for name in step.operators})
        if operators:
            yield f"{before} → {after}: operators whose bits differ: {some(operators, _SHOWN_OPERATORS)}"


def failures(matrix: Matrix, invocation: Invocation) -> Iterator[tuple[str, str, str, str]]:
    """Yield verdict, case, pair and reason of everything that did not pass; a failed run appears once."""
    names = matrix.names
    for row in matrix.rows:
        for name, error in zip(names, row.errors, strict=True):
            if error is not None:
                yield Verdict.ERROR.value, row.name, name, in_short(text_of(error))
        for (i, j), comparison in row.pairs.items():
            if not comparison.passed and row.errors[i] is None and row.errors[j] is None:
                reason = "; ".join(reason_texts(comparison, invocation))
                yield comparison.verdict.value, row.name, f"{names[i]} → {names[j]}", reason


def cost(matrix: Matrix) -> str:
    """Return what the matrix cost, without making the environments."""
    seconds = [column.seconds for column in matrix.columns]
    runs = len(matrix.rows) * len(matrix.columns)
    kept = sum(column.kept for column in matrix.columns)
    least, most = min(seconds), max(seconds)
    return (
        f"{count(runs, 'run')} in {sum(seconds):.0f} s ({least:.0f} to {most:.0f} s per environment), "
        f"{kept} of them kept from earlier; comparing took {matrix.seconds:.1f} s"
    )


def matrix_json(matrix: Matrix, invocation: Invocation) -> str:
    """Return the matrix as JSON: environments, every run, every pair."""
    names = matrix.names
    data = {
        "format": FORMAT,
        "version": VERSION,
        "harness": harness.__version__,
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "passed": matrix.passed,
        "same_bits": [list(group) for group in matrix.groups()],
        "verdicts": matrix.verdicts(),
        "seconds": {"comparing": matrix.seconds},
        "environments": [
            {
                "name": column.subject.name,
                "python": column.subject.python,
                "fingerprint": dict(column.fingerprint),
                "packages": dict(column.subject.packages),
                "seconds": column.seconds,
                "kept": column.kept,
            }
            for column in matrix.columns
        ],
        "differing_packages": differing_packages([column.subject for column in matrix.columns]),
        "cases": [
            {
                "suite": row.suite,
                "id": row.case_id,
                "runs": [
                    {"environment": name, "bits": bits, "error": error and in_short(text_of(error))}
                    for name, bits, error in zip(names, row.bits, row.errors, strict=True)
                ],
                "pairs": [
                    {"from": names[i], "to": names[j], **comparison_json(pair, invocation)}
                    for (i, j), pair in row.pairs.items()
                ],
            }
            for row in matrix.rows
        ],
    }
    return json.dumps(data, indent=1, allow_nan=False)


def matrix_markdown(matrix: Matrix, invocation: Invocation) -> str:
    """Return the grid as Markdown, with the classes of equal bits and what did not pass."""
    lines = markdown_table(grid(matrix, invocation))
    lines += ["", f"{_plain(same_bits(matrix))}.", *(f"\n{_plain(line)}." for line in operator_lines(matrix))]
    failed = [
        f"- {verdict}: {code(name)}, {_plain(pair)}: {escaped(reason)}"
        for verdict, name, pair, reason in failures(matrix, invocation)
    ]
    lines += ["", *failed] if failed else []
    lines += ["", f"{_counts(matrix)}; {cost(matrix)}."]
    return "\n".join(lines) + "\n"


def comparison_json(comparison: Comparison, invocation: Invocation) -> dict[str, Any]:
    """Return a comparison as JSON values, its remedy spelled out in its reasons."""
    data = to_json(comparison)
    del data["remedy"]
    differences = list(map(difference_text, comparison.differences))
    return {**data, "differences": differences, "reasons": reason_texts(comparison, invocation)}


def cell_words(comparison: Comparison) -> str:
    """Return a comparison in a few words: the verdict, the size of the difference, the share of its limit."""
    parts: list[str] = [comparison.verdict.value]
    if comparison.verdict not in (Verdict.IDENTICAL, Verdict.ERROR):
        if comparison.relative_l2 is not None:
            parts.append(figure(comparison.relative_l2, 2))
        if comparison.share is not None and comparison.share < float("inf"):
            parts.append(part_of_limit(comparison.share))
    return " ".join(parts)


def grid(matrix: Matrix, invocation: Invocation) -> Table:
    """Return how each case compares, in each environment, with the environment before it."""
    places = range(len(matrix.columns))
    rows = [
        [Cell(row.name, name=True), *(_cell(row, index, invocation) for index in places)]
        for row in matrix.rows
    ]
    return Table(("case", *matrix.names), rows)


def _cell(row: MatrixRow, index: int, invocation: Invocation) -> Cell:
    if (error := row.errors[index]) is not None:
        return Cell("error", tone="error", hint=in_short(text_of(error)))
    step = row.step(index)
    if step is None or row.errors[index - 1] is not None:
        return Cell("ran", tone="soft")
    return comparison_cell(step, invocation)


def comparison_cell(comparison: Comparison, invocation: Invocation) -> Cell:
    """Return a comparison as a table cell."""
    verdict, _, size = cell_words(comparison).partition(" ")
    why = "; ".join((*reason_texts(comparison, invocation), *map(difference_text, comparison.differences)))
    return Cell(verdict, size, comparison.verdict.value, hint=why)


def _counts(matrix: Matrix) -> str:
    counts = ", ".join(f"{number} {verdict}" for verdict, number in matrix.verdicts().items() if number)
    pairs = sum(len(row.pairs) for row in matrix.rows)
    return f"{count(pairs, 'pair')} compared: {counts}" if pairs else "nothing was compared"


def _plain(text: str) -> str:
    """Return one line without markup; versions and our own words need no escaping."""
    return text if re.fullmatch(r"[\w.,:;=→ ()#+/-]+( \| [\w.,:;= #+-]+)*", text) else escaped(text)
