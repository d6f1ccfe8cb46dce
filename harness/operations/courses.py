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
from harness.judgement.power.case_power import FaultOutcome, FaultPower
from harness.judgement.power.detection import detect, with_output_fault
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
        return found(outcome, reason_beside(error, subject.case.place, subject.case.name, fault.name))
    return found(
        "caught" if at_reference.caught else "missed",
        by=at_reference.by,
        margin=at_reference.margin,
        numbers_alone=at_reference.numbers_alone,
        caught_from=bracket.caught_from,
        missed_at=bracket.missed_at,
        numbers_from=bracket.numbers_from,
    )


def reason_beside(error: HarnessError, *names: str) -> Reason:
    """Return ``error`` as a reason, without the ``names`` at its head, beside which it is shown."""
    reason = reason_of(error)
    if isinstance(reason, Failed):
        for name in names:
            reason = replace(reason, told=reason.told.removeprefix(f"{name}: "))
    return reason
