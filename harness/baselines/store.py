"""The store: baselines as pairs of files below one folder."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from harness.baselines.baseline import Baseline, Header, Key, Written
from harness.baselines.document import BaselineDocument, DocumentError
from harness.baselines.errors import (
    BaselineDamaged,
    BaselineError,
    BaselineMissing,
    BaselineReplaced,
    shown,
)
from harness.baselines.files import locked, sync_folder, write_durably
from harness.cases.case import Case
from harness.foreign_files import ForeignFileError, ForeignFileMissing, read_foreign
from harness.measurement.figures import LARGEST_ARRAYS
from harness.remedy import Action, Remedy

T = TypeVar("T")

# What a write is willing to replace, if it does not say.
ANY = "anything"
_SOAK, _INVARIANCE = ".soak.json", ".invariance.json"


class BaselineStore:
    """The baselines below ``root``: ``<suite>/<case>/<device>.json`` with ``.safetensors`` beside it.

    The JSON names the sha256 of its safetensors file. A write first puts the new arrays beside the old ones,
    under a name that contains their hash. It then replaces the JSON, and finally gives the arrays their own
    name. A reader looks in both places. Whenever a writer is killed, a complete baseline can therefore be
    read: the old one before the JSON is replaced, the new one afterwards.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, suite: str, case_id: str, device: str) -> Path:
        """Return the JSON file of a baseline, whether or not it exists.

        Raises :class:`BaselineError` for a name that leads out of the store.
        """
        for part in (suite, case_id, device):
            if not part or part.startswith(".") or any(c in "/\\" or not c.isprintable() for c in part):
                raise BaselineError(
                    f"{part!r} cannot name a folder of baselines; rename the suite or the case"
                )
        path = self.root / suite / case_id / f"{device}.json"
        for link in filter(os.path.islink, (path.parent.parent, path.parent, path, arrays_path(path))):
            root = os.path.realpath(self.root)
            if os.path.commonpath((root, os.path.realpath(link))) != root:
                raise BaselineError(
                    f"{shown(path)}: a symbolic link leads out of {shown(self.root)}; remove it"
                )
        return path

    def check_writable(self, cases: Iterable[Case]) -> None:
        """Raise :class:`BaselineError` if a baseline of one of ``cases`` could not be written.

        Creates nothing. This check comes before any run, so that no run is made in vain.
        """
        folders = {self.path(case.suite, case.id, "any").parent.absolute() for case in cases}
        # For a folder that does not exist, the nearest existing one above it.
        there = {next(path for path in (folder, *folder.parents) if path.exists()) for folder in folders}
        for folder in sorted(there):
            try:
                with tempfile.TemporaryFile(dir=folder):
                    pass
            except OSError as error:
                raise BaselineError(
                    f"{shown(self.root)}: no baselines can be written there ({shown(folder)} is not "
                    f"writable: {error.strerror}); give another --baseline-dir, or make that folder writable"
                ) from None

    def load(self, suite: str, case_id: str, device: str, *, suite_file: Path | None = None) -> Baseline:
        """Return a baseline, with every byte checked.

        ``suite_file`` is for the remedy of an error. Raises :class:`BaselineMissing` if there is none,
        :class:`BaselineDamaged` if its files are not what was recorded.
        """
        # Imported here and in `write`, so that callers who only ask what is stored need not wait for numpy.
        from harness.baselines.arrays import baseline_of

        return self._read(Key(suite, case_id, device), suite_file, baseline_of)

    def header(self, suite: str, case_id: str, device: str, *, suite_file: Path | None = None) -> Header:
        """Return what :meth:`load` does without the measurement; the arrays are checked by hash only."""
        return self._read(
            Key(suite, case_id, device),
            suite_file,
            lambda document, _arrays, _path: Header(document.origin(), document.calibration),
        )

    def _read(
        self, key: Key, suite_file: Path | None, made: Callable[[BaselineDocument, bytes, Path], T]
    ) -> T:
        """Return ``made`` of a baseline's JSON, the bytes of its arrays, and the path of the JSON."""
        path = self.path(*key)
        suite, case_id, device = key
        file = None if suite_file is None else str(suite_file)
        try:
            return made(*self._whole_pair(path), path)
        except ForeignFileMissing:
            raise BaselineMissing(
                f"{shown(path)}: there is no baseline of {suite}/{case_id} for {device}",
                remedy=Remedy(Action.RECORD, suite, case_id, file),
            ) from None
        except Damage as damage:
            remedy = Remedy(Action.RESTORE, suite, case_id, file, calibrate=_may_be_calibrated(path))
            raise BaselineDamaged(f"{shown(damage.path)}: {damage}", remedy=remedy) from None

    def _whole_pair(self, path: Path) -> tuple[BaselineDocument, bytes]:
        data = _bytes_of(path)
        while True:
            document = _parse(path, data)
            sha256 = document.arrays.sha256
            # In this order: once the arrays are gone from the writer's name, they exist under their own.
            for file in (_pending_path(path, sha256), arrays_path(path)):
                with suppress(ForeignFileMissing):
                    arrays = _bytes_of(file)
                    if _sha256(arrays) == sha256:
                        return document, arrays
            # A writer may have intervened between the two reads, in which case the JSON has changed.
            before, data = data, _bytes_of(path)
            if data == before:
                raise _mismatch(path)

    def sha256(self, key: Key) -> str | None:
        """Return the sha256 of the JSON file of a baseline as it is, None if there is none."""
        path = self.path(*key)
        try:
            return _sha256(_bytes_of(path))
        except ForeignFileMissing:
            return None
        except Damage as damage:
            raise BaselineError(f"{shown(path)}: {damage}") from None

    def devices(self, suite: str, case_id: str) -> tuple[str, ...]:
        """Return the sorted devices for which a baseline of the case is stored."""
        folder = self.path(suite, case_id, "any").parent
        return tuple(sorted(file.stem for file in folder.glob("*.json") if _is_baseline(file)))

    def stored(self) -> tuple[Key, ...]:
        """Return all stored baselines, sorted, whatever the state of their files."""
        files = (file.relative_to(self.root) for file in self.root.glob("*/*/*.json") if _is_baseline(file))
        found = (Key(file.parts[0], file.parts[1], file.stem) for file in files)
        return tuple(sorted(key for key in found if not any(part.startswith(".") for part in key)))

    def write(self, baseline: Baseline, *, renew: bool = False, expected: str | None = ANY) -> Written:
        """Store ``baseline`` in place of the stored one, whose JSON's hash goes into its provenance.

        If the stored one holds the same measurement and calibration of the same case, nothing is written, not
        even who recorded it, when and why. If only the calibration differs, the provenance of the recording
        is kept. ``renew`` writes everything, whatever is stored. ``expected`` is the sha256 of the JSON that
        is to be replaced, None for none.

        Raises :class:`BaselineReplaced` if something else than ``expected`` is stored, and
        :class:`BaselineError` if the measurement contains NaN, Inf or an empty array, and if the files cannot
        be written.
        """
        from harness.baselines.arrays import check_storable
        from harness.measurement.measurement import ArraysError, encode_arrays

        path = self.path(baseline.suite, baseline.case_id, baseline.device)
        arrays = baseline.measurement.arrays
        check_storable(baseline.name, baseline.measurement)
        try:
            data = encode_arrays(arrays)
        except ArraysError as error:
            raise BaselineError(str(error), about=(baseline.name,)) from None
        sha256 = _sha256(data)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with locked(path.parent):
                old = _bytes_of(path) if path.exists() else None
                if expected not in (ANY, None if old is None else _sha256(old)):
                    raise BaselineReplaced.since(path)
                stored = None if old is None or renew else self._whole(path, old)
                new = BaselineDocument.of(baseline, arrays, sha256)
                if stored is not None and stored.same_content(new):
                    return Written(path, "unchanged")
                replaced = None if old is None else _sha256(old)
                provenance = replace(baseline.provenance, replaced=replaced)
                if stored is not None and stored.same_measurement(new):
                    provenance = stored.origin()
                document = BaselineDocument.of(replace(baseline, provenance=provenance), arrays, sha256)
                pending = _pending_path(path, sha256)
                needed = pending.exists()  # by the current JSON
                try:
                    write_durably(pending, data)
                    write_durably(path, document.text().encode("utf-8", "backslashreplace"))
                except BaseException:
                    # On a full disk, for example. If the new JSON is already in place, it needs the arrays.
                    if not needed and old == (_bytes_of(path) if path.exists() else None):
                        pending.unlink(missing_ok=True)
                    raise
                pending.replace(arrays_path(path))
                _remove_leftovers(path)
                sync_folder(path.parent)
        except (Damage, OSError) as error:
            raise BaselineError(f"{shown(path)}: the baseline cannot be written: {error}") from None
        return Written(path, "created" if old is None else "replaced", replaced)

    def _whole(self, path: Path, old: bytes) -> BaselineDocument | None:
        """Return the document ``old`` if the stored baseline is complete and under its own names."""
        try:
            stored = _parse(path, old)
            whole = _sha256(_bytes_of(arrays_path(path))) == stored.arrays.sha256
        except (Damage, ForeignFileMissing):
            return None
        return stored if whole else None

    def remove(self, suite: str, case_id: str, device: str) -> bool:
        """Remove a baseline and the folders it leaves empty. Return whether there was one."""
        path = self.path(suite, case_id, device)
        if not path.exists():
            return False
        try:
            with locked(path.parent):
                path.unlink()
                arrays_path(path).unlink(missing_ok=True)
                deep_trace_path(path).unlink(missing_ok=True)
                soak_path(path).unlink(missing_ok=True)
                invariance_path(path).unlink(missing_ok=True)
                _remove_leftovers(path)
            for folder in (path.parent, path.parent.parent):
                if not any(folder.iterdir()):
                    folder.rmdir()
        except OSError as error:
            raise BaselineError(f"{shown(path)}: the baseline cannot be removed: {error}") from None
        return True


