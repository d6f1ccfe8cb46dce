"""The matrix: every case under every environment, each pair of environments compared."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.errors import HarnessError, UsageError
from harness.judgement.failures import reason_of
from harness.judgement.judgement import Verdict
from harness.judgement.reasons import Reason
from harness.operations.check import hold
from harness.operations.compare_runs import compare_runs
from harness.operations.foresight import Foresight, foresee
from harness.operations.history_run import RunHistory
from harness.operations.progress import KEPT, SILENT, Progress, stage
from harness.operations.running import CaseRun, Running, measurement_of, run_cases
from harness.releases.comparison import Comparison, RunResult
from harness.releases.environments import Environments
from harness.releases.interpreters import Subject, in_order, inspect_interpreter
from harness.releases.requirements import Release, Specification


@dataclass(frozen=True)
class MatrixRow:
    """One case under all subjects of a matrix.

    ``bits`` maps each subject to the hash of its run's result, or to None if there was no result; the reason
    is then in ``errors``. ``pairs`` maps (i, j), i < j, to the comparison of subject j with subject i.
    """

    suite: str
    case_id: str
    bits: tuple[str | None, ...]
    errors: tuple[Reason | None, ...]
    pairs: Mapping[tuple[int, int], Comparison]

    @property
    def name(self) -> str:
        """The case as ``suite/id``."""
        return f"{self.suite}/{self.case_id}"

    def step(self, index: int) -> Comparison | None:
        """Return how subject ``index`` compares with the one before it; None for the first."""
        return self.pairs[(index - 1, index)] if index else None


@dataclass(frozen=True)
class MatrixColumn:
    """What is known about one subject after its cases have run.

    ``fingerprint`` is that of a worker in PyNative and float32. ``seconds`` is the time that its cases took
    here, and ``kept`` is the number of cases taken from an earlier run instead.
    """

    subject: Subject
    fingerprint: Mapping[str, str]
    seconds: float
    kept: int


@dataclass(frozen=True)
class Matrix:
    """Every case under every subject. ``seconds`` is the time that all comparisons took together."""

    columns: tuple[MatrixColumn, ...]
    rows: tuple[MatrixRow, ...]
    seconds: float

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the subjects."""
        return tuple(column.subject.name for column in self.columns)

    @property
    def passed(self) -> bool:
        """Whether every case ran everywhere, and every pair is the same or within its tolerance."""
        return all(pair.passed for row in self.rows for pair in row.pairs.values()) and not any(
            error for row in self.rows for error in row.errors
        )

    @property
    def refuted(self) -> bool:
        """Whether a pair drifted, whatever else did not run or could not be compared."""
        return any(pair.verdict is Verdict.DRIFT for row in self.rows for pair in row.pairs.values())

    def groups(self) -> tuple[tuple[str, ...], ...]:
        """Return the subjects in classes of equal bits in every case, in order; see :func:`classes`.

        Cases that ran nowhere are ignored. If a case ran under only some subjects, these are in other classes
        than the rest.
        """
        ran = [row for row in self.rows if any(row.bits)]
        return classes(self.names, [tuple(row.bits[i] for row in ran) for i in range(len(self.columns))])

    def verdicts(self) -> dict[str, int]:
        """Return the number of pairs, over all cases, with each verdict."""
        found = [pair.verdict for row in self.rows for pair in row.pairs.values()]
        return {verdict.value: found.count(verdict) for verdict in Verdict}


def classes(names: Sequence[str], marks: Sequence[object]) -> tuple[tuple[str, ...], ...]:
    """Return ``names`` grouped into classes of equal ``marks``, in the given order."""
    found: dict[object, list[str]] = {}
    for name, mark in zip(names, marks, strict=True):
        found.setdefault(mark, []).append(name)
    return tuple(tuple(group) for group in found.values())


