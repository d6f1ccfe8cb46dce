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
from harness.commands.options import File, check_baseline_dir, option
from harness.commands.settings import Setting, prompted
from harness.errors import HarnessError, UsageError
from harness.gate.signing import signer_in
from harness.operations.accept import accept as accept_candidates
from harness.operations.accept import reject as reject_candidates
from harness.operations.deciding import Answer, answers, decide
from harness.operations.review import Pending, Trust, look, pending
from harness.operations.signed_candidates import signed_candidates
from harness.reporting.accepting import AcceptingDisplay, nothing_text, show_acceptance, show_rejected
from harness.reporting.html.review_page import write_review_page
from harness.reporting.review import question_text, show_pending, show_waiting

# Where suites are if none are named.
_SUITES = ["suites"]

All = Annotated[
    bool, typer.Option("--all", help="all that waits for the suites named, not only cases named one by one")
]
Candidates = Annotated[
    File,
    option("--candidates", "DIR", "folder of the candidates (default: .candidates in that of the baselines)"),
]
From = Annotated[
    File, option("--from", "DIR", "folder of candidates from elsewhere, such as an artifact of CI; it stays")
]
SignerFile = Annotated[
    File, option("--signer", "FILE", "ed25519 public key (PEM) whose signature of candidates is trusted")
]
Rerun = Annotated[bool, typer.Option("--rerun", help="run every case here before it is accepted")]


def review(
    paths: options.Paths = _SUITES,
    baseline_dir: options.BaselineDir = options.BASELINES,
    reason: options.Reason = None,
    html: options.SheetFile = None,
    candidates: Candidates = None,
    elsewhere: From = None,
    signer: SignerFile = None,
    rerun: Rerun = False,
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
    kept, trust = _place(at, candidates, elsewhere, signer, rerun=rerun)
    console, found = Console(), pending(select(paths), at.store, kept, trust)
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
    workers = display.watching(at.workers, [each.case for each in decisions.accepted if each.case])
    acceptance = accept_candidates(decisions.accepted, at.store, kept, workers, reason, display)
    show_acceptance(console, acceptance, at.invocation)
    rejection = reject_candidates(decisions.rejected, kept)
    show_rejected(console, rejection)
    leave(passed=acceptance.passed and not rejection.errors)


def accept(
    paths: options.Paths = _SUITES,
    baseline_dir: options.BaselineDir = options.BASELINES,
    reason: options.Reason = None,
    everything: All = False,
    candidates: Candidates = None,
    elsewhere: From = None,
    signer: SignerFile = None,
    rerun: Rerun = False,
    device: options.Device = "CPU",
    device_id: options.DeviceId = 0,
    python: options.Python = None,
    timeout: options.Timeout = 600.0,
    memory: options.WorkerMemory = None,
    no_user_code: options.NoUserCode = False,
) -> None:
    """Make baselines of candidates, which are measurements that record or pytest kept.

    A case that ran only once runs once more, and must give the same bits. Existing baselines change only with
    a --reason. Candidates that were measured elsewhere need a trusted signature or --rerun.
    """
    at = Setting.of(baseline_dir, device, device_id, timeout, memory, python, no_user_code=no_user_code)
    kept, trust = _place(at, candidates, elsewhere, signer, rerun=rerun)
    chosen = _chosen(paths, everything, at, kept, trust)
    display = AcceptingDisplay(Console(), at.invocation)
    workers = display.watching(at.workers, [each.case for each in chosen if each.case])
    found = accept_candidates(chosen, at.store, kept, workers, reason, display)
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
    kept, trust = _place(at, candidates)
    found = reject_candidates(_chosen(paths, everything, at, kept, trust), kept)
    show_rejected(Console(), found)
    leave(passed=not found.errors)


def _place(
    at: Setting, candidates: File, elsewhere: File = None, signer: File = None, *, rerun: bool = False
) -> tuple[CandidateStore, Trust]:
    """Return where the candidates are, and what they are worth; raises UsageError and HarnessError."""
    check_baseline_dir(at.store.root, needed=False)
    if candidates is not None and elsewhere is not None:
        raise UsageError("--candidates and --from name the same thing; give one of them")
    for name, folder in (("--candidates", candidates), ("--from", elsewhere)):
        if folder is not None and not folder.is_dir():
            raise UsageError(f"{name} {folder}: no such folder")
    named = candidates or elsewhere
    kept = CandidateStore.beside(at.store) if named is None else CandidateStore(named)
    signed = {} if signer is None else signed_candidates(kept.root, signer_in(signer))
    return kept, Trust(elsewhere is not None, signed, rerun)


def _chosen(
    paths: Sequence[str], everything: bool, at: Setting, candidates: CandidateStore, trust: Trust
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
    found = pending(selection, at.store, candidates, trust)
    if not everything:
        named = {(case.suite, case.id) for case in selection.cases}
        found = tuple(each for each in found if each.key[:2] in named)
        _check_named(selection, found, candidates)
    if not found:
        say(nothing_text(candidates.root))
        sys.exit(0)
    return found


def _check_named(selection: Selection, found: Sequence[Pending], candidates: CandidateStore) -> None:
    waiting = {each.key[:2] for each in found}
    if idle := [case.name for case in selection.cases if (case.suite, case.id) not in waiting]:
        raise HarnessError(f"{', '.join(idle)}: {nothing_text(candidates.root)}")
