"""Recording: which measurements are fit to become baselines, and what they would change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from harness.baselines.baseline import Baseline, Provenance, device_key
from harness.baselines.errors import BaselineDamaged, BaselineError, BaselineMissing
from harness.baselines.git import Commit, git_commit
from harness.baselines.staleness import FieldChange, definition_changes
from harness.baselines.store import BaselineStore, Written, check_storable
from harness.cases.case import Case
from harness.errors import HarnessError
from harness.judgement.calibration.spread import distance
from harness.judgement.check import Check
from harness.judgement.judgement import Judgement
from harness.judgement.repetition import FreshRunner, check_repeats, first_difference
from harness.judgement.verdicts import judge
from harness.judgement.wording import joined
from harness.measurement.measurement import Array, Measurement
from harness.operations.check import hold

FIRST_REASON = "first recording"


@dataclass(frozen=True)
class Candidate:
    """A measurement that repeats, beside the baseline it would take the place of.

    ``changes`` says in words what moved; ``relative_l2`` is by how much the output did (None where there
    is nothing to compare with, or where shape or dtype differ). ``renews`` is the baseline stored where only
    its provenance is to be renewed: the measurement is the same, and so its calibration holds.
    ``uncalibrates`` is whether a calibration goes with the baseline stored, or may (a damaged one's).
    """

    case: Case
    measurement: Measurement
    device: str
    state: Literal["new", "unchanged", "changed"]
    changes: tuple[str, ...] = ()
    relative_l2: float | None = None
    renews: Baseline | None = None
    uncalibrates: bool = False


@dataclass(frozen=True)
class Refusal:
    """A case that cannot be recorded, and why."""

    case: Case
    error: HarnessError


# What became of a candidate: written or found in place, refused, or (None) kept back for want of a reason.
Outcome: TypeAlias = Written | Refusal | None


class RecordingProgress:
    """What a recording tells of its progress; a display overrides it."""

    def started(self, case: Case) -> None:
        """Take the case that runs now."""

    def ran(self, case: Case) -> None:
        """Take a case that has run once."""

    def finished(self, case: Case, result: Candidate | Refusal) -> None:
        """Take what became of a case."""


class Recording:
    """One run of ``harness record``: measure every case, show what would change, then store.

    Nothing is written before :meth:`store`.
    """

    def __init__(self, store: BaselineStore) -> None:
        self._store = store
        self.candidates: list[Candidate] = []
        self.refusals: list[Refusal] = []
        self._kept_back = 0
        self._stored: list[Case] = []
        self._uncalibrated: list[Case] = []

    @property
    def changed(self) -> bool:
        """Whether a baseline that exists would change."""
        return any(candidate.state == "changed" for candidate in self.candidates)

    @property
    def stored_cases(self) -> tuple[Case, ...]:
        """The cases whose baseline in the store is, after :meth:`store`, what was measured."""
        return tuple(self._stored)

    @property
    def uncalibrated_cases(self) -> tuple[Case, ...]:
        """Those of them whose baseline has lost its calibration."""
        return tuple(self._uncalibrated)

    @property
    def complete(self) -> bool:
        """Whether every case measured has the baseline it should have."""
        return not self.refusals and not self._kept_back

    def measure(
        self, cases: Sequence[Case], runner: FreshRunner, progress: RecordingProgress | None = None
    ) -> list[Candidate | Refusal]:
        """Run each of ``cases`` in two fresh workers and hold the result against the baseline stored.

        One worker runs them in order, the other from the last to the first: so what a case leaves behind in
        its worker shows in those that run after it. The results are in the order of ``cases``.

        Raises :class:`BaselineError` where the store cannot be written to, before any case
        has run for nothing.
        """
        self._store.check_writable(cases)
        progress = progress or RecordingProgress()
        results: dict[int, Candidate | Refusal] = {}
        first: dict[int, Measurement] = {}
        for again in (False, True):
            runner.restart()
            order = [index for index in range(len(cases)) if index not in results]
            for index in reversed(order) if again else order:
                case = cases[index]
                progress.started(case)
                try:
                    measured = runner.run(case.job())
                    if not again:
                        first[index] = measured
                        progress.ran(case)
                        continue
                    check_repeats(case.name, first.pop(index), measured)
                    results[index] = propose(case, measured, self._store)
                except HarnessError as error:
                    results[index] = Refusal(case, error)
                progress.finished(case, results[index])
        found = [results[index] for index in range(len(cases))]
        self.candidates += [result for result in found if isinstance(result, Candidate)]
        self.refusals += [result for result in found if isinstance(result, Refusal)]
        return found

    def store(self, reason: str | None) -> list[tuple[Candidate, Outcome]]:
        """Write what is new, and with a ``reason`` what changed; return what became of each candidate.

        A changed baseline without a reason is kept as it is. One that cannot be written is refused, and
        the others are still written.
        """
        reason = (reason or "").strip()
        return [(candidate, self._outcome(candidate, reason)) for candidate in self.candidates]

    def checks(self) -> Iterator[tuple[Case, Check]]:
        """Yield each case held to the baseline that is now stored; then, as errors, those refused."""
        for candidate in self.candidates:
            yield candidate.case, hold(candidate.case, candidate.measurement, self._store)
        # After the candidates, of which some were refused when they came to be written.
        for refusal in self.refusals:
            yield refusal.case, Check(Judgement.error(refusal.case, refusal.error))

    def _outcome(self, candidate: Candidate, reason: str) -> Outcome:
        if candidate.state == "changed" and not reason:
            self._kept_back += 1
            return None
        try:
            written = self._write(candidate, reason or FIRST_REASON)
        except HarnessError as error:
            refusal = Refusal(candidate.case, error)
            self.refusals.append(refusal)
            return refusal
        self._stored.append(candidate.case)
        if candidate.uncalibrates:
            self._uncalibrated.append(candidate.case)
        return written

    def _write(self, candidate: Candidate, reason: str) -> Written:
        case = candidate.case
        if candidate.state == "unchanged":
            return Written(self._store.path(case.suite, case.id, candidate.device), "unchanged")
        provenance = Provenance.of(case, reason=reason, git_commit=_commit(case, self._store))
        if candidate.renews is not None:
            return self._store.write(replace(candidate.renews, provenance=provenance), renew=True)
        baseline = Baseline(case.suite, case.id, candidate.device, candidate.measurement, provenance)
        return self._store.write(baseline)


def propose(case: Case, measurement: Measurement, store: BaselineStore) -> Candidate:
    """Return a measurement of ``case`` that repeats beside the baseline stored.

    Raises what the store raises, and :class:`BaselineError` for a measurement that is not
    fit to be held to.
    """
    check_storable(case.name, measurement)
    device = device_key(measurement.fingerprint)
    _check_own_rules(case, measurement, device)
    try:
        old = store.load(case.suite, case.id, device, suite_file=case.path)
    except BaselineMissing:
        return Candidate(case, measurement, device, "new")
    except BaselineDamaged:
        # What is wrong with it, and what to do, is told where it is to be used; here it is replaced.
        changes, lost = ("the one stored is damaged",), case.needs_calibration
        return Candidate(case, measurement, device, "changed", changes, uncalibrates=lost)
    edits = definition_changes(old.provenance.case_definition, case.definition())
    moved = first_difference(old.measurement, measurement)
    if not edits and moved is None:
        if _edited(old.provenance.git_commit) and not _edited(_commit(case, store)):
            changes = ("only where it comes from: it was recorded from an edited working tree",)
            return Candidate(case, measurement, device, "changed", changes, 0.0, renews=old)
        return Candidate(case, measurement, device, "unchanged")
    size = _relative_l2(measurement.output, old.measurement.output)
    lost = old.calibration is not None
    words = _in_words(edits, moved)
    return Candidate(case, measurement, device, "changed", words, size, uncalibrates=lost)


def _commit(case: Case, store: BaselineStore) -> Commit | None:
    # The baselines being written must not make the tree they are recorded at look edited.
    return git_commit(case.path.parent, ignore=[store.root])


def _edited(commit: Commit | None) -> bool:
    return commit is not None and commit.dirty


def _check_own_rules(case: Case, measurement: Measurement, device: str) -> None:
    """Raise where a measurement would fail even against itself: a batch that is not its single images."""
    provenance = Provenance.of(case, reason="", git_commit=None)
    judgement = judge(case, measurement, Baseline(case.suite, case.id, device, measurement, provenance))
    if not judgement.passed:
        raise BaselineError(f"{case.name}: {joined(judgement.reasons)}")


def _relative_l2(output: Array, old: Array) -> float | None:
    if (output.shape, output.dtype) != (old.shape, old.dtype):
        return None
    return distance(output, old)


def _in_words(edits: tuple[FieldChange, ...], moved: str | None) -> tuple[str, ...]:
    return tuple(map(str, edits)) + ((moved,) if moved else ())
