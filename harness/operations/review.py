"""Reviewing: what waits to be accepted, and what accepting it would change."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from harness.baselines.baseline import Baseline, Key
from harness.baselines.candidates import (
    Candidate,
    CandidateOfOtherVersion,
    CandidateStore,
    Kept,
    decode_candidate,
)
from harness.baselines.errors import BaselineUnusable
from harness.baselines.origin import Origin
from harness.baselines.staleness import definition_changes
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.selection import Selection
from harness.codec import Tagged
from harness.errors import HarnessError
from harness.judgement.calibration.spread import distance
from harness.judgement.check import Check
from harness.judgement.failures import edits_of
from harness.judgement.judgement import Judgement
from harness.judgement.reasons import FieldEdit
from harness.judgement.repetition import first_difference
from harness.judgement.tiers import FieldDifference, fingerprint_differences
from harness.judgement.verdicts import judge


class Obstacle(Tagged):
    """Why a candidate cannot be accepted as it is."""


class Unreadable(Obstacle):
    """Its file is not what was written: edited, truncated, or something else."""

    problem: str


class OtherVersion(Obstacle):
    """Another ``version`` of harness measured it."""

    version: str


class NoCase(Obstacle):
    """No case of the suites has that name."""


class ExpectedToFail(Obstacle):
    """The case is expected to fail, so it has no baseline."""


class EditedSince(Obstacle):
    """The case was edited since the candidate was measured."""

    edits: tuple[FieldEdit, ...]


class BaselineChanged(Obstacle):
    """The baseline is not the one with which the candidate was compared."""


class AlreadyBaseline(Obstacle):
    """The stored baseline has these bits already: somebody accepted it, but it was not removed."""


class Superseded(Obstacle):
    """A later run has put another candidate in its place since it was looked at."""


class NoReason(Obstacle):
    """It would replace a baseline, and no reason was given."""


class FromElsewhere(Obstacle):
    """It was measured elsewhere, perhaps in the CI run ``origin``, and no trusted key signed it."""

    origin: Origin | None


class OtherEnvironment(Obstacle):
    """It was measured elsewhere, in another environment than the baseline."""

    differences: tuple[FieldDifference, ...]


class ToRunAgain(Obstacle):
    """Its case is to be run here. Accepting does so."""


class OneRun(Obstacle):
    """Only one run has these bits. Accepting runs the case once more."""


@dataclass(frozen=True)
class Trust:
    """What candidates are worth that may come from elsewhere.

    ``elsewhere`` is whether they do; those with the origin of another CI run do anyway. ``signed`` is the
    sha256 of each file that a trusted key signed, by its path. ``rerun`` is whether all cases run here again.
    """

    elsewhere: bool = False
    signed: Mapping[str, str] = field(default_factory=dict)
    rerun: bool = False


HOME = Trust()


@dataclass(frozen=True)
class Pending:
    """A candidate that waits, and what accepting it would change.

    ``case`` is None if there is no such case, and ``kept`` if the file cannot be read. ``judgement`` is that
    of the candidate against the stored baseline of its device, as if the case had not been edited since;
    ``edits`` are the edits. Without a stored baseline, ``judgement`` is None. ``relative_l2`` is how far the
    output moved, infinite if shape or dtype differ. ``calibration`` is what becomes of that of the baseline.
    ``sha256`` is that of the candidate's file. ``elsewhere`` is whether the file is somebody else's.
    """

    key: Key
    sha256: str = ""
    case: Case | None = None
    kept: Kept | None = None
    judgement: Judgement | None = None
    edits: tuple[FieldEdit, ...] = ()
    relative_l2: float | None = None
    calibration: Literal["none", "kept", "lost"] = "none"
    obstacle: Obstacle | None = None
    elsewhere: bool = False

    @property
    def name(self) -> str:
        """The case as ``suite/id``."""
        return f"{self.key.suite}/{self.key.case_id}"

    @property
    def acceptable(self) -> bool:
        """Whether it can be accepted, if need be after one more run."""
        return self.obstacle is None or self.runs

    @property
    def runs(self) -> bool:
        """Whether accepting it runs its case once more."""
        return isinstance(self.obstacle, OneRun | ToRunAgain)


def pending(
    selection: Selection, store: BaselineStore, candidates: CandidateStore, trust: Trust = HOME
) -> tuple[Pending, ...]:
    """Return the candidates of the cases of ``selection``, worst first.

    Those that cannot be accepted come first, then those whose output moved furthest, then new cases. Among
    them are candidates of no case, if their whole suite or a folder of suites was named.
    """
    cases = {(case.suite, case.id): case for case in selection.cases}
    known = {(suite.name, case.id) for suite in selection.suites for case in suite.cases}
    whole = {suite.name for suite in selection.suites if set(suite.cases) <= set(selection.cases)}
    found = [
        replace(_safely(key, cases.get(key[:2]), store, candidates, trust), elsewhere=trust.elsewhere)
        for key in candidates.stored()
        if key[:2] in cases or (key[:2] not in known and (selection.folders or key.suite in whole))
    ]
    return tuple(sorted(found, key=lambda each: (each.acceptable, -_moved(each), each.key)))


def _moved(each: Pending) -> float:
    return -1.0 if each.relative_l2 is None else each.relative_l2


def look(each: Pending, store: BaselineStore, candidates: CandidateStore) -> Check | None:
    """Return what a reviewer looks at: the candidate's measurement, the stored baseline, the judgement.

    They are read now, so that many can be looked at one after the other. Returns None if it cannot be read.
    """
    if each.case is None:
        return None
    try:
        candidate = candidates.load(each.key)
        old = _old(each.key, store)
    except HarnessError:  # In most cases, it is the obstacle of ``each``.
        return None
    if isinstance(old, BaselineUnusable):
        return Check(Judgement.error(each.case, old), candidate.baseline.measurement)
    return Check(_judged(each.case, candidate, old), candidate.baseline.measurement, old)


def _safely(
    key: Key, case: Case | None, store: BaselineStore, candidates: CandidateStore, trust: Trust
) -> Pending:
    """Return what waits, also if the stored baseline is such that it cannot even be looked for."""
    try:
        return _pending(key, case, store, candidates, trust)
    except HarnessError as error:
        return Pending(key, case=case, obstacle=Unreadable(str(error)))


def _pending(
    key: Key, case: Case | None, store: BaselineStore, candidates: CandidateStore, trust: Trust
) -> Pending:
    sha256 = ""
    try:
        data = candidates.read(key)
        sha256 = hashlib.sha256(data).hexdigest()
        candidate = decode_candidate(data, candidates.path(key), key)
    except CandidateOfOtherVersion as error:
        return Pending(key, sha256, case, obstacle=OtherVersion(error.version))
    except HarnessError as error:
        return Pending(key, sha256, case, obstacle=Unreadable(str(error)))
    kept = candidate.kept
    if case is None:
        return Pending(key, sha256, None, kept, obstacle=NoCase())
    if case.fails is not None:
        return Pending(key, sha256, None, kept, obstacle=ExpectedToFail())
    old = _old(key, store)
    signed = trust.signed.get(f"{'/'.join(key)}.safetensors") == sha256
    obstacle = _obstacle(case, candidate, old, store, trust, signed=signed)
    found = Pending(key, sha256, case, kept, obstacle=obstacle)
    if isinstance(old, BaselineUnusable):
        lost = old.state == "damaged" and case.needs_calibration
        return replace(found, calibration="lost" if lost else "none")
    new, stored = candidate.baseline.measurement, old.measurement
    alike = (new.output.shape, new.output.dtype) == (stored.output.shape, stored.output.dtype)
    edits = edits_of(definition_changes(old.provenance.case_definition, case.definition()))
    same = not edits and first_difference(stored, new) is None
    if same and isinstance(obstacle, BaselineChanged):
        found = replace(found, obstacle=AlreadyBaseline())
    return replace(
        found,
        judgement=_judged(case, candidate, old),
        edits=edits,
        relative_l2=distance(new.output, stored.output) if alike else math.inf,
        calibration="none" if old.calibration is None else "kept" if same else "lost",
    )


def _obstacle(
    case: Case,
    candidate: Candidate,
    old: Baseline | BaselineUnusable,
    store: BaselineStore,
    trust: Trust,
    *,
    signed: bool,
) -> Obstacle | None:
    kept = candidate.kept
    if kept.provenance.case_hash != case.hash():
        changes = definition_changes(kept.provenance.case_definition, case.definition())
        return EditedSince(edits_of(changes))
    if store.sha256(candidate.key) != kept.replaces:
        return BaselineChanged()
    if trust.rerun:
        return ToRunAgain()
    origin = kept.provenance.origin
    if trust.elsewhere or origin not in (None, Origin.here()):
        if not signed:
            return FromElsewhere(origin)
        measured = candidate.baseline.measurement.fingerprint
        if isinstance(old, Baseline) and measured != old.measurement.fingerprint:
            return OtherEnvironment(fingerprint_differences(measured, old.measurement.fingerprint))
    return OneRun() if kept.runs == 1 else None


def _old(key: Key, store: BaselineStore) -> Baseline | BaselineUnusable:
    try:
        return store.load(*key)
    except BaselineUnusable as error:
        return error


def _judged(case: Case, candidate: Candidate, old: Baseline) -> Judgement:
    """Return the judgement of ``candidate`` against ``old``, as if the case had not been edited since."""
    provenance = replace(old.provenance, case_hash=case.hash())
    try:
        return judge(case, candidate.baseline.measurement, replace(old, provenance=provenance))
    except HarnessError as error:
        return Judgement.error(case, error)
