"""What a recording would change: cases run twice and compared with the stored baselines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from harness.baselines.arrays import check_storable
from harness.baselines.baseline import Baseline, Key, device_key
from harness.baselines.errors import BaselineDamaged, BaselineError, BaselineMissing, BaselineReplaced
from harness.baselines.git import Commit, git_commit
from harness.baselines.staleness import definition_changes
from harness.baselines.store import ANY, BaselineStore
from harness.cases.case import Case
from harness.cases.job import Job, SecondCalls
from harness.errors import HarnessError
from harness.judgement.calibration.spread import distance
from harness.judgement.fact_reasons import FactsAdded, SketchesChanged
from harness.judgement.failures import Refused, edits_of
from harness.judgement.reasons import Difference, FieldEdit, OtherProvenance, StoredDamaged, UnlikeItself
from harness.judgement.repetition import FreshRunner, check_repeats, first_difference
from harness.judgement.second_call import check_second_call
from harness.judgement.verdicts import judge
from harness.measurement.facts import Facts
from harness.measurement.measurement import Measurement
from harness.operations.check import as_baseline
from harness.operations.progress import SILENT, Progress

Change = FieldEdit | Difference
# Makes the job that stands for a case, which may call its pipeline twice.
JobOf = Callable[[Case, SecondCalls], Job]


@dataclass(frozen=True)
class Proposed:
    """A measurement that repeats, and the baseline that it would replace.

    ``changes`` are what moved. ``relative_l2`` is by how much the output did (None if there is nothing to
    compare with, or if shape or dtype differ). ``renews`` is the stored baseline if only its provenance, the
    user's own code and facts that it lacks are to be renewed: the bits are the same, so its calibration
    remains valid. An unchanged baseline is renewed only if a reason is given. ``uncalibrates`` says whether a
    calibration is lost with the stored baseline, or may be (if that is damaged). ``expected`` is the sha256
    of what was stored when the recording began.
    """

    case: Case
    measurement: Measurement
    device: str
    state: Literal["new", "unchanged", "changed"]
    changes: tuple[Change, ...] = ()
    relative_l2: float | None = None
    renews: Baseline | None = None
    uncalibrates: bool = False
    expected: str | None = ANY


@dataclass(frozen=True)
class Refusal:
    """A case that an operation could not process, and why."""

    case: Case
    error: HarnessError


@dataclass(frozen=True)
class Proposal:
    """The result of each case, in the order of the cases. Nothing is written yet."""

    results: tuple[Proposed | Refusal, ...]

    @property
    def proposed(self) -> tuple[Proposed, ...]:
        """The measurements that repeat."""
        return tuple(result for result in self.results if isinstance(result, Proposed))

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """The cases without a usable measurement."""
        return tuple(result for result in self.results if isinstance(result, Refusal))

    @property
    def changed(self) -> bool:
        """Whether an existing baseline would change."""
        return any(each.state == "changed" for each in self.proposed)


def propose(
    cases: Sequence[Case],
    runner: FreshRunner,
    store: BaselineStore,
    progress: Progress[Any] = SILENT,
    *,
    job: JobOf = Case.job,
) -> Proposal:
    """Run each of ``cases`` in two fresh workers and compare the result with the stored baseline.

    One worker runs them in order, the other from last to first. Anything that a case leaves behind in its
    worker thus shows in the cases that run after it. Each worker also calls each pipeline twice. ``progress``
    counts the runs, two for each case. ``job`` makes what is run of a case, if that is not the case itself.

    Raises :class:`harness.baselines.BaselineError` if the store cannot be written to, before any case runs in
    vain.
    """
    store.check_writable(cases)
    before = {key: sha for case in cases for key, sha in stored_hashes(case, store).items()}
    results: dict[int, Proposed | Refusal] = {}
    first: dict[int, Measurement] = {}
    for again in (False, True):
        runner.restart()
        order = [index for index in range(len(cases)) if index not in results]
        for index in reversed(order) if again else order:
            case = cases[index]
            progress.started(case.name)
            try:
                measured = runner.run(job(case, "always"))
                if not again:
                    first[index] = measured
                else:
                    check_repeats(case.name, first.pop(index), measured)
                    results[index] = _since(before, proposed(case, measured, store), store)
            except HarnessError as error:
                results[index] = Refusal(case, error)
            progress.advanced(len(first) + 2 * len(results))
            if index in results:
                progress.finished(results[index])
    return Proposal(tuple(results[index] for index in range(len(cases))))


def stored_hashes(case: Case, store: BaselineStore) -> dict[Key, str | None]:
    """Return the sha256 of each stored baseline of ``case``; ANY for one that cannot be read."""
    keys = [Key(case.suite, case.id, device) for device in store.devices(case.suite, case.id)]
    return {key: _hash(store, key) for key in keys}


def _hash(store: BaselineStore, key: Key) -> str | None:
    try:
        return store.sha256(key)
    except BaselineError:
        return ANY  # it is replaced, whatever it is


def _since(before: Mapping[Key, str | None], found: Proposed, store: BaselineStore) -> Proposed:
    """Return ``found`` unless the stored baseline is another one than ``before`` the case ran."""
    key = Key(found.case.suite, found.case.id, found.device)
    expected = before.get(key)
    if _hash(store, key) != expected:
        raise BaselineReplaced.since(store.path(*key))
    return replace(found, expected=expected)


def proposed(case: Case, measurement: Measurement, store: BaselineStore) -> Proposed:
    """Return a measurement of ``case`` that repeats, with the stored baseline.

    Raises the errors of the store, and :class:`Refused` for a measurement that is not suitable as a baseline.
    """
    check_storable(case.name, measurement)
    check_second_call(case.name, measurement)
    device = device_key(measurement.fingerprint)
    # A batch that differs from its single images would fail even against itself.
    own = judge(case, measurement, as_baseline(case, measurement))
    if not own.passed:
        raise Refused(case.name, UnlikeItself(own.reasons))
    found = partial(Proposed, case, measurement, device)
    try:
        old = store.load(case.suite, case.id, device, suite_file=case.path)
    except BaselineMissing:
        return found("new")
    except BaselineDamaged:
        # Problems with the baseline are reported where it is used; here it is replaced.
        return found("changed", (StoredDamaged(),), uncalibrates=case.needs_calibration)
    edits = definition_changes(old.provenance.case_definition, case.definition())
    moved = first_difference(old.measurement, measurement)
    if not edits and moved is None:
        renewed = _with_facts_of(measurement, _with_code_of(measurement, old))
        renewed = _with_steps_after(measurement, renewed)
        added = _added_facts(old.measurement.facts, renewed.measurement.facts)
        if _edited(old.provenance.git_commit) and not _edited(commit_of(case, store)):
            return found("changed", (OtherProvenance(), *added), 0.0, renews=renewed)
        return found("unchanged", added, renews=None if renewed is old else renewed)
    output, stored = measurement.output, old.measurement.output
    alike = (output.shape, output.dtype) == (stored.shape, stored.dtype)
    return found(
        "changed",
        (*edits_of(edits), *(() if moved is None else (moved,))),
        distance(output, stored) if alike else None,
        uncalibrates=old.calibration is not None,
    )


def _with_code_of(measurement: Measurement, old: Baseline) -> Baseline:
    """Return ``old`` with the user's own code that computed the same bits now; ``old`` if it is the same."""
    new, stored = measurement.code, old.measurement.code
    if new is None or (stored is not None and (new.files, new.weights) == (stored.files, stored.weights)):
        return old
    return replace(old, measurement=replace(old.measurement, code=new))


