"""Charts of a history: one figure over the runs of a case, as SVG that is part of the page.

The picture is stretched to the width there is, lines and points keep their thickness, and all text stands
beside it: it reads the same on a telephone. Colours come from the page's style.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

from harness.history.trends import Series, Trend, differing_fields
from harness.reporting.figures import exact_figure

# In units of the picture, which has as many as there are runs from left to right.
_HEIGHT, _EDGE = 40.0, 4.0


def chart(trend: Trend, series: Series) -> str:
    """Return ``series`` of ``trend`` as an SVG element; what is not finite is at the upper edge."""
    count = max(len(trend.points), 2)
    finite = [value for value in series.values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    points = [
        (float(place), _y(value, low, high))
        for place, value in zip(series.places, series.values, strict=True)
    ]
    parts = [
        f'<svg viewBox="-0.5 0 {count} {_HEIGHT:g}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(_label(trend, series, low, high))}">',
        *_environment_marks(trend),
        *_step_marks(series),
        f'<path class="line" d="{_line(points)}"/>',
        *_dots(trend, series, points),
        "</svg>",
    ]
    return "".join(parts)


def ribbon(trend: Trend) -> str:
    """Return the verdicts of ``trend`` as an SVG element of coloured stretches."""
    verdicts = [point.record.verdict for point in trend.points]
    counts = ", ".join(f"{count} {verdict}" for verdict, count in Counter(verdicts).items())
    parts = [
        f'<svg class="ribbon" viewBox="0 0 {len(verdicts)} 1" preserveAspectRatio="none" role="img" '
        f'aria-label="verdicts: {escape(counts)}">'
    ]
    start = 0
    for verdict, group in groupby(verdicts):
        length = len(list(group))
        first, last = trend.points[start].run.number, trend.points[start + length - 1].run.number
        span = f"run {first}" if first == last else f"runs {first} to {last}"
        parts.append(
            f'<rect class="v-{escape(verdict)}" x="{start}" y="0" width="{length}" height="1">'
            f"<title>{escape(f'{span}: {verdict}')}</title></rect>"
        )
        start += length
    return "".join([*parts, "</svg>"])


def _label(trend: Trend, series: Series, low: float, high: float) -> str:
    runs = [trend.points[place].run.number for place in series.places]
    steps = [str(runs[new.start]) for _, new in series.found.steps]
    told = f"; steps at run {', '.join(steps)}" if steps else "; no step"
    return f"{series.figure} over runs {runs[0]} to {runs[-1]}, from {low:.6g} to {high:.6g}{told}"


def _y(value: float, low: float, high: float) -> float:
    if not math.isfinite(value):
        return _EDGE / 2
    # Halves: the distance of the largest numbers there are overflows.
    part = 0.5 if low == high else (value / 2 - low / 2) / (high / 2 - low / 2)
    return round(_HEIGHT - _EDGE - part * (_HEIGHT - 2 * _EDGE), 2)


def _line(points: Sequence[tuple[float, float]]) -> str:
    """Return the path through ``points``; of those on one level the first and the last."""
    kept = [
        point
        for index, point in enumerate(points)
        if index in (0, len(points) - 1) or not points[index - 1][1] == point[1] == points[index + 1][1]
    ]
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in kept)


def _dots(trend: Trend, series: Series, points: Sequence[tuple[float, float]]) -> Iterator[str]:
    """Yield a point where the value is another than before, and the last one; a title tells what it is."""
    previous = None
    for index, (x, y) in enumerate(points):
        value, point = series.values[index], trend.points[series.places[index]]
        text = exact_figure(value)
        if text != previous or index == len(points) - 1:
            title = escape(f"run {point.run.number}, {point.run.date}: {text} ({point.record.verdict})")
            # A line of no length with round ends: a circle would be stretched with the picture.
            yield f'<path class="dot v-{escape(point.record.verdict)}" d="M{x:g} {y:g}h.0001">'
            yield f"<title>{title}</title></path>"
        previous = text


def _step_marks(series: Series) -> Iterator[str]:
    for _, new in series.found.steps:
        yield f'<path class="step" d="M{series.places[new.start] - 0.5:g} 0V{_HEIGHT:g}"/>'


def _environment_marks(trend: Trend) -> Iterator[str]:
    for place in range(1, len(trend.points)):
        before, after = (trend.points[index].record.environment for index in (place - 1, place))
        if before and after and (changed := ", ".join(differing_fields(before, after))):
            yield f'<path class="moved" d="M{place - 0.5:g} 0V{_HEIGHT:g}">'
            yield f"<title>{escape(changed)}</title></path>"
