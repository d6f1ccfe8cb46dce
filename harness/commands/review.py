"""`harness accept` and `harness reject`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console

from harness.baselines.candidates import CandidateStore
from harness.cases.selection import Selection, select
from harness.commands import options
from harness.commands.exits import leave, say
from harness.commands.options import File, option
from harness.commands.settings import Setting
from harness.errors import HarnessError, UsageError
from harness.operations.accept import accept as accept_candidates
from harness.operations.accept import reject as reject_candidates
from harness.operations.review import Pending, pending
from harness.reporting.accepting import AcceptingDisplay, nothing_text, show_acceptance, show_rejected

# Where suites are if none are named.
_SUITES = ["suites"]

All = Annotated[
    bool, typer.Option("--all", help="all that waits for the suites named, not only cases named one by one")
]
Candidates = Annotated[
    File,
    option("--candidates", "DIR", "folder of the candidates (default: .candidates in that of the baselines)"),
]


def accept(
    paths: options.Paths = _SUITES,
    baseline_dir: options.BaselineDir = options.BASELINES,
    reason: Annotated[str | None, typer.Option(help="why existing baselines change; stored in them")] = None,
    everything: All = False,
    candidates: Candidates = None,
    device: options.Device = "CPU",
    device_id: options.DeviceId = 0,
    python: options.Python = None,
    timeout: options.Timeout = 600.0,
    memory: options.WorkerMemory = None,
    no_user_code: options.NoUserCode = False,
) -> None:
    """Make baselines of candidates, which are measurements that record or pytest kept.

    A case that ran only once runs once more, and must give the same bits. Existing baselines change only with
    a --reason.
    """
    at = Setting.of(baseline_dir, device, device_id, timeout, memory, python, no_user_code=no_user_code)
    kept = _candidates(candidates, at)
    chosen = _chosen(paths, everything, at, kept)
    display = AcceptingDisplay(Console(), at.invocation)
    found = accept_candidates(chosen, at.store, kept, at.workers, reason, display)
    show_acceptance(display.console, found, at.invocation)
    leave(passed=found.passed)


def reject(
    paths: options.Paths = _SUITES,
    baseline_dir: options.BaselineDir = options.BASELINES,
    everything: All = False,
    candidates: Candidates = None,
) -> None:
    """Remove candidates, so that they no longer wait."""
    at = Setting.of(baseline_dir, "CPU", 0, 600.0, None)
    kept = _candidates(candidates, at)
    show_rejected(Console(), reject_candidates(_chosen(paths, everything, at, kept), kept))


def _candidates(folder: File, at: Setting) -> CandidateStore:
    if folder is None:
        return CandidateStore.beside(at.store)
    if not folder.is_dir():
        raise UsageError(f"--candidates {folder}: no such folder")
    return CandidateStore(folder)


def _chosen(
    paths: Sequence[str], everything: bool, at: Setting, candidates: CandidateStore
) -> tuple[Pending, ...]:
    """Return what waits for the cases named; exit if nothing does.

    Raises UsageError if suites are named without --all, and HarnessError for a case named for which nothing
    waits.
    """
    selection = select(paths)
    if not everything and (suites := [path for path in paths if "::" not in path]):
        raise UsageError(
            f"{suites[0]} names all its cases; name single cases (SUITE.yaml::CASE) or add --all"
        )
    found = pending(selection, at.store, candidates)
    if not everything:
        _check_named(selection, found, candidates)
    if not found:
        say(nothing_text(candidates.root))
        sys.exit(0)
    return found


def _check_named(selection: Selection, found: Sequence[Pending], candidates: CandidateStore) -> None:
    waiting = {each.key[:2] for each in found}
    if idle := [case.name for case in selection.cases if (case.suite, case.id) not in waiting]:
        raise HarnessError(f"{', '.join(idle)}: {nothing_text(candidates.root)}")
