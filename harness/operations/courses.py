"""Courses of runs: each fault of a case from its reference size to its smallest size caught, side by side."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from functools import partial

from harness.baselines.baseline import Baseline
from harness.cases.case import Case
from harness.errors import HarnessError
from harness.execution.pool import RunnerPool
from harness.faults.catalogue import Fault, FaultNotApplicable
from harness.judgement.failures import reason_of
from harness.judgement.power.case_power import FaultPower
from harness.judgement.power.detection import Detection, detect, with_output_fault
from harness.judgement.power.search import Bracket, search
from harness.judgement.reasons import Failed, Reason
from harness.measurement.measurement import Measurement

# It yields the next size, is sent the measurement or thrown the error, and returns what was found.
Course = Generator["float | None", Measurement, FaultPower]


@dataclass(frozen=True)
class SoundCase:
    """A case that can be examined: its baseline, and a run without a fault, which passes with ``margin``."""

    case: Case
    baseline: Baseline
    measurement: Measurement
    margin: float | None


def run_courses(
    subject: SoundCase,
    pool: RunnerPool,
    faults: Sequence[Fault],
    *,
    quick: bool,
    progress: Callable[[int], None],
) -> tuple[FaultPower, ...]:
    """Run the courses of all ``faults``, every run as soon as a runner is free; return theirs in order."""
    courses = [_course(subject, each, quick=quick) for each in faults]
    results: dict[int, FaultPower] = {}
    pending: dict[Future[Measurement], int] = {}

    def go_on(index: int, step: Callable[[], float | None]) -> None:
        """Take the course ``index`` to its next run, and start that."""
        try:
            while True:
                size = step()
                if faults[index].family != "output":
                    pending[pool.submit(subject.case.job().with_fault(faults[index].name, size))] = index
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


def _answer(course: Course, measure: Callable[[], Measurement]) -> Callable[[], float | None]:
    """Return what takes ``course`` on with the measurement that ``measure`` gives, or with its error."""
    try:
        return partial(course.send, measure())
    except HarnessError as error:
        return partial(course.throw, error)


def _course(subject: SoundCase, fault: Fault, *, quick: bool) -> Course:
    """Examine one fault: its reference size, and unless ``quick`` the smallest size caught."""
    unknown = partial(FaultPower, fault.name, fault.family, fault.reference, fault.unit)
    bracket = Bracket(None, None)
    try:
        at_reference = _detected(subject, (yield fault.reference))
        if fault.sized and not quick:
            looking = search(fault, at_reference)
            try:
                size = next(looking)
                while True:
                    size = looking.send(_detected(subject, (yield size)))
            except StopIteration as end:
                bracket = end.value
    except FaultNotApplicable as error:
        return unknown("not applicable", _reason(error, subject.case, fault))
    except HarnessError as error:
        return unknown("failed", _reason(error, subject.case, fault))
    return unknown(
        "caught" if at_reference.caught else "missed",
        by=at_reference.by,
        margin=at_reference.margin,
        numbers_alone=at_reference.numbers_alone,
        caught_from=bracket.caught_from,
        missed_at=bracket.missed_at,
        numbers_from=bracket.numbers_from,
    )


def _detected(subject: SoundCase, measurement: Measurement) -> Detection:
    return detect(subject.case, measurement, subject.baseline)


def _reason(error: HarnessError, case: Case, fault: Fault) -> Reason:
    reason = reason_beside(error, case)
    if isinstance(reason, Failed):
        return replace(reason, told=reason.told.removeprefix(f"{fault.name}: "))
    return reason


def reason_beside(error: HarnessError, case: Case) -> Reason:
    """Return ``error`` as a reason, without the case's place and name, beside which it is shown."""
    reason = reason_of(error)
    if not isinstance(reason, Failed):
        return reason
    return replace(reason, told=reason.told.removeprefix(f"{case.place}: ").removeprefix(f"{case.name}: "))
