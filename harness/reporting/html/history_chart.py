"""Charts of a history: one figure over the runs of a case, as SVG that is part of the page.

The picture is stretched to the width there is, lines and points keep their thickness, and all text stands
beside it: it reads the same on a telephone. Colours come from the page's style.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby, pairwise

from harness.history.trends import Series, Trend, differing_fields
from harness.reporting.figures import exact_figure, heights

# In units of the picture, which has as many as there are runs from left to right.
_HEIGHT, _EDGE = 40.0, 4.0


def chart(trend: Trend, series: Series) -> str:
    """Return ``series`` of ``trend`` as an SVG element; what is not finite is at the upper edge."""
    points = [
        (place, _EDGE / 2 if height is None else round(_HEIGHT - _EDGE - height * (_HEIGHT - 2 * _EDGE), 2))
        for place, height in zip(series.places, heights(series.values, 0.5), strict=True)
    ]
    box = f"-0.5 0 {max(len(trend.points), 2)} {_HEIGHT:g}"
    marks = (*_environment_marks(trend), *_step_marks(series), *_line(points), *_dots(trend, series, points))
    return _svg(box, _label(trend, series), marks)


def ribbon(trend: Trend) -> str:
    """Return the verdicts of ``trend`` as an SVG element of coloured stretches."""
    counts = Counter(point.record.verdict for point in trend.points)
    label = f"verdicts: {', '.join(f'{count} {verdict}' for verdict, count in counts.items())}"
    return _svg(f"0 0 {len(trend.points)} 1", label, _stretches(trend), ' class="ribbon"')


def _svg(box: str, label: str, parts: Iterator[str] | Sequence[str], attributes: str = "") -> str:
    return (
        f'<svg{attributes} viewBox="{box}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def _stretches(trend: Trend) -> Iterator[str]:
    start = 0
    for verdict, group in groupby(trend.points, key=lambda point: point.record.verdict):
        points = list(group)
        first, last = points[0].run.number, points[-1].run.number
        span = f"run {first}" if first == last else f"runs {first} to {last}"
        yield f'<rect class="v-{escape(verdict)}" x="{start}" y="0" width="{len(points)}" height="1">'
        yield f"<title>{escape(f'{span}: {verdict}')}</title></rect>"
        start += len(points)


def _label(trend: Trend, series: Series) -> str:
    finite = [value for value in series.values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    runs = [trend.points[place].run.number for place in series.places]
    steps = ", ".join(str(runs[new.start]) for _, new in series.found.steps)
    told = f"; steps at run {steps}" if steps else "; no step"
    return f"{series.figure} over runs {runs[0]} to {runs[-1]}, from {low:.6g} to {high:.6g}{told}"


def _line(points: Sequence[tuple[int, float]]) -> Iterator[str]:
    """Yield the path through ``points``; of those on one level the first and the last."""
    ends = (0, len(points) - 1)
    kept = [
        f"{x:g} {y:g}"
        for index, (x, y) in enumerate(points)
        if index in ends or not points[index - 1][1] == y == points[index + 1][1]
    ]
    yield f'<path class="line" d="M{"L".join(kept)}"/>'


def _dots(trend: Trend, series: Series, points: Sequence[tuple[int, float]]) -> Iterator[str]:
    """Yield a point where the value is another than before, and the last one; a title tells what it is."""
    texts = list(map(exact_figure, series.values))
    for index, (x, y) in enumerate(points):
        if index in (0, len(points) - 1) or texts[index] != texts[index - 1]:
            point = trend.points[x]
            told = f"run {point.run.number}, {point.run.date}: {texts[index]} ({point.record.verdict})"
            # A line of no length with round ends: a circle would be stretched with the picture.
            yield f'<path class="dot v-{escape(point.record.verdict)}" d="M{x:g} {y:g}h.0001">'
            yield f"<title>{escape(told)}</title></path>"


def _step_marks(series: Series) -> Iterator[str]:
    for _, new in series.found.steps:
        yield f'<path class="step" d="M{series.places[new.start] - 0.5:g} 0V{_HEIGHT:g}"/>'


def _environment_marks(trend: Trend) -> Iterator[str]:
    environments = [point.record.environment for point in trend.points]
    for place, (before, after) in enumerate(pairwise(environments), 1):
        if before and after and (changed := ", ".join(differing_fields(before, after))):
            yield f'<path class="moved" d="M{place - 0.5:g} 0V{_HEIGHT:g}">'
            yield f"<title>{escape(changed)}</title></path>"
