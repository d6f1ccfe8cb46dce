"""Annotations of GitHub Actions: lines on stdout that GitHub shows beside the lines of a file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from harness.foreign_text import printable
from harness.reporting.case_report import CaseReport, not_passed
from harness.reporting.causes import cause_line
from harness.reporting.figures import worst_figure

# GitHub accepts 64 KB, and folds anything longer than a few lines.
_MOST_CHARACTERS = 2000
# The form of the message for a suite that cannot be read.
_PLACE = re.compile(r"^(?P<file>.+?):(?P<line>\d+):(?P<column>\d+): (?P<text>.+)$")


def error_annotations(
    outcomes: Sequence[CaseReport], problems: Iterable[tuple[str, str]] = (), *, root: Path | None = None
) -> Iterator[str]:
    """Yield one line for each case that did not pass, and for each problem that kept cases from running.

    ``::error``, or ``::warning`` for a strict case that is skipped outside the environment of its baseline.

    Files are named relative to ``root``, the repository: the current folder by default. The syntax and the
    escaping follow GitHub's "Workflow commands" and of ``@actions/core``.
    """
    root = (root or Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd())).resolve()
    for where, text in problems:
        yield from _problem_lines(where, text, root)
    # GitHub shows only the first ten of a step.
    for outcome in not_passed(outcomes):
        yield _annotation(
            _message(outcome),
            file=_relative(outcome.path, root),
            line=str(outcome.line),
            col=str(outcome.column),
            title=f"{outcome.name}: {outcome.judgement.verdict.value}",
            level="warning" if outcome.judgement.elsewhere else "error",
        )


def _message(outcome: CaseReport) -> str:
    figure = worst_figure(outcome.judgement)
    worst = [f"worst: {figure}"] if figure else []
    typed = [command for _, command in outcome.commands.fitting(outcome.judgement)]
    return "\n".join([*outcome.reasons, *worst, *map(cause_line, outcome.causes), *typed])


def _problem_lines(where: str, text: str, root: Path) -> Iterator[str]:
    """Yield an annotation for each place that the text names, or a single one if it names none."""
    places = [found for line in text.splitlines() if (found := _PLACE.match(line.strip()))]
    for place in places:
        file = _relative(str(Path(place["file"]).absolute()), root)
        title = f"{file}: cannot be read"
        yield _annotation(place["text"], file=file, line=place["line"], col=place["column"], title=title)
    if not places:
        yield _annotation(text, title=f"{where}: not judged")


def _annotation(message: str, *, level: str = "error", **properties: str) -> str:
    escaped = {name: _data(text).replace(":", "%3A").replace(",", "%2C") for name, text in properties.items()}
    place = ",".join(f"{name}={text}" for name, text in escaped.items())
    shown = message if len(message) <= _MOST_CHARACTERS else message[: _MOST_CHARACTERS - 1] + "…"
    return f"::{level} {place}::{_data(shown)}"


def _data(text: str) -> str:
    # Some readers of stdout also end lines at characters other than \n.
    text = printable(text, "\r\n\t")
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _relative(path: str, root: Path) -> str:
    try:
        return str(Path(path).resolve().relative_to(root))
    except (ValueError, OSError):
        return path
