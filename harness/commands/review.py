"""`harness review`, `harness accept` and `harness reject`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from typing import Annotated

import typer
from rich.console import Console

from harness.baselines.candidates import CandidateStore
from harness.cases.selection import Selection, select
from harness.commands import options
from harness.commands.exits import leave, say
from harness.commands.options import File, option
from harness.commands.settings import Setting, prompted
from harness.errors import HarnessError, UsageError
from harness.operations.accept import accept as accept_candidates
from harness.operations.accept import reject as reject_candidates
from harness.operations.deciding import Answer, answers, decide
from harness.operations.review import Pending, look, pending
from harness.reporting.accepting import AcceptingDisplay, nothing_text, show_acceptance, show_rejected
from harness.reporting.html.review_page import write_review_page
from harness.reporting.review import question_text, show_pending, show_waiting

_HTML = (
    "write a page and ask nothing: one FILE.html, or a folder in which the pictures are files of their own"
)
# Where suites are if none are named.
_SUITES = ["suites"]

All = Annotated[
    bool, typer.Option("--all", help="all that waits for the suites named, not only cases named one by one")
]
Candidates = Annotated[
    File,
    option("--candidates", "DIR", "folder of the candidates (default: .candidates in that of the baselines)"),
]


def review(
    paths: options.Paths = _SUITES,
    baseline_dir: options.BaselineDir = options.BASELINES,
    reason: options.Reason = None,
    html: Annotated[File, option("--html", "PATH", _HTML)] = None,
    candidates: Candidates = None,
    device: options.Device = "CPU",
    device_id: options.DeviceId = 0,
    python: options.Python = None,
    timeout: options.Timeout = 600.0,
    memory: options.WorkerMemory = None,
    no_user_code: options.NoUserCode = False,
) -> None:
    """Show what waits to be accepted, worst first, and in a terminal ask about each.

    The answers take effect after the last one: y accepts, n rejects, s skips, a accepts all that wait in the
    same suite, q stops asking. Exits with 1 if something that is to be accepted is refused.
    """
    at = Setting.of(baseline_dir, device, device_id, timeout, memory, python, no_user_code=no_user_code)
    kept, console = _candidates(candidates, at), Console()
    found = pending(select(paths), at.store, kept)
    looked = partial(look, store=at.store, candidates=kept)
    if html is not None:
        say(f"page: {write_review_page(html, found, looked)}")
        return
    if not found:
        say(nothing_text(kept.root))
        return
    show_waiting(console, found)
    if not sys.stdin.isatty():
        for each in found:
            show_pending(console, each, looked(each))
        return

    def ask(each: Pending) -> Answer:
        show_pending(console, each, looked(each))
        given = prompted(console, question_text(each), [answer.value for answer in answers(each)])
        return Answer.QUIT if given is None else Answer(given)

    decisions = decide(found, ask)
    if decisions.replacing and not (reason or "").strip():
        reason = prompted(console, "Why do these baselines change?")
    display = AcceptingDisplay(console, at.invocation)
    acceptance = accept_candidates(decisions.accepted, at.store, kept, at.workers, reason, display)
    show_acceptance(console, acceptance, at.invocation)
    show_rejected(console, reject_candidates(decisions.rejected, kept))
    leave(passed=acceptance.passed)


def accept(
    paths: options.Paths = _SUITES,
    baseline_dir: options.BaselineDir = options.BASELINES,
    reason: options.Reason = None,
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
