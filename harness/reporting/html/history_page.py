"""The history as a page: one file that loads nothing and runs nothing.

A chart is SVG embedded in the page. It stretches to the available width while lines and points keep their
thickness, and all text is outside it, so it is as legible on a phone. Colours come from the page's style.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import groupby, pairwise

from harness.counting import count
from harness.history.history_record import RunRecord
from harness.history.trends import BITS, Point, Series, Trend, differing_fields
from harness.judgement.judgement import Verdict
from harness.reporting.causes import stored_cause
from harness.reporting.figures import exact_figure, figure, heights, part_of_limit
from harness.reporting.history_report import chosen, headline, latest, letters, runs_text, step_lines
from harness.reporting.html.document import folded, made, section, static_page, table_html
from harness.reporting.tables import Cell, Table

# The most runs in a case's table: the newest, and those at which a step began.
_MOST_RUNS = 60
# The height of a chart in its own units; its width has one unit per run.
_HEIGHT, _EDGE = 40.0, 4.0
_PASSED = (Verdict.IDENTICAL.value, Verdict.WITHIN.value)
_WORST_FIRST = (Verdict.ERROR.value, Verdict.DRIFT.value, Verdict.INCOMPARABLE.value)
_RUN_HEADER = ("run", "date", "verdict", "margin", "worst figure", "bits", "MindSpore", "commit", "by", "")


def history_page(runs: Sequence[RunRecord], found: Sequence[Trend]) -> str:
    """Return the page: what changed, then each case's verdicts, figures and runs; the worst case first."""
    found = sorted(found, key=_severity)
    cases = [line for number, trend in enumerate(found) for line in _case(number, trend)]
    dates = f"{escape(runs[0].date)} to {escape(runs[-1].date)}. {made()}" if runs else ""
    header = f'<header><h1>{escape(headline(runs, found))}</h1><p class="soft">{dates}</p></header>'
    body = (header, *_index(found), "<main>", *cases, "</main>")
    return static_page("harness history", body, "history.css")


def _severity(trend: Trend) -> tuple[bool, int, bool, float]:
    """Sort by the newest verdict, with what did not pass before all else, then by steps and by margin."""
    newest = trend.points[-1].record
    rank = _WORST_FIRST.index(newest.verdict) if newest.verdict in _WORST_FIRST else 0
    margin = newest.margin if newest.margin is not None and not math.isnan(newest.margin) else 0.0
    return newest.verdict in _PASSED, 0 if newest.verdict in _PASSED else rank, not trend.steps, -margin


def _index(found: Sequence[Trend]) -> Iterator[str]:
    rows = []
    for number, trend in enumerate(found):
        link = Cell(markup=f'<a href="#case-{number}">{escape(trend.title)}</a>', name=True)
        verdict = trend.points[-1].record.verdict
        drawn, news = Cell(markup=_ribbon(trend)), Cell(markup=_told(trend))
        rows.append([link, Cell(verdict, tone=verdict), drawn, news])
    table = table_html(Table(("case", "newest", "verdicts", "what changed"), rows))
    yield from ('<nav aria-label="Cases">', *section("What changed", table), "</nav>")


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
        yield from folded(count(len(rest), "more figure"), _charts(trend, rest))
    of_all = f"{_MOST_RUNS} of " if len(trend.points) > _MOST_RUNS else ""
    table = table_html(Table(_RUN_HEADER, list(_runs(trend))))
    yield from folded(f"{of_all}{count(len(trend.points), 'run')}", table)
    yield "</section>"


def _charts(trend: Trend, shown: Sequence[Series]) -> Iterator[str]:
    yield '<div class="charts">'
    for series in shown:
        stepped = ' class="stepped"' if series.found.steps else ""
        named = f"{escape(series.figure)} <span>{escape(latest(series))}</span>"
        yield f"<figure{stepped}><figcaption>{named}</figcaption>{_chart(trend, series)}</figure>"
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
        part_of_limit(record.margin),
        "" if record.worst is None else f"{record.worst} {figure(record.measured)}",
        bits,
        record.environment.get("mindspore", ""),
        "" if run.git_commit is None else run.git_commit.short,
        run.door,
        "; ".join(filter(None, (stored_cause(record.first_cause), run.ended))),
    ]


