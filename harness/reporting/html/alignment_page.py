"""Alignments as a page: each case's distances, and the module that differs, beside its original."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from harness.counting import count
from harness.measurement.measurement import Array
from harness.operations.alignment import Alignment
from harness.reporting.alignment import alignment_lines
from harness.reporting.commands import Invocation
from harness.reporting.figures import figure
from harness.reporting.html.document import folded, made, section, static_page, table_html
from harness.reporting.tables import Cell, Table
from harness.tracing.observed import Observed

# The first values of a tensor that are shown.
_FIRST = 8


def alignment_page(found: Sequence[Alignment], invocation: Invocation) -> str:
    """Return the page: what came of all cases, then each case by itself."""
    counts = Counter(each.conclusion for each in found)
    told = ", ".join(f"{number} {name}" for name, number in counts.most_common())
    header = f"<header><h1>{count(len(found), 'case')}: {escape(told)}</h1>"
    body = [header, f'<p class="soft">{made()}</p></header>']
    for each in found:
        body += section(each.case.name, _case(each, invocation))
    return static_page("harness align", body)


def _case(each: Alignment, invocation: Invocation) -> Iterator[str]:
    for line in alignment_lines(each, invocation):
        yield f"<p>{escape(str(line).strip())}</p>"
    if each.observed is not None:
        yield from table_html(_side_by_side(each.observed))
    if each.distances:
        yield from folded("Distances from the yardstick", table_html(_distances(each)))


def _distances(each: Alignment) -> Table:
    rows: list[list[Cell | str]] = [
        [
            "output" if one.step is None else f"step {one.step}",
            Cell(figure(one.port, 3), tone="" if one.within else "differs"),
            figure(one.own, 3),
            figure(one.limit, 3),
        ]
        for one in each.distances
    ]
    return Table(("after", "port", "original", "limit"), rows, right=(1, 2, 3))


def _side_by_side(observed: Observed) -> Table:
    """Return the module of both sides: its settings, what it was given, and what it made of that."""
    rows: list[list[Cell | str]] = []
    for name in sorted(observed.our_settings.keys() | observed.settings.keys()):
        rows.append(
            _pair(name, *(_setting(each, name) for each in (observed.our_settings, observed.settings)))
        )
    rows += [[f"given {name}", _form(array), _form(array)] for name, array in observed.given]
    ours, theirs = observed.ours, observed.theirs
    rows.append(
        _pair("result", f"{observed.dtype} {_shape(ours)}", f"{observed.their_dtype} {_shape(theirs)}")
    )
    for title, figure_of in _STATISTICS.items():
        rows.append(_pair(title, *(figure(figure_of(each), 6) for each in (ours, theirs))))
    rows.append(_pair("first values", *(_values(each) for each in (ours, theirs))))
    return Table(("", "port", "original"), rows)


_STATISTICS: dict[str, Callable[[Array], float]] = {
    "mean": lambda array: float(np.mean(array, dtype=np.float64)),
    "standard deviation": lambda array: float(np.std(array, dtype=np.float64)),
    "least": lambda array: float(np.min(array)),
    "largest": lambda array: float(np.max(array)),
}


def _pair(name: str, ours: str, theirs: str) -> list[Cell | str]:
    tone = "differs" if ours != theirs else ""
    return [name, Cell(ours, tone=tone), Cell(theirs, tone=tone)]


def _setting(settings: Mapping[str, Any], name: str) -> str:
    return str(settings[name]) if name in settings else ""


def _form(array: Array) -> str:
    return f"{array.dtype} {_shape(array)}"


def _shape(array: Array) -> str:
    return "x".join(map(str, array.shape)) or "a number"


def _values(array: Array) -> str:
    return ", ".join(figure(float(value), 6) for value in array.ravel()[:_FIRST])
