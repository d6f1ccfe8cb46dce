"""Checking cases: run each, choose its baseline, and compare the two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from harness.baselines.baseline import Baseline, Provenance, device_key, implementation_in, is_cpu
from harness.baselines.current import own_devices, unusable
from harness.baselines.errors import BaselineMissing
from harness.baselines.soak import read_soak
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.job import Job
from harness.errors import FailureCause, HarnessError
from harness.judgement.check import Check
from harness.judgement.judgement import Judgement, Verdict
from harness.judgement.reasons import DidNotFail, FailedAsExpected, FailedOtherwise, Reason
from harness.judgement.reference import held_to_reference
from harness.judgement.repetition import FreshRunner, check_repeats
from harness.judgement.second_call import check_second_call
from harness.judgement.verdicts import judge
from harness.measurement.measurement import Measurement
from harness.operations.decoding import job_beside
from harness.operations.progress import SILENT, Progress, each_case, stage
from harness.operations.second_run import SecondRuns
from harness.operations.stored_reference import reference_of
from harness.operations.workers import Workers

# The verdicts of runs that were made, and found an own baseline that could be used.
_JUDGED = (Verdict.IDENTICAL, Verdict.WITHIN, Verdict.DRIFT, Verdict.INCOMPARABLE)


def check(case: Case, runner: FreshRunner, store: BaselineStore, second: SecondRuns | None = None) -> Check:
    """Run ``case`` and return the verdict; failing to run it or to find a baseline is an ``error``.

    Its pipeline is called a second time if that is cheap. A drift is run once more in a fresh worker;
    ``second`` are the second runs of the cases checked so far.

    A case without a usable baseline (none stored, or all stale or damaged) is not run. A case that is
    expected to fail has no baseline and is also an ``error``, see :attr:`Judgement.failed_as_expected`; if it
    is expected not to repeat, it runs in two fresh workers, and if it is expected to leave a state behind,
    its pipeline is called twice.
    """
    if case.fails is not None:
        return _failing(case, case.fails, runner, store)
    try:
        if (found := unusable(case, store)) is not None:
            return Check(Judgement.error(case, found), baseline=_first_stored(case, store))
        first = hold(case, runner.run(first_job(case, store)), store)
        return (second or SecondRuns()).confirmed(case, first, runner)
    except HarnessError as error:
        return hold(case, error, store)


def first_job(case: Case, store: BaselineStore) -> Job:
    """Return the job that :func:`check` runs first."""
    if case.fails is None:
        job = job_beside(case, store)
        # What it is held to is the latents of every step.
        return job if case.reference is None else replace(job, keep_latents=True)
    return case.job("always" if case.fails is FailureCause.STATE_LEFT_BEHIND else "never")


def check_all(
    cases: Sequence[Case], workers: Workers, store: BaselineStore, progress: Progress[Check] = SILENT
) -> tuple[Check, ...]:
    """Return the check of each of ``cases``, in their order; see :func:`check`."""
    found: list[Check] = []
    second = SecondRuns()
    with (
        stage(progress, "checking", len(cases), interrupted="the other cases were not checked"),
        workers.runner() as runner,
    ):
        for case, _ in each_case(progress, cases):
            found.append(check(case, runner, store, second))
            progress.finished(found[-1])
    return tuple(found)


def _failing(case: Case, expected: FailureCause, runner: FreshRunner, store: BaselineStore) -> Check:
    """Run ``case``, which is ``expected`` to fail, and return whether it did."""
    reason: Reason = DidNotFail(expected.value)
    measured: Measurement | None = None
    try:
        measured = runner.run(first_job(case, store))
        check_second_call(case.name, measured)
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
    """Compare the measurement of ``case`` with its baseline; a missing baseline is an ``error``."""
    if isinstance(outcome, HarnessError):
        return Check(Judgement.error(case, outcome))
    baseline = soaked = None
    # The latents may be there for a reference alone.
    spare = case.keep == "none" and _is_held(case, outcome)
    measured = replace(outcome, latents=None) if spare else outcome
    try:
        baseline = select_baseline(store, case, outcome.fingerprint)
        judgement = judge(case, measured, baseline)
        if _is_held(case, outcome) and judgement.verdict in _JUDGED:
            found = reference_of(case, store)
            judgement = held_to_reference(case, judgement, outcome, found, baseline.calibration)
        # It decides nothing, so a record that is damaged fails no case; harness soak and a gate report it.
        with suppress(HarnessError):
            soaked = read_soak(store, baseline).runs
    except HarnessError as error:
        judgement = Judgement.error(case, error)
    return Check(judgement, measured, baseline, soaked=soaked if soaked and soaked.runs else None)


def _is_held(case: Case, measurement: Measurement) -> bool:
    """Return whether a measurement is held to a reference: not one without latents, and not one itself."""
    kept = measurement.latents is not None or not measurement.trace
    return case.reference is not None and kept and not implementation_in(measurement.fingerprint)


def select_baseline(store: BaselineStore, case: Case, fingerprint: Mapping[str, str]) -> Baseline:
    """Return the baseline with which a measurement with ``fingerprint`` is compared.

    This is the baseline of its own device if there is one, even if that is damaged. The baseline of another
    device is used only if the case sets ``tolerance.across_devices`` and is not strict, and the judgement
    says so. A device of the same kind (an NPU for an NPU) comes first, then the order is by name.

    Raises :class:`BaselineMissing` if there is no such baseline, and :class:`BaselineError` for one that
    cannot be read.
    """
    own = device_key(dict(fingerprint))
    try:
        return store.load(case.suite, case.id, own, suite_file=case.path)
    except BaselineMissing as missing:
        others = sorted(own_devices(case, store), key=lambda d: (is_cpu(d) != is_cpu(own), d))
        if not others:
            raise
        if case.strict or case.tolerance.across_devices is None:
            why = "is strict" if case.strict else "sets no tolerance.across_devices"
            hint = f"There is one for {', '.join(others)}, but it is not used, because the case {why}"
            raise BaselineMissing(f"{missing}. {hint}", remedy=missing.remedy) from None
        return store.load(case.suite, case.id, others[0], suite_file=case.path)


def as_baseline(case: Case, measurement: Measurement) -> Baseline:
    """Return ``measurement`` as a baseline of ``case`` that is not meant to be stored."""
    provenance = Provenance.of(case, reason="", git_commit=None)
    return Baseline(case.suite, case.id, device_key(measurement.fingerprint), measurement, provenance)


def expected(case: Case, result: Check, store: BaselineStore) -> Baseline | None:
    """Return the baseline to show with a check; if none was used, one that is stored."""
    return result.baseline or _first_stored(case, store)


def _first_stored(case: Case, store: BaselineStore) -> Baseline | None:
    try:
        devices = own_devices(case, store)
        return store.load(case.suite, case.id, devices[0]) if devices else None
    except HarnessError:
        return None  # The judgement reports the problem.
