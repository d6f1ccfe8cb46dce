"""The power of cases: inject every fault, judge the result, and search for the smallest size caught."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from functools import partial

from harness.baselines.baseline import Baseline, baseline_sha256, device_key
from harness.baselines.current import load_current, own_devices, unusable
from harness.baselines.errors import BaselineError, BaselineMissing
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.tolerance import Calibrated
from harness.errors import HarnessError, UsageError
from harness.execution.pool import RunnerPool
from harness.faults.catalogue import FAULTS, Fault, FaultNotApplicable, fault
from harness.judgement.calibration.findings import chaos_of
from harness.judgement.failures import Refused, reason_of
from harness.judgement.power.case_power import (
    CasePower,
    FaultOutcome,
    FaultPower,
    PowerReport,
    Vacuity,
    vacuity,
)
from harness.judgement.power.detection import TIER, detect, tolerance_used, with_output_fault
from harness.judgement.power.search import Bracket, search
from harness.judgement.power.vacuity import vacuous_output
from harness.judgement.reasons import (
    ChaoticWithoutPower,
    Failed,
    FailsWithoutFault,
    Reason,
    StrictWithoutPower,
    WithoutCalibration,
)
from harness.judgement.tiers import calibration_remedy
from harness.judgement.verdicts import judge
from harness.measurement.measurement import Measurement
from harness.operations.decoding import with_decoder_of
from harness.operations.progress import SILENT, Progress, each_case, stage
from harness.operations.workers import Workers

# The examination of one fault: a generator that yields the next size, is sent the measurement of a run with
# it, or has its error thrown in, and returns what was found.
_Course = Generator["float | None", Measurement, FaultPower]


@dataclass(frozen=True)
class _SoundCase:
    """A case that can be examined: its baseline, and a run without a fault, which passes with ``margin``."""

    case: Case
    baseline: Baseline
    measurement: Measurement
    margin: float | None


def chosen_faults(names: Sequence[str]) -> tuple[Fault, ...]:
    """Return the faults called ``names``, or all if there are none, in the order of the catalogue.

    Raises :class:`harness.errors.UsageError` for a name that is not a fault.
    """
    if not names:
        return FAULTS
    try:
        chosen = {fault(name) for name in names}
    except HarnessError as error:
        raise UsageError(str(error)) from None
    return tuple(each for each in FAULTS if each in chosen)


def power(
    cases: Sequence[Case],
    workers: Workers,
    store: BaselineStore,
    faults: Sequence[Fault] = FAULTS,
    *,
    quick: bool = False,
    progress: Progress[CasePower] = SILENT,
) -> PowerReport:
    """Return the power of all ``cases``; ``progress`` counts their faults. See :func:`measure_power`."""
    found: list[CasePower] = []
    runs = len(cases) * len(faults)
    with stage(progress, "examining", runs, interrupted="no file was written"), workers.pool() as pool:
        for case, done in each_case(progress, cases, len(faults)):
            found.append(measure_power(case, pool, store, faults, quick=quick, progress=done))
            progress.finished(found[-1])
    return PowerReport.of(found, faults, quick=quick)


def measure_power(
    case: Case,
    pool: RunnerPool,
    store: BaselineStore,
    faults: Sequence[Fault] = FAULTS,
    *,
    quick: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> CasePower:
    """Return the power of ``case``, compared with its stored baseline at the tolerance across releases.

    The case runs once unchanged, which must pass, then with each of ``faults``, as many side by side as
    ``pool`` has runners; ``progress`` is called with the number of faults done. ``quick`` examines only the
    reference sizes. A case that cannot be examined is returned with the reason.
    """
    try:
        subject = _subject(case, pool, store)
    except HarnessError as error:
        return CasePower(case.suite, case.id, refusal=_reason_beside(error), remedy=error.remedy)
    found = _run_courses(subject, pool, faults, quick=quick, progress=progress)
    silent = vacuity(found)
    if (why := vacuous_output(case, subject.baseline)) is not None:
        silent = Vacuity(True, why)
    return CasePower(
        suite=case.suite,
        case_id=case.id,
        device=subject.baseline.device,
        case_hash=case.hash(),
        baseline_sha256=baseline_sha256(subject.baseline),
        tolerance=tolerance_used(case, subject.baseline),
        sound_margin=subject.margin,
        faults=found,
        vacuous=silent.vacuous,
        why_vacuous=silent.why,
    )


def _subject(case: Case, pool: RunnerPool, store: BaselineStore) -> _SoundCase:
    """Run ``case`` without a fault; raises HarnessError unless it can be judged and passes."""
    _check_stored(case, store)
    measurement = pool.run(case.job())
    baseline = _fit(case, store, device_key(measurement.fingerprint))
    judgement = judge(case, measurement, baseline, tier=TIER)
    if not judgement.passed:
        why = FailsWithoutFault(judgement.verdict.value, TIER.value, judgement.reasons)
        raise Refused(case.name, why)
    return _SoundCase(case, baseline, measurement, judgement.margin)


def _check_stored(case: Case, store: BaselineStore) -> None:
    """Raise, before anything runs, if no stored baseline is suitable for an examination."""
    if isinstance(found := unusable(case, store), BaselineMissing):
        raise found
    problems: list[HarnessError] = []
    for device in own_devices(case, store):
        try:
            _fit(case, store, device)
        except (BaselineError, Refused) as error:
            problems.append(error)
        else:
            return
    raise problems[0]


def _fit(case: Case, store: BaselineStore, device: str) -> Baseline:
    """Return the baseline for ``device``; HarnessError if it is unsuitable for limits across releases."""
    baseline = load_current(store, case, device)
    if case.strict:
        raise Refused(case.name, StrictWithoutPower(TIER.value))
    if not isinstance(case.tolerance.across_releases, Calibrated):
        return baseline
    if baseline.calibration is None:
        # It is not known before the faults run whether their interpreter is that of the baseline.
        remedy = calibration_remedy(case, baseline.device, TIER)
        raise Refused(case.name, WithoutCalibration(TIER.value), remedy=remedy)
    if baseline.calibration.chaos is not None:
        raise Refused(case.name, ChaoticWithoutPower(chaos_of(baseline.calibration)))
    return baseline


def _run_courses(
    subject: _SoundCase,
    pool: RunnerPool,
    faults: Sequence[Fault],
    *,
    quick: bool,
    progress: Callable[[int], None],
) -> tuple[FaultPower, ...]:
    """Run the courses of all ``faults``, each run as soon as a runner is free; return results in order."""
    courses = [_course(subject, each, quick=quick) for each in faults]
    job = with_decoder_of(subject.case.job(), subject.baseline)
    results: dict[int, FaultPower] = {}
    pending: dict[Future[Measurement], int] = {}

    def go_on(index: int, step: Callable[[], float | None]) -> None:
        """Advance the course ``index`` to its next run, and start that run."""
        try:
            while True:
                size = step()
                if faults[index].family != "output":
                    pending[pool.submit(job.with_fault(faults[index].name, size))] = index
                    return
                step = _answer(
                    courses[index], partial(with_output_fault, subject.measurement, faults[index], size)
                )
        except StopIteration as end:
            results[index] = end.value
            progress(len(results))

    try:
        for index, course in enumerate(courses):
            go_on(index, partial(next, course))
        while pending:
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                index = pending.pop(future)
                go_on(index, _answer(courses[index], future.result))
    finally:
        for future in pending:
            future.cancel()
    return tuple(results[index] for index in range(len(courses)))


def _answer(course: _Course, measure: Callable[[], Measurement]) -> Callable[[], float | None]:
    """Return a function that advances ``course`` with the result of ``measure``, or with its error."""
    try:
        return partial(course.send, measure())
    except HarnessError as error:
        return partial(course.throw, error)


def _course(subject: _SoundCase, fault: Fault, *, quick: bool) -> _Course:
    """Examine one fault: its reference size and, unless ``quick``, the smallest size caught."""
    found = partial(FaultPower, fault.name, fault.family, fault.reference, fault.unit)
    detected = partial(detect, subject.case, baseline=subject.baseline)
    bracket = Bracket(None, None)
    try:
        at_reference = detected((yield fault.reference))
        if fault.sized and not quick:
            looking = search(fault, at_reference)
            try:
                size = next(looking)
                while True:
                    size = looking.send(detected((yield size)))
            except StopIteration as end:
                bracket = end.value
    except HarnessError as error:
        outcome: FaultOutcome = "not applicable" if isinstance(error, FaultNotApplicable) else "failed"
        return found(outcome, _reason_beside(error))
    return found(
        "caught" if at_reference.caught else "missed",
        by=at_reference.by,
        margin=at_reference.margin,
        numbers_alone=at_reference.numbers_alone,
        caught_from=bracket.caught_from,
        missed_at=bracket.missed_at,
        numbers_from=bracket.numbers_from,
    )


def _reason_beside(error: HarnessError) -> Reason:
    """Return ``error`` as a reason, without what it is about, next to which it is shown."""
    reason = reason_of(error)
    return replace(reason, told=error.message) if isinstance(reason, Failed) else reason
