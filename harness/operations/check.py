"""Checking one case: run it, and hold what came out to its baseline."""

from __future__ import annotations

from harness.baselines.baseline import Baseline
from harness.baselines.current import unusable
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.errors import FailureCause, HarnessError
from harness.judgement.check import Check
from harness.judgement.judgement import Judgement, Verdict
from harness.judgement.reasons import DidNotFail, FailedAsExpected, FailedOtherwise, Reason
from harness.judgement.repetition import FreshRunner, check_repeats
from harness.judgement.verdicts import judge
from harness.measurement.measurement import Measurement
from harness.operations.selection import select_baseline


def check(case: Case, runner: FreshRunner, store: BaselineStore) -> Check:
    """Run ``case`` and return the verdict; every failure to run or to find a baseline is an ``error``.

    A case without a baseline that it could be held to (none stored, or all stale or damaged) is not run. One
    that is expected to fail has none, and is an ``error`` as well, see :attr:`Judgement.failed_as_expected`;
    where it is not to repeat it runs in two fresh workers.
    """
    if case.fails is not None:
        return _failing(case, case.fails, runner)
    try:
        if (found := unusable(case, store)) is not None:
            return Check(Judgement.error(case, found), baseline=_first_stored(case, store))
        return hold(case, runner.run(case.job()), store)
    except HarnessError as error:
        return hold(case, error, store)


def _failing(case: Case, expected: FailureCause, runner: FreshRunner) -> Check:
    """Run ``case``, which is ``expected`` to fail, and return whether it did."""
    reason: Reason = DidNotFail(expected.value)
    measured: Measurement | None = None
    try:
        measured = runner.run(case.job())
        if expected is FailureCause.NOT_REPEATABLE:
            runner.restart()
            check_repeats(case.name, measured, runner.run(case.job()))
    except HarnessError as error:
        if error.cause is expected:
            reason = FailedAsExpected(expected.value, str(error))
        else:
            reason = FailedOtherwise(expected.value, error.cause.value, str(error))
    return Check(Judgement(case.suite, case.id, Verdict.ERROR, reasons=(reason,)), measured)


def hold(case: Case, outcome: Measurement | HarnessError, store: BaselineStore) -> Check:
    """Hold what a run of ``case`` yielded to its baseline; where there is none that is an ``error``."""
    if isinstance(outcome, HarnessError):
        return Check(Judgement.error(case, outcome))
    baseline = None
    try:
        baseline = select_baseline(store, case, outcome.fingerprint)
        judgement = judge(case, outcome, baseline)
    except HarnessError as error:
        judgement = Judgement.error(case, error)
    return Check(judgement, outcome, baseline)


def expected(case: Case, result: Check, store: BaselineStore) -> Baseline | None:
    """Return the baseline to show beside a check: of a case that was held to none, one that is stored."""
    return result.baseline or _first_stored(case, store)


def _first_stored(case: Case, store: BaselineStore) -> Baseline | None:
    try:
        devices = store.devices(case.suite, case.id)
        return store.load(case.suite, case.id, devices[0]) if devices else None
    except HarnessError:
        return None  # The judgement says what is wrong with it.
