"""`harness history`: figures over runs, in the terminal, as Markdown and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

import harness
from harness.baselines.git import Commit
from harness.codec import to_json
from harness.history.history_record import RunRecord
from harness.history.trends import BITS, MARGIN, Change, Point, Series, Step, Trend
from harness.judgement.judgement import Verdict
from harness.operations.history_run import Appended
from harness.reporting.figures import figure
from harness.reporting.markdown import escaped
from harness.reporting.tables import print_table

FORMAT, VERSION = "harness-history", 1
_BARS = "▁▂▃▄▅▆▇█"
# Of a case: the figures that are shown where none of them has a step, and how many are shown at most.
_ALWAYS, _MOST_FIGURES = (MARGIN, "abs_sum", "mean", "std"), 8
# As many of the newest runs as fit beside the other columns of a terminal.
_MOST_RUNS = 60
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SIGNS = {
    Verdict.IDENTICAL.value: ("=", "green"),
    Verdict.WITHIN.value: ("~", "cyan"),
    Verdict.DRIFT.value: ("!", "red"),
    Verdict.INCOMPARABLE.value: ("?", "yellow"),
    Verdict.ERROR.value: ("x", "red"),
}


def appended_text(appended: Appended) -> str:
    """Return which runs were appended to which history."""
    numbers = appended.numbers
    if not numbers:
        return f"history: {appended.path}: no case ran, nothing was added"
    runs = f"run {numbers[0]}" if len(numbers) == 1 else f"runs {numbers[0]} to {numbers[-1]}"
    return f"history: {appended.path} ({runs})"


def show_history(console: Console, runs: Sequence[RunRecord], found: Sequence[Trend]) -> None:
    """Show each case: its verdicts, its figures as lines of bars, and its steps; then all in one line."""
    for trend in found:
        console.print(Text.assemble((trend.title, "bold"), f"  {_span(trend)}"), soft_wrap=True)
        print_table(console, list(_figures(trend)), indent="  ")
        for line in step_lines(trend):
            console.print(Text(f"  {line}"), soft_wrap=True)
        console.print()
    console.print(Text(headline(runs, found), "bold"), soft_wrap=True)
    if found:
        signs = ", ".join(f"{sign} {verdict}" for verdict, (sign, _) in _SIGNS.items())
        console.print(Text(f"verdicts: {signs}; equal letters are equal bits", "dim"), soft_wrap=True)


def headline(runs: Sequence[RunRecord], found: Sequence[Trend]) -> str:
    """Return how many runs and cases there are, and how many of the cases have steps."""
    stepped = len({trend.name for trend in found if trend.steps})
    names = len({trend.name for trend in found})
    cases = f"{names} case{'' if names == 1 else 's'}"
    of_them = f"{stepped} with a lasting change" if stepped else "no lasting change"
    return f"{len(runs)} run{'' if len(runs) == 1 else 's'}, {cases}: {of_them}"


def step_lines(trend: Trend) -> Iterator[str]:
    """Yield what is to be told of a case: its steps, what stood alone, what the newest run began."""
    for step in trend.steps:
        yield f"step at {_where(step.point)}: {changes_text(step)}"
        yield f"  changed since run {step.before.run.number}: {surroundings_text(step)}"
    for point, figures in trend.outliers:
        yield f"alone at {_where(point)}: {_named(figures)}"
    for point, figures in trend.latest:
        yield f"new at {_where(point)}: {_named(figures)}; a step, or alone: the next run tells"


def changes_text(step: Step, most: int = 3) -> str:
    """Return which figures changed from what to what, those that changed most."""
    figures = [change for change in step.changes if change.figure != BITS]
    if not figures:
        return "other bits, of the same statistics"
    shown = "; ".join(map(change_text, figures[:most]))
    more = len(figures) - most
    return shown + (f"; and {more} more figure{'' if more == 1 else 's'}" if more > 0 else "")


def change_text(change: Change) -> str:
    """Return a change in as many digits as it takes to see it, with its size beside the level's."""
    before, after = _apart(change.before, change.after)
    size = (
        "" if not math.isfinite(change.relative) or change.figure == MARGIN else f" ({change.relative:.1e})"
    )
    return f"{change.figure} {before} -> {after}{size}"


def surroundings_text(step: Step) -> str:
    """Return what else changed where a step begins."""
    return ", ".join(step.surroundings) or "nothing that is on record"


def _apart(before: float, after: float) -> tuple[str, str]:
    """Return both numbers in the fewest digits, three or more, that tell them apart."""
    for digits in range(3, 17):
        texts = f"{before:.{digits}g}", f"{after:.{digits}g}"
        if texts[0] != texts[1]:
            return texts
    return repr(before), repr(after)


def _where(point: Point) -> str:
    return f"run {point.run.number} ({point.run.date})"


def _named(figures: Sequence[str], most: int = 4) -> str:
    more = len(figures) - most
    return ", ".join(figures[:most]) + (f" and {more} more" if more > 0 else "")


def _span(trend: Trend) -> str:
    first, last = trend.points[0].run, trend.points[-1].run
    if first is last:
        return f"run {first.number} ({first.date[:10]})"
    return f"runs {first.number} to {last.number} ({first.date[:10]} to {last.date[:10]})"


