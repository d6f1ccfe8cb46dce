"""What a recording would change: cases run twice and compared with the stored baselines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from harness.baselines.arrays import check_storable
from harness.baselines.baseline import Baseline, device_key
from harness.baselines.errors import BaselineDamaged, BaselineMissing
from harness.baselines.git import Commit, git_commit
from harness.baselines.staleness import definition_changes
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.errors import HarnessError
from harness.judgement.calibration.spread import distance
from harness.judgement.failures import Refused, edits_of
from harness.judgement.reasons import Difference, FieldEdit, OtherProvenance, StoredDamaged, UnlikeItself
from harness.judgement.repetition import FreshRunner, check_repeats, first_difference
from harness.judgement.verdicts import judge
from harness.measurement.measurement import Measurement
from harness.operations.check import as_baseline
from harness.operations.progress import SILENT, Progress

Change = FieldEdit | Difference


@dataclass(frozen=True)
class Candidate:
    """A measurement that repeats, and the baseline that it would replace.

    ``changes`` are what moved; ``relative_l2`` is by how much the output did (None where there
    is nothing to compare with, or where shape or dtype differ). ``renews`` is the baseline stored where only
    its provenance is to be renewed: the measurement is the same, and so its calibration holds.
    ``uncalibrates`` is whether a calibration goes with the baseline stored, or may (a damaged one's).
    """

    case: Case
    measurement: Measurement
    device: str
    state: Literal["new", "unchanged", "changed"]
    changes: tuple[Change, ...] = ()
    relative_l2: float | None = None
    renews: Baseline | None = None
    uncalibrates: bool = False


@dataclass(frozen=True)
class Refusal:
    """A case that an operation could not process, and why."""

    case: Case
    error: HarnessError


@dataclass(frozen=True)
class Proposal:
    """The result of each case, in the order of the cases. Nothing is written yet."""

    results: tuple[Candidate | Refusal, ...]

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The measurements that repeat."""
        return tuple(result for result in self.results if isinstance(result, Candidate))

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """The cases without a usable measurement."""
        return tuple(result for result in self.results if isinstance(result, Refusal))

    @property
    def changed(self) -> bool:
        """Whether a baseline that exists would change."""
        return any(candidate.state == "changed" for candidate in self.candidates)


def propose(
    cases: Sequence[Case], runner: FreshRunner, store: BaselineStore, progress: Progress[Any] = SILENT
) -> Proposal:
    """Run each of ``cases`` in two fresh workers and hold the result against the baseline stored.

    One worker runs them in order, the other from the last to the first: so what a case leaves behind in its
    worker shows in those that run after it. ``progress`` counts the runs, two for each case.

    Raises :class:`harness.baselines.BaselineError` where the store cannot be written to, before any case has
    run for nothing.
    """
    store.check_writable(cases)
    results: dict[int, Candidate | Refusal] = {}
    first: dict[int, Measurement] = {}
    for again in (False, True):
        runner.restart()
        order = [index for index in range(len(cases)) if index not in results]
        for index in reversed(order) if again else order:
            case = cases[index]
            progress.started(case.name)
            try:
                measured = runner.run(case.job())
                if not again:
                    first[index] = measured
                else:
                    check_repeats(case.name, first.pop(index), measured)
                    results[index] = candidate(case, measured, store)
            except HarnessError as error:
                results[index] = Refusal(case, error)
            progress.advanced(len(first) + 2 * len(results))
            if index in results:
                progress.finished(results[index])
    return Proposal(tuple(results[index] for index in range(len(cases))))


def candidate(case: Case, measurement: Measurement, store: BaselineStore) -> Candidate:
    """Return a measurement of ``case`` that repeats beside the baseline stored.

    Raises what the store raises, and :class:`Refused` for a measurement that is not fit to be held to.
    """
    check_storable(case.name, measurement)
    device = device_key(measurement.fingerprint)
    # A batch that differs from its single images would fail even against itself.
    own = judge(case, measurement, as_baseline(case, measurement))
    if not own.passed:
        raise Refused(case.name, UnlikeItself(own.reasons))
    found = partial(Candidate, case, measurement, device)
    try:
        old = store.load(case.suite, case.id, device, suite_file=case.path)
    except BaselineMissing:
        return found("new")
    except BaselineDamaged:
        # Problems with it are reported where it is used; here it is replaced.
        return found("changed", (StoredDamaged(),), uncalibrates=case.needs_calibration)
    edits = definition_changes(old.provenance.case_definition, case.definition())
    moved = first_difference(old.measurement, measurement)
    if not edits and moved is None:
        if _edited(old.provenance.git_commit) and not _edited(commit_of(case, store)):
            return found("changed", (OtherProvenance(),), 0.0, renews=old)
        return found("unchanged")
    output, stored = measurement.output, old.measurement.output
    alike = (output.shape, output.dtype) == (stored.shape, stored.dtype)
    return found(
        "changed",
        (*edits_of(edits), *(() if moved is None else (moved,))),
        distance(output, stored) if alike else None,
        uncalibrates=old.calibration is not None,
    )


def commit_of(case: Case, store: BaselineStore) -> Commit | None:
    """Return the commit that ``case`` is recorded at."""
    # Writing baselines must not make the recorded working tree look edited.
    return git_commit(case.path.parent, ignore=[store.root])


def _edited(commit: Commit | None) -> bool:
    return commit is not None and commit.dirty
