"""Recording: run each case twice, store what repeats, and calibrate or trace what is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from harness.baselines.baseline import Baseline, Key, Provenance, Written
from harness.baselines.candidates import CandidateStore
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.errors import HarnessError
from harness.judgement.check import Check
from harness.operations.calibrate import Calibrations, Settings, VacuousCase, calibrate, vacuous_cases
from harness.operations.check import hold
from harness.operations.deep import StoredTrace, store_traces
from harness.operations.history_run import RunHistory
from harness.operations.keeping import candidate_of
from harness.operations.progress import SILENT, Progress, stage
from harness.operations.proposal import JobOf, Proposal, Proposed, Refusal, commit_of, propose
from harness.operations.workers import Workers

FIRST_REASON = "first recording"

# The outcome for what was proposed: written or already in place, refused, or (None) not written for lack of a
# reason.
Disposition: TypeAlias = Written | Refusal | None


@dataclass(frozen=True)
class StoredBaselines:
    """The outcome of each measurement of a proposal, and the cases refused before and while writing."""

    dispositions: tuple[tuple[Proposed, Disposition], ...]
    refusals: tuple[Refusal, ...]

    @property
    def cases(self) -> tuple[Case, ...]:
        """The cases whose stored baseline is what was measured."""
        return tuple(each.case for each, became in self.dispositions if isinstance(became, Written))

    @property
    def uncalibrated(self) -> tuple[Case, ...]:
        """Those of the cases whose baseline has lost its calibration."""
        pairs = self.dispositions
        return tuple(each.case for each, became in pairs if isinstance(became, Written) and each.uncalibrates)

    @property
    def complete(self) -> bool:
        """Whether every measured case has the baseline that it should have."""
        return not self.refusals and all(became is not None for _, became in self.dispositions)

    def checks(self, store: BaselineStore) -> Iterator[tuple[Case, Check]]:
        """Yield the check of each case against the new baseline; then, as errors, the refused cases."""
        for each, _ in self.dispositions:
            yield each.case, hold(each.case, each.measurement, store)
        for refusal in self.refusals:
            yield refusal.case, hold(refusal.case, refusal.error, store)


@dataclass(frozen=True)
class Recording:
    """The result of a recording; ``calibrations`` is None if none were requested.

    ``traces`` are the results of the requested deep traces; ``vacuous`` are the stored cases that are
    vacuous.
    """

    stored: StoredBaselines
    calibrations: Calibrations | None
    traces: tuple[StoredTrace | Refusal, ...]
    vacuous: tuple[VacuousCase, ...]

    @property
    def uncalibrated(self) -> tuple[Case, ...]:
        """The cases that have lost their calibration."""
        return self.stored.uncalibrated if self.calibrations is None else ()

    @property
    def passed(self) -> bool:
        """Whether every case now has all that it should have, and none is vacuous."""
        calibrated = self.calibrations is None or self.calibrations.passed
        traced = not any(isinstance(each, Refusal) for each in self.traces)
        return self.stored.complete and not self.vacuous and calibrated and traced

    @property
    def refuted(self) -> bool:
        """Whether a case itself failed, regardless of what could not be done."""
        refusals = (
            *self.stored.refusals,
            *(each for each in self.traces if isinstance(each, Refusal)),
        )
        return (
            bool(self.vacuous)
            or any(became is None for _, became in self.stored.dispositions)
            or any(each.error.answers for each in refusals)
            or (self.calibrations is not None and self.calibrations.refuted)
        )


def record(
    cases: Sequence[Case],
    workers: Workers,
    store: BaselineStore,
    progress: Progress[Any] = SILENT,
    *,
    reason: str | None = None,
    ask: Callable[[], str | None],
    calibration: Settings | None = None,
    deep_step: int | None = None,
    history: RunHistory | None = None,
    job: JobOf = Case.job,
) -> Recording:
    """Measure ``cases`` and store what repeats; ``history`` gets each case as it is checked afterwards.

    ``reason`` is stored with everything that is written. If existing baselines would change and no reason is
    given, ``ask`` is called for one; without a reason they are kept. With ``calibration``, stored cases are
    also calibrated; with ``deep_step``, the deep trace of that step is stored next to the baseline.
    ``job`` makes the jobs that are measured, in place of the cases' own.
    ``progress`` gets each case, and the :class:`Proposal`, the :class:`StoredBaselines` and the
    :class:`Calibrations` when they are ready.

    Raises :class:`harness.baselines.BaselineError` if the store cannot be written to.
    """
    runs = 2 * len(cases)
    with (
        stage(progress, "recording", runs, interrupted="no baseline was written"),
        workers.runner() as runner,
    ):
        proposal = propose(cases, runner, store, progress, job=job)
    progress.finished(proposal)
    if proposal.changed and reason is None:
        reason = ask()
    stored = write(proposal, store, reason)
    progress.finished(stored)
    calibrations, traces = None, tuple[StoredTrace | Refusal, ...]()
    if calibration is not None:
        calibrations = calibrate(stored.cases, workers, store, calibration, progress)
        progress.finished(calibrations)
    if deep_step is not None:
        traces = store_traces(stored.cases, workers, store, deep_step, progress)
    if history is not None:
        for case, check in stored.checks(store):
            history.checked(case, check)
    vacuous = vacuous_cases(stored.cases, store) if calibrations is None else calibrations.vacuous
    return Recording(stored, calibrations, traces, vacuous)


def write(proposal: Proposal, store: BaselineStore, reason: str | None) -> StoredBaselines:
    """Write new baselines and, with a ``reason``, changed ones.

    A changed baseline without a reason is kept as it is, and what was measured is kept as a candidate. A
    baseline that cannot be written is refused, and the others are still written.
    """
    reason = (reason or "").strip()
    dispositions = tuple(
        (each, _kept(each, _disposed(each, store, reason), store)) for each in proposal.proposed
    )
    refused = tuple(became for _, became in dispositions if isinstance(became, Refusal))
    return StoredBaselines(dispositions, proposal.refusals + refused)


def _disposed(proposed: Proposed, store: BaselineStore, reason: str) -> Disposition:
    case, renewed = proposed.case, proposed.renews
    if proposed.state == "changed" and not reason:
        return None
    try:
        if proposed.state == "unchanged" and (renewed is None or not reason):
            return Written(store.path(case.suite, case.id, proposed.device), "unchanged")
        commit = commit_of(case, store)
        provenance = Provenance.of(case, reason=reason or FIRST_REASON, git_commit=commit)
        if renewed is not None:
            new = replace(renewed, provenance=provenance)
        else:
            new = Baseline(case.suite, case.id, proposed.device, proposed.measurement, provenance)
        return store.write(new, renew=renewed is not None, expected=proposed.expected)
    except HarnessError as error:
        return Refusal(case, error)


def _kept(proposed: Proposed, became: Disposition, store: BaselineStore) -> Disposition:
    """Keep a measurement that was not written as a candidate; one that was written is waited for no more."""
    case, candidates = proposed.case, CandidateStore.beside(store)
    if isinstance(became, Written):
        with suppress(HarnessError):  # It then says that it is the baseline already.
            candidates.remove(Key(case.suite, case.id, proposed.device))
    elif became is None:
        try:
            measured, expected = proposed.measurement, proposed.expected
            candidates.keep(candidate_of(case, measured, store, expected, runs=2, why="changed"))
        except HarnessError as error:
            return Refusal(case, error)
    return became
