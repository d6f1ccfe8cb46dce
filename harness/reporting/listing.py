"""`harness list` in the terminal."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.text import Text

from harness.baselines.baseline import Baseline
from harness.baselines.current import load_current, orphans
from harness.baselines.errors import BaselineUnusable, shown
from harness.baselines.staleness import BaselineStale
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.selection import Selection
from harness.cases.tolerance import Limits
from harness.counting import count
from harness.judgement.limited import safety_factor
from harness.judgement.tiers import Tier
from harness.reporting.commands import Invocation, error_text
from harness.reporting.tables import print_table

_HEADER = ("case", "pipeline", "checkpoint", "steps", "seeds", "dtype", "mode", "baseline", "across releases")
_COLOURS = {"ok": "green", "missing": "yellow", "stale": "yellow", "damaged": "red"}


def show_listing(console: Console, selection: Selection, store: BaselineStore) -> bool:
    """Show every case with the state of its baselines, then what is wrong, the orphans, and how many of each.

    Return whether every case has sound baselines, and every baseline a case.
    """
    rows: list[tuple[str | Text, ...]] = []
    remarks: list[str] = []
    counts: Counter[str] = Counter()
    sound = True
    for case in selection.cases:
        worst, states, limits, told = _states(case, store)
        counts[worst] += 1
        sound &= bool(limits) and not told
        remarks += told
        seeds = " ".join(map(str, case.seeds))
        name, steps = case.name, "" if case.steps is None else str(case.steps)
        checkpoint = case.checkpoint or ""
        rows.append((name, case.pipeline, checkpoint, steps, seeds, case.dtype, case.mode, states, limits))
    print_table(console, rows, header=_HEADER)
    if not store.root.is_dir():
        missing = f"{shown(store.root)}: no such folder; `harness record` makes it"
        console.print(Text(missing, "yellow"), soft_wrap=True)
    for remark in remarks:
        console.print(Text(remark), soft_wrap=True)
    orphaned = 0
    names = {suite.name for suite in selection.suites}
    for key in orphans(selection.suites, store):
        if key.suite in names:
            text = f"orphan: {store.path(*key)} belongs to no case; remove it if its case is gone"
            console.print(Text(text, "yellow"), soft_wrap=True)
            orphaned += 1
    others = sorted({key.suite for key in store.stored()} - names)
    if others and selection.folders:
        note = f"note: baselines of suites that were not given: {', '.join(others)}; "
        console.print(Text(f"{note}remove those of suites that are gone"), soft_wrap=True)
    told_counts = [f"{counts[kind]} {kind}" for kind in _COLOURS if counts[kind]]
    if orphaned:
        told_counts.append(count(orphaned, "orphan"))
    console.print(Text(f"{count(len(selection.cases), 'case')}: {', '.join(told_counts)}"), soft_wrap=True)
    return sound and not orphaned


def _states(case: Case, store: BaselineStore) -> tuple[str, Text, Text, list[str]]:
    """Return the case's state, those of its baselines, what it is held to across releases, what is wrong."""
    devices = store.devices(case.suite, case.id)
    if not devices:
        return "missing", Text("missing", _COLOURS["missing"]), Text(), []
    parts: list[Text] = []
    limits: list[str] = []
    remarks: list[str] = []
    worst = "ok"
    for device in devices:
        word, baseline = "ok", None
        try:
            baseline = load_current(store, case, device)
        except BaselineUnusable as error:
            word = worst = error.state
            remarks.append(f"{case.name}: {error_text(error, Invocation(str(store.root)))}")
            baseline = error.baseline if isinstance(error, BaselineStale) else None
        parts.append(Text.assemble(f"{device}: ", (word, _COLOURS[word])))
        if baseline is not None:
            limits.append(_limit(case, baseline))
    return worst, Text(", ").join(parts), Text(", ".join(limits)), remarks


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