def _figures(trend: Trend) -> Iterator[list[str | Text]]:
    verdicts = Text()
    for point in trend.points[-_MOST_RUNS:]:
        verdicts.append(*_SIGNS.get(point.record.verdict, ("?", "")))
    yield ["verdict", verdicts, trend.points[-1].record.verdict]
    for series in chosen(trend):
        if series.figure == BITS:
            yield [BITS, letters(series.values[-_MOST_RUNS:]), ""]
            continue
        yield [series.figure, sparkline(series.values[-_MOST_RUNS:]), _latest(series)]


def chosen(trend: Trend, most: int = _MOST_FIGURES) -> list[Series]:
    """Return the series to show first: those with steps, and the most general ones."""
    known = {series.figure: series for series in trend.series if series.values}
    changed = dict.fromkeys(change.figure for step in trend.steps for change in step.changes)
    stepped = [name for name in changed if name != BITS]
    always = [name for name in _ALWAYS if name in known]
    names = list(dict.fromkeys([*always[:1], *stepped[: max(most - len(always) - 1, 0)], *always, BITS]))
    return [known[name] for name in names if name in known]


def _latest(series: Series) -> str:
    last = series.values[-1]
    return figure(last) if series.figure == MARGIN else repr(last)


def sparkline(values: Sequence[float]) -> str:
    """Return one bar per value, from the lowest to the highest of them; a cross for what is not finite."""
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)

    def bar(value: float) -> str:
        if not math.isfinite(value):
            return "x"
        if low == high:
            return _BARS[0]
        # Halves: the distance of the largest numbers there are overflows.
        part = (value / 2 - low / 2) / (high / 2 - low / 2)
        return _BARS[min(int(part * len(_BARS)), len(_BARS) - 1)]

    return "".join(map(bar, values))


def letters(classes: Sequence[float]) -> str:
    """Return one letter per value, equal ones for equal values, in the order in which they come."""
    seen: dict[float, str] = {}
    for value in classes:
        seen.setdefault(value, _LETTERS[len(seen) % len(_LETTERS)])
    return "".join(seen[value] for value in classes)


def history_markdown(runs: Sequence[RunRecord], found: Sequence[Trend]) -> str:
    """Return the steps, and the newest verdict and margin of each case, as Markdown."""
    lines = [f"### harness history: {escaped(headline(runs, found))}", ""]
    if found:
        lines += ["| case | runs | verdict | margin | what changed |", "|---|--:|---|---|---|"]
    for trend in found:
        record = trend.points[-1].record
        told = "<br>".join(escaped(line.strip()) for line in step_lines(trend))
        name = f"<code>{escaped(trend.title)}</code>"
        margins = next(series for series in trend.series if series.figure == MARGIN)
        margin = f"{sparkline(margins.values[-_MOST_RUNS:])} {figure(record.margin)}".strip()
        lines.append(f"| {name} | {len(trend.points)} | {record.verdict} | {escaped(margin)} | {told} |")
    return "\n".join(lines) + "\n"


def history_json(runs: Sequence[RunRecord], found: Sequence[Trend]) -> str:
    """Return runs, series and steps as JSON; NaN and Inf are the texts ``nan``, ``inf`` and ``-inf``."""
    data = {
        "format": FORMAT,
        "version": VERSION,
        "harness": harness.__version__,
        "runs": [
            {
                "number": run.number,
                "date": run.date,
                "harness": run.harness,
                "door": run.door,
                "subject": run.subject,
                "git_commit": _text(run.git_commit),
                "ended": run.ended,
                "cases": len(run.cases),
            }
            for run in runs
        ],
        "cases": [_case(trend) for trend in found],
    }
    return json.dumps(data, indent=1, allow_nan=False) + "\n"


def _text(commit: Commit | None) -> str | None:
    return None if commit is None else str(commit)


def _case(trend: Trend) -> dict[str, Any]:
    return {
        "suite": trend.suite,
        "case": trend.case_id,
        "subject": trend.subject,
        "runs": [point.run.number for point in trend.points],
        "verdicts": [point.record.verdict for point in trend.points],
        "environments": [dict(point.record.environment) for point in trend.points],
        "outputs": [point.record.output_sha256 for point in trend.points],
        "series": {
            series.figure: {
                "runs": [trend.points[place].run.number for place in series.places],
                "values": to_json(series.values),
            }
            for series in trend.series
            if series.figure != BITS
        },
        "steps": [
            {
                "run": step.point.run.number,
                "date": step.point.run.date,
                "commit": _text(step.point.run.git_commit),
                "after_run": step.before.run.number,
                "changes": [
                    {"figure": each.figure, "before": to_json(each.before), "after": to_json(each.after)}
                    for each in step.changes
                ],
                "surroundings": list(step.surroundings),
            }
            for step in trend.steps
        ],
        "alone": [{"run": point.run.number, "figures": list(names)} for point, names in trend.outliers],
        "new": [{"run": point.run.number, "figures": list(names)} for point, names in trend.latest],
    }
