"""Candidates: what has run and waits to be looked at, before it becomes a baseline."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from harness import __version__
from harness.baselines.arrays import check_storable
from harness.baselines.baseline import Baseline, Key, Provenance, device_key
from harness.baselines.errors import BaselineError, shown
from harness.baselines.files import keep_out_of_git, locked, sweep, write_durably
from harness.baselines.store import BaselineStore, arrays_path
from harness.codec import from_json
from harness.foreign_files import ForeignFileError, ForeignFileMissing, read_foreign
from harness.measurement.figures import LARGEST_ARRAYS
from harness.measurement.measurement import ArraysError, Measurement
from harness.measurement.sealed import decode_sealed, encode_sealed

# Where candidates are kept, in the folder of the baselines.
FOLDER = ".candidates"
FORMAT = 1

Why = Literal["missing", "stale", "damaged", "drift", "changed"]


@dataclass(frozen=True)
class Kept:
    """What is kept with a measurement that waits.

    ``runs`` is the number of runs that gave these bits: 1, or 2 if the second was in a fresh worker. ``why``
    is the state of the baseline, the verdict (``drift``), or ``changed`` for what a recording measured and
    did not write. ``replaces`` is the sha256 of the JSON file of the baseline that it would replace, None if
    there was none.
    """

    provenance: Provenance
    runs: int
    why: Why
    replaces: str | None


@dataclass(frozen=True)
class Candidate:
    """A measurement in the form of a baseline, which it is not yet, and what is kept with it."""

    baseline: Baseline
    kept: Kept

    @property
    def key(self) -> Key:
        """Where its baseline belongs."""
        return Key(self.baseline.suite, self.baseline.case_id, self.baseline.device)


class CandidateError(BaselineError):
    """A candidate cannot be read or written."""


class CandidateMissing(CandidateError):
    """There is no such candidate."""


class CandidateOfOtherVersion(CandidateError):
    """Another ``version`` of harness measured it, so its figures may mean something else."""

    def __init__(self, path: Path, version: str) -> None:
        super().__init__(
            f"{shown(path)}: harness {version} measured this candidate, and this is harness {__version__}; "
            "run the case again"
        )
        self.version = version


@dataclass(frozen=True)
class _Facts:
    """What a candidate's file says beside its arrays."""

    format: int
    harness_version: str
    suite: str
    case_id: str
    device: str
    figures: dict[str, Any]
    kept: Kept


class CandidateStore:
    """The candidates below ``root``, one sealed file each: ``<suite>/<case>/<device>.safetensors``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def beside(cls, store: BaselineStore) -> CandidateStore:
        """Return the candidates that lie in the folder of ``store``."""
        return cls(store.root / FOLDER)

    def path(self, key: Key) -> Path:
        """Return the file of a candidate, whether or not it exists; BaselineError if it leads elsewhere."""
        if self.root.name == FOLDER and self.root.is_symlink():
            raise CandidateError(f"{shown(self.root)}: this is a symbolic link; remove it")
        return arrays_path(BaselineStore(self.root).path(*key))

    def stored(self) -> tuple[Key, ...]:
        """Return all candidates, sorted, whatever the state of their files."""
        files = (file.relative_to(self.root) for file in self.root.glob("*/*/*.safetensors"))
        found = (Key(file.parts[0], file.parts[1], file.stem) for file in files)
        return tuple(sorted(key for key in found if not any(part.startswith(".") for part in key)))

    def load(self, key: Key) -> Candidate:
        """Return a candidate, with every byte checked.

        Raises :class:`CandidateMissing`, :class:`CandidateOfOtherVersion`, and :class:`CandidateError` for a
        file that is not what was written.
        """
        return decode_candidate(self.read(key), self.path(key), key)

    def read(self, key: Key) -> bytes:
        """Return the bytes of a candidate's file."""
        path = self.path(key)
        try:
            return read_foreign(path, limit=LARGEST_ARRAYS, root=self.root)
        except ForeignFileMissing:
            raise CandidateMissing(f"{shown(path)}: there is no such candidate") from None
        except ForeignFileError as error:
            raise CandidateError(f"{shown(path)}: {error.reason}") from None

    def write(self, key: Key, data: bytes) -> Path:
        """Keep ``data`` of :func:`encode_candidate`, in place of the candidate that was there."""
        path = self.path(key)
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            # A folder that was named may hold other files.
            if self.root.name == FOLDER or not any(self.root.iterdir()):
                keep_out_of_git(self.root)
            path.parent.mkdir(parents=True, exist_ok=True)
            with locked(path.parent):
                sweep(path.parent)
                write_durably(path, data)
        except OSError as error:
            raise CandidateError(
                f"{shown(path)}: the candidate cannot be written: {error.strerror or error}"
            ) from None
        return path

    def keep(self, candidate: Candidate) -> Path:
        """Keep ``candidate`` and return its file."""
        return self.write(candidate.key, encode_candidate(candidate))

    def remove(self, key: Key, sha256: str = "") -> bool:
        """Remove a candidate, only if its file has that ``sha256`` if one is given. Return whether it did."""
        path = self.path(key)
        try:
            if not path.exists():
                return False
            with locked(path.parent):
                if sha256 and hashlib.sha256(self.read(key)).hexdigest() != sha256:
                    return False
                path.unlink()
        except (FileNotFoundError, CandidateMissing):
            return False
        except OSError as error:
            raise CandidateError(
                f"{shown(path)}: the candidate cannot be removed: {error.strerror or error}"
            ) from None
        return True


def encode_candidate(candidate: Candidate) -> bytes:
    """Return the bytes of the file of ``candidate``; CandidateError for more than a file may hold."""
    baseline = candidate.baseline
    facts = _Facts(
        FORMAT,
        candidate.kept.provenance.harness_version,
        *candidate.key,
        baseline.measurement.figures(),
        candidate.kept,
    )
    try:
        return encode_sealed(baseline.measurement.arrays, facts)
    except ArraysError as error:
        raise CandidateError(str(error), about=(baseline.name,)) from None


def decode_candidate(data: bytes, path: Path, key: Key) -> Candidate:
    """Return the candidate in the bytes of the file ``path``, which must be that of ``key``.

    Raises :class:`CandidateOfOtherVersion`, and :class:`CandidateError` for anything else that is wrong.
    """
    try:
        arrays, facts = decode_sealed(data)
        _check_version(facts, path)
        found = from_json(_Facts, facts)
        if found.format != FORMAT:
            raise ValueError(f"format {found.format} is unknown; this version of harness reads {FORMAT}")
        measurement = Measurement.of(found.figures, arrays)
        place = Key(found.suite, found.case_id, found.device)
        if key != place:
            raise ValueError(f"it holds {'/'.join(place)}: it was moved or copied")
        if found.kept.runs not in (1, 2) or device_key(measurement.fingerprint) != found.device:
            raise ValueError("its facts contradict each other")
        check_storable("/".join(key), measurement)
    except CandidateOfOtherVersion:
        raise
    # ArraysError is a ValueError; numpy raises TypeError for a whole number that is too large.
    except (ValueError, TypeError, BaselineError) as error:
        raise CandidateError(f"{shown(path)}: not a candidate as harness writes them: {error}") from None
    return Candidate(Baseline(*place, measurement, found.kept.provenance), found.kept)


def _check_version(facts: Any, path: Path) -> None:
    # First, because another version may have other facts.
    if isinstance(facts, dict) and facts.keys() == {each.name for each in fields(_Facts)}:
        version = facts["harness_version"]
        if isinstance(version, str) and version != __version__:
            raise CandidateOfOtherVersion(path, version)