def _chart(trend: Trend, series: Series) -> str:
    """Return ``series`` of ``trend`` as an SVG element; values that are not finite are at the upper edge."""
    points = [
        (place, _EDGE / 2 if height is None else round(_HEIGHT - _EDGE - height * (_HEIGHT - 2 * _EDGE), 2))
        for place, height in zip(series.places, heights(series.values, 0.5), strict=True)
    ]
    box = f"-0.5 0 {max(len(trend.points), 2)} {_HEIGHT:g}"
    places = [series.places[new.start] - 0.5 for _, new in series.found.steps]
    steps = (f'<path class="step" d="M{place:g} 0V{_HEIGHT:g}"/>' for place in places)
    marks = (*_environment_marks(trend), *steps, *_line(points), *_dots(trend, series, points))
    return _svg(box, _label(trend, series), marks)


def _ribbon(trend: Trend) -> str:
    """Return the verdicts of ``trend`` as an SVG element of coloured stretches."""
    counts = Counter(point.record.verdict for point in trend.points)
    label = f"verdicts: {', '.join(f'{count} {verdict}' for verdict, count in counts.items())}"
    return _svg(f"0 0 {len(trend.points)} 1", label, _stretches(trend), ' class="ribbon"')


def _svg(box: str, label: str, parts: Iterable[str], attributes: str = "") -> str:
    return (
        f'<svg{attributes} viewBox="{box}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def _stretches(trend: Trend) -> Iterator[str]:
    start = 0
    for verdict, group in groupby(trend.points, key=lambda point: point.record.verdict):
        points = list(group)
        span = runs_text(points[0].run.number, points[-1].run.number)
        yield f'<rect class="v-{escape(verdict)}" x="{start}" y="0" width="{len(points)}" height="1">'
        yield f"<title>{escape(f'{span}: {verdict}')}</title></rect>"
        start += len(points)


def _label(trend: Trend, series: Series) -> str:
    finite = [value for value in series.values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    runs = [trend.points[place].run.number for place in series.places]
    steps = ", ".join(str(runs[new.start]) for _, new in series.found.steps)
    steps_text = f"; steps at run {steps}" if steps else "; no step"
    span = f"from {figure(low, 6)} to {figure(high, 6)}"
    return f"{series.figure} over runs {runs[0]} to {runs[-1]}, {span}{steps_text}"


def _line(points: Sequence[tuple[int, float]]) -> Iterator[str]:
    """Yield the path through ``points``, using only the first and the last of those on one level."""
    ends = (0, len(points) - 1)
    kept = [
        f"{x:g} {y:g}"
        for index, (x, y) in enumerate(points)
        if index in ends or not points[index - 1][1] == y == points[index + 1][1]
    ]
    yield f'<path class="line" d="M{"L".join(kept)}"/>'


def _dots(trend: Trend, series: Series, points: Sequence[tuple[int, float]]) -> Iterator[str]:
    """Yield a point wherever the value changes, and at the end, each with a title."""
    texts = list(map(exact_figure, series.values))
    for index, (x, y) in enumerate(points):
        if index in (0, len(points) - 1) or texts[index] != texts[index - 1]:
            point = trend.points[x]
            title = f"run {point.run.number}, {point.run.date}: {texts[index]} ({point.record.verdict})"
            # A line of zero length with round ends, because a circle would be stretched with the picture.
            yield f'<path class="dot v-{escape(point.record.verdict)}" d="M{x:g} {y:g}h.0001">'
            yield f"<title>{escape(title)}</title></path>"


def _environment_marks(trend: Trend) -> Iterator[str]:
    environments = [point.record.environment for point in trend.points]
    for place, (before, after) in enumerate(pairwise(environments), 1):
        if before and after and (changed := ", ".join(differing_fields(before, after))):
            yield f'<path class="moved" d="M{place - 0.5:g} 0V{_HEIGHT:g}">'
            yield f"<title>{escape(changed)}</title></path>"
