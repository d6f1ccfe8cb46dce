"""`harness history`: figures over runs, in the terminal, as Markdown and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

import harness
from harness.codec import to_json
from harness.counting import count
from harness.history.history_record import RunRecord
from harness.history.repeats import repeats
from harness.history.trends import BITS, MARGIN, Change, Point, Series, Trend
from harness.judgement.judgement import Verdict
from harness.operations.history_run import Appended
from harness.reporting.figures import figure, heights, part_of_limit, some
from harness.reporting.markdown import escaped, markdown_table
from harness.reporting.proof import bound_text
from harness.reporting.tables import Cell, Table, show, show_table, toned

FORMAT, VERSION = "harness-history", 1
_BARS = "▁▂▃▄▅▆▇█"
# For a case in which no figure has a step: the figures shown, and the most that are shown.
_ALWAYS, _MOST_FIGURES = (MARGIN, "abs_sum", "mean", "std"), 8
# The most changes, and the most names of figures, in a line about a run.
_MOST_CHANGES, _MOST_NAMES = 3, 4
_LASTS = "; the next run shows whether it lasts"
# How many of the newest runs fit next to the other columns of a terminal.
_MOST_RUNS = 60
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# In the order of the verdicts: identical, within, drift, incomparable, error.
_SIGNS = dict(zip((verdict.value for verdict in Verdict), "=~!?x", strict=True))


def appended_text(appended: Appended) -> str:
    """Say which runs were appended to which history."""
    if not appended.numbers:
        return f"history: {appended.path}: no case ran, so nothing was added"
    return f"history: {appended.path} ({runs_text(appended.numbers[0], appended.numbers[-1])})"


def runs_text(first: int, last: int) -> str:
    """Return the name of the runs from ``first`` to ``last``."""
    return f"run {first}" if first == last else f"runs {first} to {last}"


def show_history(console: Console, runs: Sequence[RunRecord], found: Sequence[Trend]) -> None:
    """Show each case: its verdicts, its figures as rows of bars, and its steps; then a one-line summary."""
    for trend in found:
        first, last = trend.points[0].run, trend.points[-1].run
        dates = " to ".join([run.date[:10] for run in ((first,) if first is last else (first, last))])
        span = f"{runs_text(first.number, last.number)} ({dates})"
        show(console, Text.assemble((trend.title, "bold"), f"  {span}"))
        show_table(console, Table((), list(_figures(trend))), indent="  ")
        show(console, *(f"  {line}" for line in [*step_lines(trend), *repeats_lines(trend)]), "")
    show(console, Text(headline(runs, found), "bold"))
    if found:
        signs = ", ".join(f"{sign} {verdict}" for verdict, sign in _SIGNS.items())
        show(console, Text(f"verdicts: {signs}; equal letters mean equal bits", "dim"))


def headline(runs: Sequence[RunRecord], found: Sequence[Trend]) -> str:
    """Return the number of runs, of cases, and of cases that have steps."""
    stepped = len({trend.name for trend in found if trend.steps})
    cases = count(len({trend.name for trend in found}), "case")
    of_them = f"{stepped} with a lasting change" if stepped else "no lasting change"
    return f"{count(len(runs), 'run')}, {cases}: {of_them}"


def repeats_lines(trend: Trend) -> Iterator[str]:
    """Yield what the runs prove of how often the case repeats, if they prove anything."""
    if (runs := repeats(trend)).runs > 1:
        yield f"{count(runs.runs, 'run')} in the baseline's environment, like the newest: {bound_text(runs)}"


def step_lines(trend: Trend) -> Iterator[str]:
    """Yield the lines about a case: its steps, its outliers, and what is new in the newest run."""
    for step in trend.steps:
        figures = [change_text(change) for change in step.changes if change.figure != BITS]
        if len(figures) > _MOST_CHANGES:
            figures[_MOST_CHANGES:] = [f"and {count(len(figures) - _MOST_CHANGES, 'more figure')}"]
        changes = "; ".join(figures) or "different bits with the same statistics"
        yield f"step at {_where(step.point)}: {changes}"
        known = ", ".join(step.surroundings) or "nothing on record"
        yield f"  changed since run {step.before.run.number}: {known}"
    for point, names in trend.outliers:
        yield f"only at {_where(point)}: {some(names, _MOST_NAMES)}{_chance(point)}"
    for point, names in trend.latest:
        yield f"new at {_where(point)}: {some(names, _MOST_NAMES)}{_chance(point) or _LASTS}"


def _chance(point: Point) -> str:
    return "; the case does not repeat" if point.record.unrepeated else ""


def change_text(change: Change) -> str:
    """Return a change with as many digits as it takes to see it, and its size relative to the level."""
    old, new = change.before, change.after
    texts = ((figure(old, digits), figure(new, digits)) for digits in range(3, 17))
    before, after = next((pair for pair in texts if pair[0] != pair[1]), (repr(old), repr(new)))
    sized = math.isfinite(change.relative) and change.figure != MARGIN
    size = f" ({figure(change.relative, 2)})" if sized else ""
    return f"{change.figure} {before} -> {after}{size}"


def _where(point: Point) -> str:
    return f"run {point.run.number} ({point.run.date})"


def _figures(trend: Trend) -> Iterator[list[Text | str]]:
    verdicts = [point.record.verdict for point in trend.points]
    signs = [toned(_SIGNS.get(each, "?"), each) for each in verdicts[-_MOST_RUNS:]]
    yield ["verdict", Text.assemble(*signs), verdicts[-1]]
    for series in chosen(trend):
        newest = series.values[-_MOST_RUNS:]
        if series.figure == BITS:
            yield [BITS, letters(newest), ""]
        else:
            yield [series.figure, sparkline(newest), latest(series)]


def chosen(trend: Trend) -> list[Series]:
    """Return the series to show first: those with steps, and the most general ones."""
    known = {series.figure: series for series in trend.series if series.values}
    changed = dict.fromkeys(change.figure for step in trend.steps for change in step.changes)
    stepped = [name for name in changed if name != BITS]
    always = [name for name in _ALWAYS if name in known]
    names = dict.fromkeys([*always[:1], *stepped[: _MOST_FIGURES - len(always) - 1], *always, BITS])
    return [known[name] for name in names if name in known]


def latest(series: Series) -> str:
    """Return the newest value of a series."""
    last = series.values[-1]
    return part_of_limit(last) if series.figure == MARGIN else repr(last)


def sparkline(values: Sequence[float]) -> str:
    """Return one bar per value, scaled from the lowest to the highest; a cross for one that is not finite."""
    last = len(_BARS) - 1
    return "".join(
        "x" if height is None else _BARS[min(int(height * len(_BARS)), last)] for height in heights(values, 0)
    )


def letters(classes: Sequence[float]) -> str:
    """Return one letter per value: equal letters for equal values, in order of first appearance."""
    seen = {value: _LETTERS[n % len(_LETTERS)] for n, value in enumerate(dict.fromkeys(classes))}
    return "".join(seen[value] for value in classes)


def history_markdown(runs: Sequence[RunRecord], found: Sequence[Trend]) -> str:
    """Return the steps, and the newest verdict and margin of each case, as Markdown."""
    lines = [f"### harness history: {escaped(headline(runs, found))}", ""]
    if found:
        header = ("case", "runs", "verdict", "margin", "what changed")
        lines += markdown_table(Table(header, list(map(_row, found)), right=[1]))
    return "\n".join(lines) + "\n"


def _row(trend: Trend) -> list[Cell | str]:
    record = trend.points[-1].record
    margins = next(series for series in trend.series if series.figure == MARGIN)
    margin = f"{sparkline(margins.values[-_MOST_RUNS:])} {part_of_limit(record.margin)}".strip()
    news = Cell(below=[line.strip() for line in step_lines(trend)])
    return [Cell(trend.title, name=True), str(len(trend.points)), record.verdict, margin, news]


def history_json(runs: Sequence[RunRecord], found: Sequence[Trend]) -> str:
    """Return runs, series and steps as JSON; NaN and Inf are the texts ``nan``, ``inf`` and ``-inf``."""
    data = {
        "format": FORMAT,
        "version": VERSION,
        "harness": harness.__version__,
        "runs": [
            {**vars(run), "git_commit": run.git_commit and str(run.git_commit), "cases": len(run.cases)}
            for run in runs
        ],
        "cases": list(map(_case, found)),
    }
    return json.dumps(to_json(data), indent=1, allow_nan=False) + "\n"


def _case(trend: Trend) -> dict[str, Any]:
    numbers = [point.run.number for point in trend.points]
    records = [point.record for point in trend.points]
    return {
        "suite": trend.suite,
        "case": trend.case_id,
        "subject": trend.subject,
        "runs": numbers,
        "verdicts": [record.verdict for record in records],
        "environments": [record.environment for record in records],
        "outputs": [record.output_sha256 for record in records],
        "series": {
            series.figure: {"runs": [numbers[place] for place in series.places], "values": series.values}
            for series in trend.series
            if series.figure != BITS
        },
        "steps": [
            {
                "run": step.point.run.number,
                "date": step.point.run.date,
                "commit": step.point.run.git_commit and str(step.point.run.git_commit),
                "after_run": step.before.run.number,
                "changes": step.changes,
                "surroundings": step.surroundings,
            }
            for step in trend.steps
        ],
        "alone": [{"run": point.run.number, "figures": names} for point, names in trend.outliers],
        "new": [{"run": point.run.number, "figures": names} for point, names in trend.latest],
        "repeats": repeats(trend),
    }
