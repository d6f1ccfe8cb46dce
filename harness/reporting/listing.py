"""`harness list` in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from harness.baselines import Baseline, BaselineStore, orphans, state_of
from harness.cases import Case, Limits
from harness.cases.selection import Selection
from harness.judgement import Tier
from harness.judgement.limited import safety_factor
from harness.reporting.tables import print_table

_HEADER = ("case", "pipeline", "checkpoint", "steps", "seeds", "dtype", "mode", "baseline", "across releases")
_COLOURS = {"ok": "green", "missing": "yellow", "stale": "yellow", "damaged": "red"}


def show_listing(console: Console, selection: Selection, store: BaselineStore) -> bool:
    """Show every case with the state of its baselines, then what is wrong, then the orphans.

    Return whether every case has sound baselines, and every baseline a case.
    """
    rows: list[tuple[str | Text, ...]] = []
    remarks: list[str] = []
    sound = True
    for case in selection.cases:
        states, limits, told = _states(case, store)
        sound &= bool(limits) and not told
        remarks += told
        seeds = " ".join(map(str, case.seeds))
        name, steps = f"{case.suite}/{case.id}", "" if case.steps is None else str(case.steps)
        checkpoint = case.checkpoint or ""
        rows.append((name, case.pipeline, checkpoint, steps, seeds, case.dtype, case.mode, states, limits))
    print_table(console, rows, header=_HEADER)
    for remark in remarks:
        console.print(Text(remark), soft_wrap=True)
    names = {suite.name for suite in selection.suites}
    for key in orphans(selection.suites, store):
        if key.suite in names:
            text = f"orphan: {store.path(*key)} belongs to no case; remove it if its case is gone"
            console.print(Text(text, "yellow"), soft_wrap=True)
            sound = False
    return sound


def _states(case: Case, store: BaselineStore) -> tuple[Text, Text, list[str]]:
    """Return the states of the case's baselines, what it is held to across releases, and what is wrong."""
    devices = store.devices(case.suite, case.id)
    if not devices:
        return Text("missing", _COLOURS["missing"]), Text(), []
    parts: list[Text] = []
    limits: list[str] = []
    remarks: list[str] = []
    for device in devices:
        state = state_of(case, store, device)
        parts.append(Text.assemble(f"{device}: ", (state.kind, _COLOURS[state.kind])))
        if state.kind != "ok":
            remarks.append(f"{case.suite}/{case.id}: {state.message}")
        if state.baseline is not None:
            limits.append(_limit(case, state.baseline))
    return Text(", ").join(parts), Text(", ".join(limits)), remarks


def _limit(case: Case, baseline: Baseline) -> str:
    """Return the relative L2 distance that the case is allowed across releases, or what stands for it."""
    tolerance = case.tolerance.across_releases
    if case.strict:
        return "not compared (strict)"
    if tolerance == "exact":
        return "same bits"
    if isinstance(tolerance, Limits):
        return "own limits" if tolerance.relative_l2 is None else f"relative L2 ≤ {tolerance.relative_l2:.1e}"
    calibration = baseline.calibration
    if calibration is None:
        return "not calibrated"
    if calibration.chaos is not None:
        return f"chaotic {calibration.chaos}"
    factor = safety_factor(Tier.ACROSS_RELEASES, tolerance, calibration)
    return f"relative L2 ≤ {factor * calibration.metrics['relative_l2']:.1e}"
