"""`harness list` in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from harness.baselines import BaselineStore, orphans, state_of
from harness.cases import Case
from harness.cases.selection import Selection
from harness.reporting.tables import print_table

_HEADER = ("case", "pipeline", "checkpoint", "steps", "seeds", "dtype", "mode", "baseline")
_COLOURS = {"ok": "green", "missing": "yellow", "stale": "yellow", "damaged": "red"}


def show_listing(console: Console, selection: Selection, store: BaselineStore) -> None:
    """Show every case with the state of its baselines, then what is wrong, then the orphans."""
    rows: list[tuple[str | Text, ...]] = []
    remarks: list[str] = []
    for case in selection.cases:
        states, told = _states(case, store)
        remarks += told
        seeds = " ".join(map(str, case.seeds))
        name, steps = f"{case.suite}/{case.id}", str(case.steps)
        rows.append((name, case.pipeline, case.checkpoint or "", steps, seeds, case.dtype, case.mode, states))
    print_table(console, rows, header=_HEADER)
    for remark in remarks:
        console.print(Text(remark), soft_wrap=True)
    names = {suite.name for suite in selection.suites}
    for key in orphans(selection.suites, store):
        if key.suite in names:
            text = f"orphan: {store.path(*key)} belongs to no case; remove it if its case is gone"
            console.print(Text(text, "yellow"), soft_wrap=True)


def _states(case: Case, store: BaselineStore) -> tuple[Text, list[str]]:
    devices = store.devices(case.suite, case.id)
    if not devices:
        return Text("missing", _COLOURS["missing"]), []
    parts: list[Text] = []
    remarks: list[str] = []
    for device in devices:
        state = state_of(case, store, device)
        parts.append(Text.assemble(f"{device}: ", (state.kind, _COLOURS[state.kind])))
        if state.kind != "ok":
            remarks.append(f"{case.suite}/{case.id}: {state.message}")
    return Text(", ").join(parts), remarks
