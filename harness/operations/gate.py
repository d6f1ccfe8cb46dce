"""The gate: runs every case of the suites, and certifies what came of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from harness import __version__
from harness.baselines.current import orphans
from harness.baselines.errors import shown
from harness.baselines.git import git_commit
from harness.baselines.store import BaselineStore
from harness.cases.case import Case, Suite
from harness.cases.job import Job
from harness.cases.selection import Selection
from harness.errors import FailureCause, HarnessError
from harness.execution.pool import RunnerPool
from harness.gate.certificate import Certificate, CertifiedSuite, HashedFile
from harness.gate.decision import decide
from harness.gate.facts import CaseFacts
from harness.gate.policy import Policy
from harness.gate.policy_file import read_policy
from harness.gate.power_table import Powers, read_powers
from harness.judgement.check import Check
from harness.measurement.measurement import Measurement
from harness.operations.check import check
from harness.operations.evidence import Evidence, sha256_of
from harness.operations.history_run import RunHistory
from harness.operations.progress import SILENT, Progress, stage
from harness.operations.workers import Workers


@dataclass(frozen=True)
class Standard:
    """What a gate decides by: a policy, the file it was read from, and the power table of the suites."""

    policy: Policy = field(default_factory=Policy)
    policy_file: HashedFile | None = None
    powers: Powers | None = None

    @classmethod
    def read(cls, policy: Path | None, power: Path | None, suites: Sequence[Suite]) -> Standard:
        """Read the files that were named; without a policy all cases have to be identical or within.

        Raises a :class:`HarnessError` for one that cannot be read, or that is not for ``suites``.
        """
        rules, file = Policy(), None
        if policy is not None:
            rules = read_policy(policy, suites)
            file = HashedFile(shown(policy), sha256_of(policy))
        return cls(rules, file, None if power is None else read_powers(power))


def gate(
    selection: Selection,
    workers: Workers,
    store: BaselineStore,
    standard: Standard,
    progress: Progress[CaseFacts] = SILENT,
    *,
    not_counted: tuple[Path, ...] = (),
    history: RunHistory | None = None,
) -> Certificate:
    """Run every case of ``selection`` and decide by the policy of ``standard``.

    ``selection`` must be of all suites that ``store`` has baselines of: baselines of others are orphans.
    ``not_counted`` are files that make a working tree no dirty one, such as the certificate. ``progress``
    counts the cases that were selected and is told what came of each of these; ``history`` takes them. Raises
    a :class:`HarnessError` where files cannot be read.
    """
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    # Before anything runs: a suite that is edited meanwhile is not what ran.
    root = Path(os.path.commonpath([suite.path.resolve().parent for suite in selection.suites]))
    suites = [
        CertifiedSuite(
            suite.name,
            suite.path.resolve().relative_to(root).as_posix(),
            sha256_of(suite.path),
            len(suite.cases),
        )
        for suite in selection.suites
    ]
    evidence = Evidence(store, standard.powers)
    left, runs = "nothing was decided, no certificate was written", len(selection.cases)
    with stage(progress, "running", runs, interrupted=left), workers.pool() as pool:
        cases = _checked(selection, pool, workers, store, evidence, progress, history)
    lost = tuple("/".join(key) for key in orphans(selection.suites, store))
    return Certificate(
        harness_version=__version__,
        date=now,
        commit=git_commit(root, ignore=not_counted),
        suites_root=shown(root),
        suites=tuple(suites),
        baselines_root=shown(store.root),
        environments=evidence.environments,
        checkpoints=evidence.checkpoints,
        policy=standard.policy,
        policy_file=standard.policy_file,
        power=None if standard.powers is None else standard.powers.table,
        cases=cases,
        orphans=lost,
        decision=decide(standard.policy, cases, lost, now),
    )


class _Submitted:
    """Gives the results of jobs that a pool was given before, each once."""

    def __init__(self, pool: RunnerPool, cases: list[Case]) -> None:
        self._results: dict[str, Future[Measurement]] = {}
        for case in cases:
            job = case.job()
            self._results[job.name] = pool.submit(job)

    def run(self, job: Job) -> Measurement:
        return self._results.pop(job.name).result()

    def restart(self) -> None:
        """Do nothing: all have been submitted, and none is to run twice."""


def _checked(
    selection: Selection,
    pool: RunnerPool,
    workers: Workers,
    store: BaselineStore,
    evidence: Evidence,
    progress: Progress[CaseFacts],
    history: RunHistory | None,
) -> tuple[CaseFacts, ...]:
    chosen = set(map(_key, selection.cases))
    submitted = _Submitted(pool, [case for case in selection.cases if _runs(case, store)])
    found: list[CaseFacts] = []
    done = 0
    for case in (case for suite in selection.suites for case in suite.cases):
        if _key(case) in chosen:
            result = _check(case, submitted, workers, store)
            if history is not None:
                history.checked(case, result)
            facts = evidence.of(case, result)
            done += 1
            progress.advanced(done)
            progress.finished(facts)
        else:
            facts = evidence.not_selected(case)
        found.append(facts)
    return tuple(found)


def _check(case: Case, submitted: _Submitted, workers: Workers, store: BaselineStore) -> Check:
    if case.fails is not FailureCause.NOT_REPEATABLE:
        return check(case, submitted, store)
    with workers.runner() as runner:
        return check(case, runner, store)


def _key(case: Case) -> tuple[str, str]:
    return case.suite, case.id


def _runs(case: Case, store: BaselineStore) -> bool:
    """Return whether :func:`check` will run the case, once."""
    if case.fails is not None:
        return case.fails is not FailureCause.NOT_REPEATABLE
    try:
        return bool(store.devices(case.suite, case.id))
    except HarnessError:
        return False
