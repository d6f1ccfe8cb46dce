"""What a history keeps of a run: plain data that is sent between processes and stored as rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.baselines.git import Commit
from harness.cases.case import Case
from harness.codec import from_json, parse_json, to_json
from harness.explanation.causes import Cause
from harness.foreign_files import ForeignFileError, hash_foreign
from harness.judgement.check import Check
from harness.measurement.figures import CodeIdentity
from harness.measurement.measurement import array_sha256

# Chosen by the case itself, so already part of its hash.
_CHOSEN = ("mode", "dtype")
# Of a sha256: they tell versions of a file apart, and a history grows with every run.
_DIGITS = 12


def surroundings(fingerprint: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a case: its ``fingerprint`` without what the case itself chooses."""
    return {name: value for name, value in fingerprint.items() if name not in _CHOSEN}


@dataclass(frozen=True)
class CaseRecord:
    """The result of one case in one run.

    ``worst`` is the figure that uses most of its limit, ``measured`` and ``limit`` are its two numbers, and
    ``margin`` is the part that is used up (1 is at the limit). ``baseline_sha256`` is the hash of the
    baseline's JSON file, which contains the hash of its arrays. ``output_sha256`` is the
    :func:`harness.measurement.measurement.array_sha256` of the output. ``environment`` is the fingerprint
    without what the case itself chooses. ``first_cause`` is the JSON of the first thing that differs; in
    older histories it is text. ``code`` has the beginning of the hash of each file of
    the user's own code and weights. ``statistics`` are those of the output, empty if there was no output.
    """

    suite: str
    case_id: str
    verdict: str
    case_hash: str
    tier: str | None = None
    worst: str | None = None
    measured: float | None = None
    limit: float | None = None
    margin: float | None = None
    baseline_sha256: str | None = None
    output_sha256: str | None = None
    first_cause: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    code: dict[str, str] = field(default_factory=dict)
    statistics: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, case: Case, result: Check, causes: Sequence[Cause] = ()) -> CaseRecord:
        """Return the record of the check of ``case``."""
        judgement, measured = result.judgement, result.measurement
        worst = judgement.worst
        return cls(
            suite=case.suite,
            case_id=case.id,
            verdict=judgement.verdict.value,
            case_hash=case.hash(),
            tier=judgement.tier and judgement.tier.value,
            worst=None if worst is None else worst.name,
            measured=None if worst is None else worst.measured,
            limit=None if worst is None else worst.limit,
            margin=judgement.margin,
            baseline_sha256=_baseline_sha256(result),
            output_sha256=None if measured is None else array_sha256(measured.output),
            first_cause=json.dumps(to_json(causes[0])) if causes else None,
            environment={} if measured is None else surroundings(measured.fingerprint),
            code={} if measured is None or measured.code is None else _hashes(measured.code),
            statistics={} if measured is None else dict(measured.statistics),
        )

    @property
    def unrepeated(self) -> bool:
        """Whether a second run differed from this one."""
        try:
            return from_json(Cause, parse_json(self.first_cause or "")).kind == "repetition"
        except ValueError:
            return False  # no cause, or the text of an older history

    @property
    def name(self) -> str:
        """The case's name, ``suite/id``."""
        return f"{self.suite}/{self.case_id}"


@dataclass(frozen=True)
class RunRecord:
    """One run; ``date`` is when it began, ISO 8601 in UTC, and ``door`` is the command that ran.

    ``git_commit`` is the commit of the folder in which it ran. ``ended`` says why the run ended before all of
    its cases had run, or is None. ``subject`` names the environment that a matrix chose, or is None.
    ``number`` counts the runs of a history from 1; it is 0 until the run is in one.
    """

    date: str
    harness: str
    door: str
    cases: tuple[CaseRecord, ...]
    git_commit: Commit | None = None
    ended: str | None = None
    subject: str | None = None
    number: int = 0


def _hashes(code: CodeIdentity) -> dict[str, str]:
    hashes = {**code.files, **{f"weights {name}": sha256 for name, sha256 in code.weights.items()}}
    return {name: sha256[:_DIGITS] for name, sha256 in hashes.items()}


def _baseline_sha256(result: Check) -> str | None:
    if result.baseline is None or result.baseline.path is None:
        return None
    try:
        return hash_foreign(result.baseline.path)
    except ForeignFileError:
        # Someone may be recording at the same time; the run must not fail because of its history.
        return None