class Damage(Exception):
    """A file of a pair is not what was recorded; ``problem`` says what is wrong."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(problem)
        self.path = path


def _may_be_calibrated(path: Path) -> bool:
    """Return whether a damaged baseline had a calibration, as far as its JSON shows."""
    try:
        return _parse(path, _bytes_of(path)).calibration is not None
    except (Damage, ForeignFileMissing):
        return True


def arrays_path(path: Path) -> Path:
    """Return the path of the arrays of the baseline whose JSON is ``path``."""
    return path.with_name(f"{path.stem}.safetensors")


def deep_trace_path(path: Path) -> Path:
    """Return the path of the deep trace, if any, of the baseline whose JSON is ``path``."""
    return path.with_name(f"{path.stem}.deep.safetensors")


def soak_path(path: Path) -> Path:
    """Return the path of what many runs proved of the baseline whose JSON is ``path``."""
    return path.with_name(f"{path.stem}{_SOAK}")


def invariance_path(path: Path) -> Path:
    """Return the path of the invariances that were measured of the baseline whose JSON is ``path``."""
    return path.with_name(f"{path.stem}{_INVARIANCE}")


def _is_baseline(file: Path) -> bool:
    return not file.name.startswith(".") and not file.name.endswith((_SOAK, _INVARIANCE))


def _pending_path(path: Path, sha256: str) -> Path:
    """Return where a writer puts arrays with that hash until the JSON that names them is in place."""
    return path.with_name(f"{path.stem}.safetensors.{sha256}")


def _remove_leftovers(path: Path) -> None:
    """Remove what killed writers left. The caller holds the folder's lock, so no writer is active."""
    for file in list(path.parent.iterdir()):
        if file.name.startswith((f"{path.name}.", f"{arrays_path(path).name}.")):
            file.unlink()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _bytes_of(path: Path) -> bytes:
    try:
        return read_foreign(path, limit=LARGEST_ARRAYS)
    except ForeignFileMissing:
        raise
    except ForeignFileError as error:
        raise Damage(path, error.reason) from None


def _parse(path: Path, data: bytes) -> BaselineDocument:
    try:
        document = BaselineDocument.parse(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Damage(path, f"byte {error.start} is not UTF-8 text") from None
    except DocumentError as error:
        raise Damage(path, str(error)) from None
    place = (path.parent.parent.name, path.parent.name, path.stem)
    found = (document.case.suite, document.case.id, document.device)
    if found != place:
        raise Damage(
            path, f"it holds the baseline of {found[0]}/{found[1]} for {found[2]}: it was moved or copied"
        )
    return document


def _mismatch(path: Path) -> Damage:
    arrays = arrays_path(path)
    if not arrays.exists():
        return Damage(arrays, f"the file is missing; {path.name} beside it needs it")
    return Damage(
        arrays,
        f"its bytes do not have the sha256 that {path.name} beside it names: "
        "it is truncated or damaged, or the two files are of different recordings",
    )
