"""Measurements kept on disk as they finish, so that an interrupted matrix can be resumed.

    <root>/<interpreter>/<suite>/<case>[.run-<n>].safetensors

A kept measurement is used again only if case, checkpoint, code and environment are the same; otherwise the
case is measured again.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import harness
from harness.baselines.files import keep_out_of_git, sweep, write_durably
from harness.cases.case import Case
from harness.cases.names import PIPELINES, is_class
from harness.errors import HarnessError
from harness.foreign_files import ForeignFileError, hash_foreign, read_foreign
from harness.measurement.figures import LARGEST_ARRAYS
from harness.measurement.measurement import ArraysError, Measurement
from harness.measurement.sealed import decode_sealed, encode_sealed
from harness.releases.interpreters import Subject

DEFAULT_ROOT = Path(".harness/measurements")
_FORMAT = 3
# The parts of this package that a worker runs; how a case is judged and shown does not change its bits.
WORKERS_SIDE = (
    "cases/job.py", "codec.py", "errors.py", "foreign_files.py", "remedy.py",
    "atlas/entry.py", "atlas/probe.py", "atlas/result.py",
    "frameworks", "kernels", "pipelines", "measurement", "faults", "tracing", "execution",
)  # fmt: skip
_LOADED_ELSEWHERE = ("builtin", "seeded", "hub")


def is_workers_side(path: Path) -> bool:
    """Return whether a worker runs the file ``path``, which is relative to this package."""
    return any(path.is_relative_to(part) for part in WORKERS_SIDE)


class Sources:
    """The hashes of what determines a measurement besides the environment; each is computed once.

    ``import_paths`` are the folders from which users' own pipelines are imported: all Python files below them
    count as their code.
    """

    def __init__(self, import_paths: Iterable[Path]) -> None:
        self._import_paths = [path.resolve() for path in import_paths]
        self._folders: dict[Path, str] = {}

    def of(self, case: Case) -> tuple[str, ...]:
        """Return the hashes for ``case``: its definition, the harness's code, its own code, and its files."""
        base = case.path.parent.resolve()
        own = case.pipeline in PIPELINES or is_class(case.pipeline)
        files = [_file_hash(base / name) for name in _files_in(case.arguments)]
        return (
            case.hash(),
            self._harness,
            "" if own else self._users,
            self._checkpoint(case.checkpoint, base),
            *files,
            *case.computed_parameters,
        )

    @cached_property
    def _harness(self) -> str:
        package = Path(harness.__file__).parent
        return harness.__version__ + _folder_hash(package, is_workers_side)

    @cached_property
    def _users(self) -> str:
        return "".join(_folder_hash(path, lambda path: path.suffix == ".py") for path in self._import_paths)

    def _checkpoint(self, spec: str | None, base: Path) -> str:
        # Checkpoints that come with harness are part of its code; a revision on the Hub is part of the case.
        if spec is None or spec.partition(":")[0] in _LOADED_ELSEWHERE:
            return ""
        folder = base / spec
        if folder not in self._folders:
            self._folders[folder] = _folder_hash(folder, lambda _: True)
        return self._folders[folder]


class KeptMeasurements:
    """The measurements of one environment, below ``root``.

    ``environment`` is the fingerprint of a worker there. With ``fresh``, no kept measurement is used, but all
    are written. ``time`` counts the runs of a case there, each of which is kept by itself.
    """

    def __init__(
        self,
        root: Path,
        subject: Subject,
        environment: Mapping[str, str],
        sources: Sources,
        *,
        fresh: bool = False,
        time: int = 1,
    ) -> None:
        self._time = time
        self._root, self._sources, self._fresh = root, sources, fresh
        # An interpreter that is given twice runs twice, under different names.
        place = hashlib.sha256(subject.python.encode()).hexdigest()[:8]
        self._folder = root / f"{re.sub(r'[^A-Za-z0-9.]+', '-', subject.name)}-{place}"
        for suite in self._folder.glob("*/"):
            sweep(suite)
        self._environment = [subject.python, sorted(subject.packages.items()), sorted(environment.items())]

    def find(self, case: Case) -> Path | None:
        """Return the file with the measurement of ``case``, or None if there is no usable one."""
        path = self._path(case)
        if self._fresh or read_measurement(path, self._key(case)) is None:
            return None
        return path

    def save(self, case: Case, measurement: Measurement) -> Path:
        """Keep ``measurement`` and return its file; raises HarnessError if it cannot be written."""
        path = self._path(case)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # These files serve to resume a run and do not belong in version control.
            keep_out_of_git(self._root)
            write_durably(path, encode_sealed(measurement.arrays, [self._key(case), measurement.figures()]))
        except (OSError, ArraysError) as error:
            raise HarnessError(
                f"{path}: the measurement cannot be kept: {error}; name another folder with --work"
            ) from None
        return path

    def _path(self, case: Case) -> Path:
        number = f".run-{self._time}" if self._time > 1 else ""
        return self._folder / case.suite / f"{case.id}{number}.safetensors"

    def _key(self, case: Case) -> str:
        parts = [_FORMAT, self._environment, self._sources.of(case)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def read_measurement(path: Path, key: str | None = None) -> Measurement | None:
    """Return the measurement kept in ``path``, or None if it is incomplete or does not belong to ``key``."""
    # Whatever is wrong with a kept measurement, its case can be run again.
    with suppress(ForeignFileError, ValueError, TypeError):
        arrays, (found, figures) = decode_sealed(read_foreign(path, limit=LARGEST_ARRAYS))
        if key in (None, found):
            return Measurement.of(figures, arrays)
    return None


def _folder_hash(folder: Path, wanted: Callable[[Path], bool]) -> str:
    """Return a hash of the files below ``folder`` that are ``wanted``, including their relative paths.

    Hidden folders, other virtual environments and Python's caches are left out.
    """
    digest = hashlib.sha256()
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and name != "__pycache__"
            and not Path(parent, name, "pyvenv.cfg").exists()
        )
        for name in sorted(files):
            path = Path(parent, name)
            relative = path.relative_to(folder)
            if wanted(relative):
                digest.update(f"{relative}\0{_file_hash(path)}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _file_hash(path: Path) -> str:
    try:
        return hash_foreign(path)
    except ForeignFileError:
        # The run itself reports what is wrong with a file that it needs.
        return "unreadable"


def _files_in(value: Any) -> Iterator[str]:
    """Yield the paths of ``{file: PATH}`` in the arguments of a case."""
    if isinstance(value, dict):
        if set(value) == {"file"}:
            yield str(value["file"])
        for each in value.values():
            yield from _files_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from _files_in(each)
