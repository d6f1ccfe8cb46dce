"""`harness doctor --mindone`: which pipeline classes run, in the terminal, as JSON and as Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict

from rich.console import Console
from rich.text import Text

from harness.execution.coverage import Coverage, Outcome, Row
from harness.reporting.tables import print_table

_COLOURS: dict[Outcome, str] = {"runs": "green", "kernel": "yellow", "package": "yellow", "unknown": "dim"}
_HEADER = ("pipeline", "result", "output", "same bits twice", "kernels of harness")


class CoverageProgress:
    """Tells on a terminal which class was tried last; use as a context manager."""

    def __init__(self, console: Console) -> None:
        self._status = console.status("starting a worker")

    def __enter__(self) -> CoverageProgress:
        self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def show(self, row: Row) -> None:
        """Show ``row`` as the last one tried."""
        self._status.update(Text(f"{row.name}: {_result(row)}"))


def show_coverage(console: Console, coverage: Coverage) -> None:
    """Show a line for each class that was tried, then those without a small configuration, then the count."""
    rows: list[list[str | Text]] = []
    for row in _tried(coverage):
        name, result, *rest = _cells(row)
        rows.append([name, Text(result, _COLOURS.get(row.outcome, "red")), *rest])
    if rows:
        print_table(console, rows, header=_HEADER)
    unknown = _unknown(coverage)
    if unknown:
        console.print(Text(f"no small configuration known: {', '.join(unknown)}"), soft_wrap=True)
    console.print(Text(_summary(coverage), "bold"), soft_wrap=True)


def coverage_json(coverage: Coverage) -> str:
    """Return the coverage as JSON, rows in the order they were tried."""
    return json.dumps(asdict(coverage), indent=2)


def coverage_markdown(coverage: Coverage) -> str:
    """Return the coverage as a table for the documentation, without a newline at its end."""
    lines = [_summary(coverage), "", _line(_HEADER), _line("---" for _ in _HEADER)]
    lines += [_line(_cells(row)) for row in _tried(coverage)]
    unknown = _unknown(coverage)
    if unknown:
        names = ", ".join(f"`{name}`" for name in unknown)
        lines += ["", f"No small configuration known ({len(unknown)}): {names}."]
    return "\n".join(lines)


def _summary(coverage: Coverage) -> str:
    tried = len(_tried(coverage))
    # The hash of mindone's code is for the JSON: it tells an edited mindone, not what runs.
    return (
        f"{coverage.count('runs')} of {tried} pipeline classes run on {coverage.device} "
        f"(MindSpore {coverage.mindspore}, mindone {coverage.mindone.partition(' ')[0]})"
    )


def _tried(coverage: Coverage) -> list[Row]:
    return [row for row in coverage.rows if row.outcome != "unknown"]


def _unknown(coverage: Coverage) -> list[str]:
    return [row.name for row in coverage.rows if row.outcome == "unknown"]


def _cells(row: Row) -> tuple[str, ...]:
    if row.outcome != "runs":
        return row.name, _result(row), "", "", ""
    repeats = "yes" if row.repeats else "no"
    return row.name, _result(row), " x ".join(map(str, row.shape)), repeats, str(len(row.kernels))


def _result(row: Row) -> str:
    return {
        "runs": "runs",
        "kernel": f"needs kernel {row.detail}",
        "package": f"needs package {row.detail}",
    }.get(row.outcome, f"{row.outcome}: {row.detail}")


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
