"""The gate: runs every case of the suites, and certifies the result."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

from harness import __version__
from harness.baselines.current import orphans, own_devices
from harness.baselines.errors import shown
from harness.baselines.git import git_commit
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.job import Job
from harness.cases.selection import Selection
from harness.errors import FailureCause, HarnessError, UsageError
from harness.execution.pool import RunnerPool
from harness.gate.certificate import Certificate, CertifiedSuite, HashedFile
from harness.gate.decision import decide
from harness.gate.facts import CaseFacts
from harness.gate.policy import Policy
from harness.gate.policy_file import read_policy
from harness.gate.power_table import read_powers
from harness.gate.signing import Signer, signer_of
from harness.judgement.check import Check
from harness.measurement.measurement import Measurement
from harness.operations.check import check, first_job
from harness.operations.evidence import Evidence, sha256_of
from harness.operations.history_run import RunHistory
from harness.operations.progress import SILENT, Progress, stage
from harness.operations.second_run import SecondRuns
from harness.operations.workers import Workers


def gate(
    selection: Selection,
    workers: Workers,
    store: BaselineStore,
    progress: Progress[CaseFacts] = SILENT,
    *,
    only: bool = False,
    policy_file: Path | None = None,
    power_file: Path | None = None,
    not_counted: tuple[Path, ...] = (),
    history: RunHistory | None = None,
    signer: Signer | None = None,
) -> Certificate:
    """Run every case of ``selection`` and decide by the policy in ``policy_file``.

    ``selection`` must include all suites that have baselines in ``store``, unless the gate is about these
    suites ``only``: other baselines are orphans.
    Without a policy, all cases must be identical or within. ``power_file`` is the power table of the cases.
    ``not_counted`` are files, such as the certificate, that do not make a working tree dirty. ``progress``
    counts the selected cases and gets the result of each, and ``history`` records them. ``signer`` is who
    will sign the certificate. Raises a :class:`HarnessError` if files cannot be read, and
    :class:`harness.errors.UsageError` if the policy demands another signer.
    """
    # The policy may be about suites that are not given.
    known = None if only else selection.suites
    policy = Policy() if policy_file is None else read_policy(policy_file, known)
    if policy.signer is not None and (signer is None or signer.line != policy.signer):
        who = "nobody" if signer is None else f"the key {signer.keyid}"
        demanded = f"the policy requires a signature by the key {signer_of(policy.signer).keyid}"
        raise UsageError(f"{demanded}, but {who} signs here; give that key with --certificate and --sign-key")
    hashed = None if policy_file is None else HashedFile(shown(policy_file), sha256_of(policy_file))
    powers = None if power_file is None else read_powers(power_file)
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    # Read before anything runs, as a suite may be edited meanwhile.
    root = Path(os.path.commonpath([suite.path.resolve().parent for suite in selection.suites]))
    suites = []
    for suite in selection.suites:
        file = suite.path.resolve().relative_to(root).as_posix()
        suites.append(CertifiedSuite(suite.name, file, sha256_of(suite.path), len(suite.cases)))
    evidence = Evidence(store, powers)
    chosen = {case.name for case in selection.cases}
    cases: list[CaseFacts] = []
    done, second = 0, SecondRuns()
    left = "nothing was decided, no certificate was written"
    with stage(progress, "running", len(chosen), interrupted=left), workers.pool() as pool:
        submitted = _Submitted(pool, [case for case in selection.cases if _runs(case, store)], store)
        for case in (case for suite in selection.suites for case in suite.cases):
            result = _check(case, submitted, workers, store, second) if case.name in chosen else None
            cases.append(evidence.of(case, result))
            if result is None:
                continue
            if history is not None:
                history.checked(case, result)
            done += 1
            progress.advanced(done)
            progress.finished(cases[-1])
    lost = tuple("/".join(key) for key in orphans(selection.suites, store, only=only))
    return Certificate(
        harness_version=__version__,
        date=now,
        commit=git_commit(root, ignore=not_counted),
        suites_root=shown(root),
        suites=tuple(suites),
        baselines_root=shown(store.root),
        environments=evidence.environments,
        checkpoints=evidence.checkpoints,
        policy=policy,
        policy_file=hashed,
        power=None if powers is None else powers.table,
        cases=tuple(cases),
        orphans=lost,
        decision=decide(policy, cases, lost, now),
        only=only,
    )


class _Submitted:
    """Returns the results of jobs submitted to a pool beforehand, each once; runs any others."""

    def __init__(self, pool: RunnerPool, cases: list[Case], store: BaselineStore) -> None:
        self._pool = pool
        self._results = {case.name: pool.submit_made(partial(first_job, case, store)) for case in cases}

    def run(self, job: Job) -> Measurement:
        submitted = self._results.pop(job.name, None)
        return self._pool.run(job) if submitted is None else submitted.result()

    def restart(self) -> None:
        """Do nothing: a job that must run in a fresh worker says so itself."""


def _runs(case: Case, store: BaselineStore) -> bool:
    """Return whether :func:`check` will run the case, and only a drift twice."""
    if case.fails is not None:
        return case.fails is not FailureCause.NOT_REPEATABLE
    try:
        return bool(own_devices(case, store))
    except HarnessError:
        return False


def _check(
    case: Case, submitted: _Submitted, workers: Workers, store: BaselineStore, second: SecondRuns
) -> Check:
    if case.fails is not FailureCause.NOT_REPEATABLE:
        return check(case, submitted, store, second)
    with workers.runner() as runner:
        return check(case, runner, store)
