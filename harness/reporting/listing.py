"""`harness list` in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.baselines import BaselineStore, orphans, state_of
from harness.cases import Case
from harness.cases.selection import Selection

_COLOURS = {"ok": "green", "missing": "yellow", "stale": "yellow", "damaged": "red"}


def show_listing(console: Console, selection: Selection, store: BaselineStore) -> None:
    """Show every case with the state of its baselines, then what is wrong, then the orphans."""
    table = Table(
        "case",
        "pipeline",
        "checkpoint",
        "steps",
        "seeds",
        "dtype",
        "mode",
        "baseline",
        box=None,
        pad_edge=False,
    )
    remarks: list[str] = []
    for case in selection.cases:
        states, told = _states(case, store)
        remarks += told
        seeds = " ".join(map(str, case.seeds))
        row = (
            f"{case.suite}/{case.id}",
            case.pipeline,
            case.checkpoint or "",
            str(case.steps),
            seeds,
            case.dtype,
            case.mode,
        )
        table.add_row(*map(escape, row), states)
    console.print(table)
    for remark in remarks:
        console.print(escape(remark), soft_wrap=True)
    names = {suite.name for suite in selection.suites}
    for key in orphans(selection.suites, store):
        if key.suite in names:
            text = f"orphan: {store.path(*key)} belongs to no case; remove it if its case is gone"
            console.print(f"[yellow]{escape(text)}[/yellow]", soft_wrap=True)


def _states(case: Case, store: BaselineStore) -> tuple[str, list[str]]:
    devices = store.devices(case.suite, case.id)
    if not devices:
        return "[yellow]missing[/yellow]", []
    parts, remarks = [], []
    for device in devices:
        state = state_of(case, store, device)
        parts.append(f"{device}: [{_COLOURS[state.kind]}]{state.kind}[/]")
        if state.kind != "ok":
            remarks.append(f"{case.suite}/{case.id}: {state.message}")
    return ", ".join(parts), remarks
