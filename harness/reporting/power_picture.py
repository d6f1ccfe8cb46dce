"""The picture of power: for every case and sized fault, the sizes that are caught."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import UsageError
from harness.faults.catalogue import FAULTS, Fault
from harness.judgement.power.case_power import FAMILIES, CasePower, FaultPower, PowerReport

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FORMATS = (".png", ".svg")
# Of the palette of Okabe and Ito, which remains distinguishable with colour blindness.
_COLOURS = {"noise": "#E69F00", "scheduler": "#0072B2", "model": "#009E73", "output": "#CC79A7"}
_COLUMNS = 3
# The warm tint behind a fault that is missed.
_MISSED = "#FBE3D6"
# Inches. Five rows of panels with all sized faults fill an A4 page; rows are as high as their labels.
_WIDTH, _LEFT, _RIGHT, _ROW, _PANEL, _HEAD, _FOOT = 7.8, 1.28, 0.08, 0.112, 0.36, 0.82, 0.42
_DPI = 200
_SMALL = 6.0


def check_drawable(path: Path) -> None:
    """Raise :class:`harness.errors.UsageError` if no picture can be drawn, or not in this format."""
    if path.suffix.lower() not in _FORMATS:
        raise UsageError(f"{path}: the picture must be a .png or .svg file; change the suffix")
    if find_spec("matplotlib") is None:
        raise UsageError("--picture needs matplotlib; run pip install 'determinism-harness[picture]'")


def power_picture(report: PowerReport, suffix: str) -> bytes:
    """Return the picture of ``report`` as the bytes of a file, a ``.png`` or an ``.svg``."""
    from matplotlib import rc_context

    buffer = io.BytesIO()
    # Without a date and with fixed names, the same report gives the same bytes.
    metadata = {"Date": None} if suffix.lower() == ".svg" else {}
    with rc_context({"svg.hashsalt": "power"}):
        power_figure(report).savefig(buffer, format=suffix.removeprefix(".").lower(), metadata=metadata)
    return buffer.getvalue()


def power_figure(report: PowerReport) -> Figure:
    """Draw one panel per case that was examined, with one row per sized fault.

    Sizes are on a logarithmic scale and relative to the fault's reference size, so a single line across all
    rows marks the sizes that must be caught; smaller sizes lie to its left.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    cases = [case for case in report.cases if case.refusal is None]
    seen = {fault.name for case in cases for fault in case.faults}
    rows = [fault for fault in FAULTS if fault.sized and fault.name in seen]
    lines = max(math.ceil(len(cases) / _COLUMNS), 1)
    panel = _ROW * (len(rows) + 0.2)
    height = _HEAD + _FOOT + lines * panel + (lines - 1) * _PANEL
    layout = {
        "left": _LEFT / _WIDTH,
        "right": 1 - _RIGHT / _WIDTH,
        "top": 1 - _HEAD / height,
        "bottom": _FOOT / height,
        "wspace": 0.06,
        "hspace": _PANEL / panel,
    }
    with rc_context({"font.size": _SMALL, "axes.linewidth": 0.5}):
        figure = Figure(figsize=(_WIDTH, height), dpi=_DPI)
        panels = figure.subplots(
            lines, _COLUMNS, sharex=True, sharey=True, squeeze=False, gridspec_kw=layout
        ).flat
        for place, (axes, case) in enumerate(zip_longest(panels, cases)):
            if case is None:
                axes.set_axis_off()
            else:
                _draw_case(axes, case, rows)
                axes.tick_params(labelleft=place % _COLUMNS == 0, labelbottom=place + _COLUMNS >= len(cases))
        title, edge = "The smallest size of each fault that a case catches across releases", 0.06 / height
        figure.text(0.5, 1 - edge, title, fontsize=9, ha="center", va="top")
        unit = "size of the fault / its reference size"
        figure.text(0.5, edge, unit, fontsize=7, ha="center", va="bottom")
        _draw_legend(figure)
    return figure


