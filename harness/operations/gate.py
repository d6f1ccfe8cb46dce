"""The gate: runs every case of the suites, and certifies what came of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from harness import __version__
from harness.baselines.current import orphans
from harness.baselines.errors import shown
from harness.baselines.git import git_commit
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.selection import Selection
from harness.errors import HarnessError
from harness.execution.pool import RunnerPool
from harness.gate.certificate import Certificate, HashedFile, SuiteFile
from harness.gate.decision import decide
from harness.gate.facts import CaseFacts
from harness.gate.policy import Policy
from harness.gate.power_table import Powers
from harness.judgement.check import Check
from harness.measurement.measurement import Measurement
from harness.operations.check import check
from harness.operations.evidence import Evidence, sha256_of


def gate(
    selection: Selection,
    pool: RunnerPool,
    store: BaselineStore,
    policy: Policy,
    *,
    policy_file: HashedFile | None = None,
    powers: Powers | None = None,
    not_counted: tuple[Path, ...] = (),
    progress: Callable[[CaseFacts], None] = lambda _: None,
    checked: Callable[[Case, Check], None] = lambda *_: None,
) -> Certificate:
    """Run every case of ``selection``, side by side as ``pool`` has runners, and decide by ``policy``.

    ``selection`` must be of all suites that ``store`` has baselines of: baselines of others are orphans.
    ``not_counted`` are files that make a working tree no dirty one, such as the certificate. ``progress`` is
    told what came of each case, ``checked`` the check that this was made of. Raises a :class:`HarnessError`
    where files cannot be read.
    """
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    # Before anything runs: a suite that is edited meanwhile is not what ran.
    root = Path(os.path.commonpath([suite.path.resolve().parent for suite in selection.suites]))
    suites = [
        SuiteFile(
            suite.name,
            suite.path.resolve().relative_to(root).as_posix(),
            sha256_of(suite.path),
            len(suite.cases),
        )
        for suite in selection.suites
    ]
    evidence = Evidence(store, powers)
    cases = _checked(selection, pool, store, evidence, progress, checked)
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
        policy=policy,
        policy_file=policy_file,
        power=None if powers is None else powers.table,
        cases=cases,
        orphans=lost,
        decision=decide(policy, cases, lost, now),
    )


class _Submitted:
    """Gives the results of jobs that a pool was given before, each once."""

    def __init__(self, pool: RunnerPool, cases: list[Case]) -> None:
        self._results: dict[str, Future[Measurement]] = {}
        for case in cases:
            job = case.job()
            self._results[job["id"]] = pool.submit(job)

    def run(self, job: dict[str, Any]) -> Measurement:
        return self._results.pop(job["id"]).result()


def _checked(
    selection: Selection,
    pool: RunnerPool,
    store: BaselineStore,
    evidence: Evidence,
    progress: Callable[[CaseFacts], None],
    checked: Callable[[Case, Check], None],
) -> tuple[CaseFacts, ...]:
    chosen = set(map(_key, selection.cases))
    submitted = _Submitted(pool, [case for case in selection.cases if _has_baseline(case, store)])
    found = []
    for case in (case for suite in selection.suites for case in suite.cases):
        if _key(case) in chosen:
            result = check(case, submitted, store)
            checked(case, result)
            facts = evidence.of(case, result)
            progress(facts)
        else:
            facts = evidence.not_selected(case)
        found.append(facts)
    return tuple(found)


def _key(case: Case) -> tuple[str, str]:
    return case.suite, case.id


def _has_baseline(case: Case, store: BaselineStore) -> bool:
    """Return whether :func:`check` will run the case."""
    try:
        return bool(store.devices(case.suite, case.id))
    except HarnessError:
        return False
