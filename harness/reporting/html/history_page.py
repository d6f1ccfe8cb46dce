"""The history as a page: one file that loads nothing and runs nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from html import escape

import harness
from harness.counting import count
from harness.history.history_record import RunRecord
from harness.history.trends import BITS, MARGIN, Point, Series, Trend
from harness.reporting.causes import stored_cause
from harness.reporting.figures import exact_figure, figure
from harness.reporting.history_report import chosen, headline, letters, step_lines
from harness.reporting.html.document import static_page
from harness.reporting.html.history_chart import chart, ribbon

# The tables and the palette are those of the matrix.
_STYLES = ("matrix.css", "history.css")
# Of a case in its table: the newest, and those at which a step began.
_MOST_RUNS = 60


def history_page(runs: Sequence[RunRecord], found: Sequence[Trend]) -> str:
    """Return the page: what changed, then each case's verdicts, figures and runs.

    All text is escaped.
    """
    body = (
        *_summary(runs, found),
        *_index(found),
        "<main>",
        *(line for number, trend in enumerate(found) for line in _case(number, trend)),
        "</main>",
    )
    return static_page("harness history", _STYLES, body)


def _summary(runs: Sequence[RunRecord], found: Sequence[Trend]) -> Iterator[str]:
    date = datetime.now(timezone.utc).isoformat(timespec="seconds")
    yield f"<header><h1>{escape(headline(runs, found))}</h1>"
    if runs:
        yield f'<p class="soft">{escape(runs[0].date)} to {escape(runs[-1].date)}. '
        yield f"harness {escape(harness.__version__)}, {date}</p>"
    yield "</header>"


def _index(found: Sequence[Trend]) -> Iterator[str]:
    yield '<nav aria-label="Cases"><section><h2>What changed</h2><div class="wide"><table>'
    yield '<thead><tr><th scope="col">case</th><th scope="col">newest</th><th scope="col">verdicts</th>'
    yield '<th scope="col">what changed</th></tr></thead><tbody>'
    # Those with steps first: what one looks for.
    for number, trend in sorted(enumerate(found), key=lambda item: (not item[1].steps, item[0])):
        verdict = escape(trend.points[-1].record.verdict)
        yield f'<tr><th scope="row"><a href="#case-{number}"><code>{escape(trend.title)}</code></a></th>'
        yield f'<td class="v-{verdict}">{verdict}</td><td>{ribbon(trend)}</td><td>{_told(trend)}</td></tr>'
    yield "</tbody></table></div></section></nav>"


def _told(trend: Trend) -> str:
    return (
        "".join(f"<p>{escape(line)}</p>" for line in step_lines(trend)) or '<span class="soft">nothing</span>'
    )


def _case(number: int, trend: Trend) -> Iterator[str]:
    verdict = escape(trend.points[-1].record.verdict)
    yield f'<section class="case" id="case-{number}" aria-labelledby="name-{number}">'
    yield f'<h2 id="name-{number}"><code>{escape(trend.title)}</code> '
    yield f'<b class="v-{verdict}">{verdict}</b></h2>'
    yield f'<div class="told">{_told(trend)}</div>'
    first = [series for series in chosen(trend) if series.figure != BITS]
    yield from _charts(trend, first)
    shown = {series.figure for series in first}
    rest = [each for each in trend.series if each.values and each.figure not in {*shown, BITS}]
    if rest:
        yield f"<details><summary>{len(rest)} more figure{'s' * (len(rest) > 1)}</summary>"
        yield from _charts(trend, rest)
        yield "</details>"
    runs = count(len(trend.points), "run")
    of_all = f"{_MOST_RUNS} of " if len(trend.points) > _MOST_RUNS else ""
    yield f"<details><summary>{of_all}{runs}</summary>"
    yield from _runs(trend)
    yield "</details></section>"


def _charts(trend: Trend, shown: Sequence[Series]) -> Iterator[str]:
    yield '<div class="charts">'
    for series in shown:
        last = series.values[-1]
        text = figure(last) if series.figure == MARGIN else exact_figure(last)
        stepped = ' class="stepped"' if series.found.steps else ""
        yield f"<figure{stepped}><figcaption>{escape(series.figure)} <span>{escape(text)}</span></figcaption>"
        yield f"{chart(trend, series)}</figure>"
    yield "</div>"


def _runs(trend: Trend) -> Iterator[str]:
    heads = ("run", "date", "verdict", "margin", "worst figure", "bits", "MindSpore", "commit", "by", "")
    yield '<div class="wide"><table><thead><tr>'
    yield "".join(f'<th scope="col">{head}</th>' for head in heads)
    yield "</tr></thead><tbody>"
    bits = next(series for series in trend.series if series.figure == BITS)
    named = dict(zip(bits.places, letters(bits.values), strict=True))
    stepped = {step.point.run.number for step in trend.steps}
    for place, point in reversed(list(enumerate(trend.points))):
        if place < len(trend.points) - _MOST_RUNS and point.run.number not in stepped:
            continue
        mark = ' class="differs"' if point.run.number in stepped else ""
        cells = "".join(
            f"<td{kind}>{escape(text)}</td>" for kind, text in _cells(point, named.get(place, ""))
        )
        yield f'<tr{mark}><th scope="row">{point.run.number}</th>{cells}</tr>'
    yield "</tbody></table></div>"


def _cells(point: Point, bits: str) -> Iterator[tuple[str, str]]:
    record, run = point.record, point.run
    yield "", run.date
    yield f' class="v-{escape(record.verdict)}"', record.verdict
    yield "", figure(record.margin)
    yield "", "" if record.worst is None else f"{record.worst} {figure(record.measured)}"
    yield "", bits
    yield "", record.environment.get("mindspore", "")
    yield "", "" if run.git_commit is None else run.git_commit.short
    yield "", run.door
    yield "", "; ".join(filter(None, (stored_cause(record.first_cause), run.ended)))
