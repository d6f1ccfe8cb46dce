"""Accepting candidates as baselines, and rejecting them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from harness.baselines.baseline import Baseline, Provenance, Written
from harness.baselines.candidates import CandidateMissing, CandidateStore, decode_candidate
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.errors import HarnessError
from harness.judgement.repetition import FreshRunner, check_repeats
from harness.judgement.second_call import check_second_call
from harness.operations.progress import SILENT, Progress, stage
from harness.operations.proposal import commit_of, proposed
from harness.operations.record import FIRST_REASON
from harness.operations.review import NoReason, Obstacle, Pending, Superseded, ToRunAgain
from harness.operations.workers import Workers

# What became of a candidate: written (or already in place), or why not.
Outcome: TypeAlias = Written | Obstacle | HarnessError


@dataclass(frozen=True)
class Accepted:
    """What became of one candidate. ``uncalibrated`` is whether a calibration was lost with the baseline."""

    pending: Pending
    outcome: Outcome
    uncalibrated: bool = False


@dataclass(frozen=True)
class Acceptance:
    """What became of each candidate, in their order."""

    accepted: tuple[Accepted, ...]

    @property
    def passed(self) -> bool:
        """Whether all of them are baselines now."""
        return all(isinstance(each.outcome, Written) for each in self.accepted)

    @property
    def uncalibrated(self) -> tuple[Case, ...]:
        """The cases whose calibration was lost."""
        return tuple(each.pending.case for each in self.accepted if each.uncalibrated and each.pending.case)


def accept(
    chosen: Sequence[Pending],
    store: BaselineStore,
    candidates: CandidateStore,
    workers: Workers,
    reason: str | None,
    progress: Progress[Any] = SILENT,
) -> Acceptance:
    """Make baselines of the candidates of ``chosen``, each of which stands alone.

    ``reason`` is stored with all of them; a candidate that replaces a baseline needs one. Where only one run
    has the bits of a candidate, or its case is to be run here, the case runs once more in a fresh worker, and
    must give them again. Nothing else runs. ``progress`` counts these runs and gets each :class:`Accepted`.
    The candidate of a written baseline is removed, unless it lies elsewhere.
    """
    reason = (reason or "").strip()
    found: list[Accepted] = []
    runs = sum(each.runs for each in chosen)
    with (
        stage(progress, "accepting", runs, interrupted="what was accepted before is written"),
        workers.runner() as runner,
    ):
        for each in chosen:
            found.append(_accepted(each, store, candidates, runner, reason, progress))
            progress.advanced(sum(one.pending.runs for one in found))
            progress.finished(found[-1])
    return Acceptance(tuple(found))


def _accepted(
    each: Pending,
    store: BaselineStore,
    candidates: CandidateStore,
    runner: FreshRunner,
    reason: str,
    progress: Progress[Any],
) -> Accepted:
    case, kept = each.case, each.kept
    if not each.acceptable or case is None or kept is None:
        assert each.obstacle is not None
        return Accepted(each, each.obstacle)
    if kept.replaces is not None and not reason:
        return Accepted(each, NoReason())
    try:
        data = candidates.read(each.key)
        if hashlib.sha256(data).hexdigest() != each.sha256:
            return Accepted(each, Superseded())
        measurement = decode_candidate(data, candidates.path(each.key), each.key).baseline.measurement
        provenance = replace(
            kept.provenance,
            reason=reason or FIRST_REASON,
            case_definition=case.definition(),
            case_hash=case.hash(),
        )
        if each.runs:
            progress.started(case.name)
            check_repeats(case.name, measurement, again := runner.run(case.job("always").alone()))
            check_second_call(case.name, again)
            if isinstance(each.obstacle, ToRunAgain):
                measurement, commit = again, commit_of(case, store)
                made = Provenance.of(case, reason=provenance.reason, git_commit=commit)
                provenance = replace(made, origin=provenance.origin)
        would = proposed(case, measurement, store)
        if would.state == "unchanged":
            written = Written(store.path(*each.key), "unchanged")
        else:
            baseline = Baseline(*each.key, measurement, provenance)
            if would.renews is not None:
                baseline = replace(would.renews, provenance=provenance)
            written = store.write(baseline, renew=would.renews is not None, expected=kept.replaces)
    except CandidateMissing:
        return Accepted(each, Superseded())
    except HarnessError as error:
        return Accepted(each, error)
    if not each.elsewhere:
        with suppress(HarnessError):  # It then says that it is the baseline already.
            candidates.remove(each.key, each.sha256)
    return Accepted(each, written, would.uncalibrates)


@dataclass(frozen=True)
class Rejection:
    """The candidates that were removed, and why others could not be."""

    removed: tuple[Pending, ...]
    errors: tuple[HarnessError, ...] = ()


def reject(chosen: Sequence[Pending], candidates: CandidateStore) -> Rejection:
    """Remove those candidates of ``chosen`` that lie here and are what was looked at."""
    removed: list[Pending] = []
    errors: list[HarnessError] = []
    for each in chosen:
        try:
            if not each.elsewhere and candidates.remove(each.key, each.sha256):
                removed.append(each)
        except HarnessError as error:
            errors.append(error)
    return Rejection(tuple(removed), tuple(errors))