def _with_facts_of(measurement: Measurement, old: Baseline) -> Baseline:
    """Return ``old`` with the facts of ``measurement`` if it lacks some, or with its sketches if they differ.

    It is ``old`` itself if nothing is to be added. Sketches follow from the parameters, which are the same.
    """
    facts, stored = measurement.facts, old.measurement.facts
    if facts is None:
        return old
    if stored is None or _lacks(stored, facts):
        added = replace(old.measurement, facts=facts, constants=measurement.constants)
    elif stored.sketches != facts.sketches:
        added = replace(old.measurement, facts=replace(stored, sketches=facts.sketches))
    else:
        return old
    return replace(old, measurement=added)


def _lacks(stored: Facts, facts: Facts) -> bool:
    return not facts.dtypes.keys() <= stored.dtypes.keys()


def _added_facts(stored: Facts | None, renewed: Facts | None) -> tuple[Difference, ...]:
    if renewed is None or renewed is stored:
        return ()
    if stored is None:
        return (FactsAdded(),)
    facts = (FactsAdded(),) if _lacks(stored, renewed) else ()
    return (*facts, *((SketchesChanged(),) if stored.sketches != renewed.sketches else ()))


def _with_steps_after(measurement: Measurement, old: Baseline) -> Baseline:
    """Return ``old`` with what follows the last step, which baselines of earlier versions lack."""
    if old.measurement.host is not None or measurement.host is None or not measurement.host.giving_output:
        return old
    added = replace(old.measurement, host=measurement.host, decoder_input=measurement.decoder_input)
    return replace(old, measurement=added)


def commit_of(case: Case, store: BaselineStore) -> Commit | None:
    """Return the commit at which ``case`` is recorded."""
    # Writing baselines must not make the recorded working tree look edited.
    return git_commit(case.path.parent, ignore=[store.root])


def _edited(commit: Commit | None) -> bool:
    return commit is not None and commit.dirty