class Wanted:
    """The environments of a matrix: ``releases``, such as ``mindspore==2.8.0``, and existing interpreters.

    ``extras`` are installed with every release. Raises :class:`harness.errors.UsageError` for anything that
    is not a release, for fewer than two environments, and for extras without releases.
    """

    def __init__(self, releases: Sequence[str], extras: Sequence[str], pythons: Sequence[str]) -> None:
        self._releases, self._extras, self._pythons = list(map(Release.parse, releases)), extras, pythons
        if len(releases) + len(pythons) < 2:
            raise UsageError("a matrix compares environments: give two or more --release or --python")
        if extras and not releases:
            raise UsageError(
                "--with applies to environments that harness creates: give --release, or leave out --with"
            )

    def subjects(self, environments: Environments, preparing: Callable[[str], None]) -> list[Subject]:
        """Return the environments to run in, oldest MindSpore first; missing ``environments`` are created."""
        # Check what can be checked at once before creating environments, which takes minutes.
        specifications = [Specification.of(release, self._extras) for release in self._releases]
        given = list(map(inspect_interpreter, self._pythons))
        return in_order(environments.ensure(specifications, preparing) + given)


def matrix(
    cases: Sequence[Case],
    wanted: Wanted,
    environments: Path,
    running: Running,
    store: BaselineStore,
    progress: Progress[Foresight | CaseRun] = SILENT,
    *,
    history: RunHistory | None = None,
) -> Matrix:
    """Run ``cases`` in all environments ``wanted`` and compare every pair, see :func:`run_matrix`.

    Missing environments of releases are created below the folder ``environments``. ``progress`` gets the
    foreseeable problems before anything runs, then each run, and counts the runs.
    """
    with stage(progress, "looking at the environments", 0, interrupted=KEPT):
        columns = wanted.subjects(Environments(environments), progress.preparing)
    progress.finished(foresee(cases, store, columns))
    with stage(progress, "running", len(cases) * len(columns), interrupted=KEPT):
        return run_matrix(cases, columns, running, store, progress, history=history)


def run_matrix(
    cases: Sequence[Case],
    subjects: Sequence[Subject],
    running: Running,
    store: BaselineStore,
    progress: Progress[CaseRun] = SILENT,
    *,
    history: RunHistory | None = None,
) -> Matrix:
    """Run ``cases`` once under each of ``subjects`` and compare every pair.

    ``store`` has the calibrations by which pairs with other bits are judged. With ``history``, every run is
    also compared with its baseline and recorded there. A case without a measurement has its error in place of
    one; a problem with a whole environment raises HarnessError.
    """
    columns, found = [], []
    counter = itertools.count(1)

    def told(run: CaseRun) -> None:
        progress.advanced(next(counter))
        progress.finished(run)

    for subject in subjects:
        started = time.monotonic()
        ran = run_cases(cases, subject, running, told)
        columns.append(MatrixColumn(subject, ran.fingerprint, time.monotonic() - started, ran.kept))
        found.append(ran.found)
    started = time.monotonic()
    rows = []
    for index, case in enumerate(cases):
        # One case at a time, because all measurements together may not fit into memory.
        outcomes = [measurement_of(ran[index]) for ran in found]
        rows.append(_row(case, outcomes, store))
        if history is not None:
            for subject, outcome in zip(subjects, outcomes, strict=True):
                history.checked(case, hold(case, outcome, store), subject.name)
    return Matrix(tuple(columns), tuple(rows), time.monotonic() - started)


def _row(case: Case, outcomes: Sequence[RunResult], store: BaselineStore) -> MatrixRow:
    pairs = itertools.combinations(enumerate(outcomes), 2)
    return MatrixRow(
        case.suite,
        case.id,
        tuple(None if isinstance(each, HarnessError) else each.bits for each in outcomes),
        tuple(reason_of(each) if isinstance(each, HarnessError) else None for each in outcomes),
        {(i, j): compare_runs(case, reference, measured, store) for (i, reference), (j, measured) in pairs},
    )
