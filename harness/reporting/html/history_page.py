"""The history as a page: one file that loads nothing and runs nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from html import escape

import harness
from harness.counting import count
from harness.history.history_record import RunRecord
from harness.history.trends import BITS, Point, Series, Trend
from harness.reporting.causes import stored_cause
from harness.reporting.figures import figure
from harness.reporting.history_report import chosen, headline, latest, letters, step_lines
from harness.reporting.html.document import static_page
from harness.reporting.html.history_chart import chart, ribbon
from harness.reporting.html.tables import table_html
from harness.reporting.tables import Cell, Table

# Of a case in its table: the newest, and those at which a step began.
_MOST_RUNS = 60
_RUN_HEADER = ("run", "date", "verdict", "margin", "worst figure", "bits", "MindSpore", "commit", "by", "")


def history_page(runs: Sequence[RunRecord], found: Sequence[Trend]) -> str:
    """Return the page: what changed, then each case's verdicts, figures and runs.

    All text is escaped.
    """
    cases = [line for number, trend in enumerate(found) for line in _case(number, trend)]
    body = (*_summary(runs, found), *_index(found), "<main>", *cases, "</main>")
    return static_page("harness history", body, "history.css")


def _summary(runs: Sequence[RunRecord], found: Sequence[Trend]) -> Iterator[str]:
    date = datetime.now(timezone.utc).isoformat(timespec="seconds")
    yield f"<header><h1>{escape(headline(runs, found))}</h1>"
    if runs:
        yield f'<p class="soft">{escape(runs[0].date)} to {escape(runs[-1].date)}. '
        yield f"harness {escape(harness.__version__)}, {date}</p>"
    yield "</header>"


def _index(found: Sequence[Trend]) -> Iterator[str]:
    rows = []
    # Those with steps first: what one looks for.
    for number, trend in sorted(enumerate(found), key=lambda item: (not item[1].steps, item[0])):
        link = Cell(markup=f'<a href="#case-{number}">{escape(trend.title)}</a>', name=True)
        verdict = trend.points[-1].record.verdict
        drawn, told = Cell(markup=ribbon(trend)), Cell(markup=_told(trend))
        rows.append([link, Cell(verdict, tone=verdict), drawn, told])
    yield '<nav aria-label="Cases"><section><h2>What changed</h2>'
    yield from table_html(Table(("case", "newest", "verdicts", "what changed"), rows))
    yield "</section></nav>"


def _told(trend: Trend) -> str:
    lines = "".join(f"<p>{escape(line)}</p>" for line in step_lines(trend))
    return lines or '<span class="soft">nothing</span>'


def _case(number: int, trend: Trend) -> Iterator[str]:
    verdict = escape(trend.points[-1].record.verdict)
    yield f'<section class="case" id="case-{number}" aria-labelledby="name-{number}">'
    yield f'<h2 id="name-{number}"><code>{escape(trend.title)}</code> '
    yield f'<b class="v-{verdict}">{verdict}</b></h2>'
    yield f'<div class="told">{_told(trend)}</div>'
    first = [series for series in chosen(trend) if series.figure != BITS]
    yield from _charts(trend, first)
    rest = [each for each in trend.series if each.values and each.figure != BITS and each not in first]
    if rest:
        yield f"<details><summary>{count(len(rest), 'more figure')}</summary>"
        yield from _charts(trend, rest)
        yield "</details>"
    of_all = f"{_MOST_RUNS} of " if len(trend.points) > _MOST_RUNS else ""
    yield f"<details><summary>{of_all}{count(len(trend.points), 'run')}</summary>"
    yield from table_html(Table(_RUN_HEADER, list(_runs(trend))))
    yield "</details></section>"


def _charts(trend: Trend, shown: Sequence[Series]) -> Iterator[str]:
    yield '<div class="charts">'
    for series in shown:
        stepped = ' class="stepped"' if series.found.steps else ""
        named = f"{escape(series.figure)} <span>{escape(latest(series))}</span>"
        yield f"<figure{stepped}><figcaption>{named}</figcaption>{chart(trend, series)}</figure>"
    yield "</div>"


def _runs(trend: Trend) -> Iterator[list[Cell | str]]:
    bits = next(series for series in trend.series if series.figure == BITS)
    named = dict(zip(bits.places, letters(bits.values), strict=True))
    stepped = {step.point.run.number for step in trend.steps}
    for place, point in reversed(list(enumerate(trend.points))):
        if place >= len(trend.points) - _MOST_RUNS or point.run.number in stepped:
            yield _row(point, named.get(place, ""))


def _row(point: Point, bits: str) -> list[Cell | str]:
    record, run = point.record, point.run
    return [
        str(run.number),
        run.date,
        Cell(record.verdict, tone=record.verdict),
        figure(record.margin),
        "" if record.worst is None else f"{record.worst} {figure(record.measured)}",
        bits,
        record.environment.get("mindspore", ""),
        "" if run.git_commit is None else run.git_commit.short,
        run.door,
        "; ".join(filter(None, (stored_cause(record.first_cause), run.ended))),
    ]
