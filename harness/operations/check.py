"""Checking one case: run it, and hold what came out to its baseline."""

from __future__ import annotations

from typing import Protocol

from harness.baselines.baseline import Baseline
from harness.baselines.current import unusable
from harness.baselines.staleness import BaselineStale
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.job import Job
from harness.errors import HarnessError
from harness.judgement.check import Check
from harness.judgement.judgement import Judgement
from harness.judgement.verdicts import judge
from harness.measurement.measurement import Measurement
from harness.operations.selection import select_baseline


class CaseRunner(Protocol):
    """What a check needs of a runner."""

    def run(self, job: Job) -> Measurement:
        """Run one case; raises a HarnessError where it yields no measurement."""


def check(case: Case, runner: CaseRunner, store: BaselineStore) -> Check:
    """Run ``case`` and return the verdict; every failure to run or to find a baseline is an ``error``.

    A case without a baseline that it could be held to (none stored, or all stale or damaged) is not run.
    """
    try:
        if (found := unusable(case, store)) is not None:
            baseline = found.baseline if isinstance(found, BaselineStale) else None
            return Check(Judgement.error(case, found), baseline=baseline)
        measurement = runner.run(case.job())
    except HarnessError as error:
        return Check(Judgement.error(case, error))
    return hold(case, measurement, store)


def hold(case: Case, measurement: Measurement, store: BaselineStore) -> Check:
    """Hold what a run of ``case`` yielded to its baseline; where there is none that is an ``error``."""
    baseline = None
    try:
        baseline = select_baseline(store, case, measurement.fingerprint)
        judgement = judge(case, measurement, baseline)
    except HarnessError as error:
        judgement = Judgement.error(case, error)
    return Check(judgement, measurement, baseline)


def expected(case: Case, result: Check, store: BaselineStore) -> Baseline | None:
    """Return the baseline to show beside a check: of a case that was held to none, one that is stored."""
    if result.baseline is not None:
        return result.baseline
    try:
        devices = store.devices(case.suite, case.id)
        return store.load(case.suite, case.id, devices[0]) if devices else None
    except HarnessError:
        return None  # The judgement says what is wrong with it.
