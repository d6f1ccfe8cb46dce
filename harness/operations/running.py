"""Running cases in one environment; each result is kept on disk as soon as it is available."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from harness.cases.case import Case
from harness.errors import HarnessError
from harness.execution.pool import RunnerPool
from harness.execution.runner import Runner
from harness.measurement.measurement import Measurement
from harness.operations.workers import Workers
from harness.releases.interpreters import Subject
from harness.releases.kept import KeptMeasurements, Sources, read_measurement

# The result of a run: the file of its measurement, or why there is none.
Kept = Path | HarnessError


@dataclass(frozen=True)
class Running:
    """How cases run in several environments: ``workers`` run them, under the interpreter of each.

    Results are kept below ``work`` as they arrive, and reused from there unless ``fresh``.
    """

    workers: Workers
    work: Path
    fresh: bool = False

    @cached_property
    def sources(self) -> Sources:
        """The hashes of what the measurements are made from."""
        return Sources(self.workers.import_paths)


@dataclass(frozen=True)
class CaseRun:
    """The result of a case under a subject; ``earlier`` says whether it was kept from an earlier run."""

    subject: Subject
    case: Case
    found: Kept
    earlier: bool


@dataclass(frozen=True)
class Ran:
    """The results of one subject's cases, in order, and how many were kept from earlier runs.

    ``fingerprint`` is that of a worker there, in PyNative and float32.
    """

    fingerprint: dict[str, str]
    found: tuple[Kept, ...]
    kept: int


def run_cases(
    cases: Sequence[Case],
    subject: Subject,
    running: Running,
    ran: Callable[[CaseRun], None] = lambda _: None,
    *,
    time: int = 1,
) -> Ran:
    """Run those of ``cases`` that are not kept; a case without a result has its error in place of one.

    ``ran`` is called with each. ``time`` counts the runs of one case there; each is kept by itself.

    Raises HarnessError if no worker starts there, and if a measurement cannot be kept.
    """
    made: list[Runner] = []
    workers = running.workers.under(subject.python)

    def make() -> Runner:
        made.append(workers.runner())
        return made[-1]

    with RunnerPool(make, workers.processes) as pool:
        # Most cases run in this worker.
        fingerprint = made[0].describe().fingerprint
        kept = KeptMeasurements(
            running.work, subject, fingerprint, running.sources, fresh=running.fresh, time=time
        )
        found: dict[int, Kept] = {}
        for index, case in enumerate(cases):
            if (path := kept.find(case)) is not None:
                found[index] = path
                ran(CaseRun(subject, case, path, earlier=True))
        taken = len(found)
        waiting = [(index, case.job()) for index, case in enumerate(cases) if index not in found]
        for index, outcome in pool.run_all(waiting):
            case = cases[index]
            found[index] = outcome if isinstance(outcome, HarnessError) else kept.save(case, outcome)
            ran(CaseRun(subject, case, found[index], earlier=False))
    return Ran(fingerprint, tuple(found[index] for index in range(len(cases))), taken)


def measurement_of(found: Kept) -> Measurement | HarnessError:
    """Return the measurement that was kept of a run, or why there is none."""
    if isinstance(found, HarnessError):
        return found
    measurement = read_measurement(found)
    if measurement is None:
        return HarnessError(f"{found}: the measurement kept there is gone or damaged; run this again")
    return measurement


def run_case(case: Case, subject: Subject, running: Running, time: int = 1) -> Measurement:
    """Return the measurement of one case, run or kept; raises HarnessError if there is none.

    ``time`` says which of several runs there it is.
    """
    outcome = measurement_of(run_cases([case], subject, running, time=time).found[0])
    if isinstance(outcome, HarnessError):
        raise outcome
    return outcome