def _draw_case(axes: Axes, case: CasePower, rows: Sequence[Fault]) -> None:
    """Draw one panel: the rows from top to bottom, the line of the reference sizes across them."""
    axes.set_xscale("log")
    axes.set_xlim(2e-9, 6e4)
    axes.set_xticks([10.0**decade for decade in range(-8, 5, 2)])
    axes.minorticks_off()
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.axvline(1.0, color="black", linewidth=0.6, zorder=1)
    axes.set_yticks(range(len(rows)), [f"{fault.name}  {fault.reference:g}" for fault in rows])
    known = {fault.name: fault for fault in case.faults}
    outcomes = []
    for row, (tick, fault) in enumerate(zip(axes.yaxis.get_major_ticks(len(rows)), rows, strict=True)):
        tick.label1.set_color(_COLOURS[fault.family])
        if (found := known.get(fault.name)) is not None:
            _draw_fault(axes, row, found)
            outcomes.append(found.outcome)
    axes.tick_params(length=2, width=0.5, pad=1.5)
    axes.spines[["top", "right"]].set_visible(False)
    caught, missed = outcomes.count("caught"), outcomes.count("missed")
    axes.set_title(case.name, fontsize=7, fontweight="bold", loc="left", pad=3)
    axes.set_title(f"{caught} of {caught + missed}", fontsize=6, loc="right", pad=3)


def _draw_fault(axes: Axes, row: int, fault: FaultPower) -> None:
    """Draw one row: from the smallest size caught to the reference, or whatever takes its place."""
    assert fault.reference is not None
    colour = _COLOURS[fault.family]
    if not fault.applicable:
        style: dict[str, Any] = {"color": "#808080", "fontsize": 4.5, "fontstyle": "italic"}
        axes.text(0.6, row, fault.outcome, ha="right", va="center", **style)
        return
    begins = None if fault.caught_from is None else fault.caught_from / fault.reference
    if fault.outcome == "missed":
        # Dotted to the size where detection begins, or to the largest size tried if it was never caught.
        end = begins if begins is not None else (fault.missed_at or fault.reference) / fault.reference
        axes.axhspan(row - 0.5, row + 0.5, color=_MISSED, linewidth=0, zorder=0)
        axes.plot([1.0, end], [row, row], color="black", linewidth=0.8, linestyle=":", zorder=2)
        axes.plot(1.0, row, "X", **{**_mark("black", "white"), "markersize": 6, "zorder": 4})
        if begins is not None:
            axes.plot(begins, row, "o" if fault.numbers_from else "D", **_mark("white", colour))
        return
    start, by_numbers = (1.0, fault.numbers_alone) if begins is None else (begins, fault.numbers_from)
    faint: dict[str, Any] = {"alpha": 0.45, "zorder": 2}
    axes.plot([start, 1.0], [row, row], color=colour, linewidth=2.4, solid_capstyle="butt", **faint)
    axes.plot(start, row, "o" if by_numbers else "D", **_mark(colour, colour))


def _mark(face: str, edge: str) -> dict[str, Any]:
    size = {"markersize": 4.5, "markeredgewidth": 0.7, "zorder": 3}
    return {**size, "markerfacecolor": face, "markeredgecolor": edge}


def _draw_legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    grey = "#606060"
    marks = (
        ("o", "caught from here on", grey, grey),
        ("D", "caught by an exact fact alone", grey, grey),
        ("X", "missed at its reference size", "black", "white"),
        ("o", "caught from here on only", "white", grey),
    )
    handles: list[Artist] = [Patch(color=_COLOURS[family], label=family) for family in FAMILIES]
    handles += [
        Line2D([], [], linestyle="none", marker=marker, label=label, **_mark(face, edge))
        for marker, label, face, edge in marks
    ]
    place = (0.5, 1 - 0.22 / figure.get_figheight())
    style = {"ncols": 4, "frameon": False, "fontsize": _SMALL}
    figure.legend(handles=handles, loc="upper center", bbox_to_anchor=place, **style)
