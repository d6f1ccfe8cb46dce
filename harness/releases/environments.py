"""Virtual environments, one per release, created once and kept.

<root>/<name>/venv/               the environment
<root>/<name>/environment.json    written last; without it the environment is not used
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from harness.baselines.files import keep_out_of_git, locked, write_durably
from harness.codec import parse_json
from harness.errors import HarnessError, UsageError
from harness.foreign_files import ForeignFileError, read_foreign
from harness.releases.installer import InstallError, check_installable, install, make_environment
from harness.releases.interpreters import MINDSPORE, Subject, installed
from harness.releases.requirements import Specification

DEFAULT_ROOT = Path(".harness/environments")
# Measured with MindSpore 2.7.0 to 2.10.0 on x86-64: 2.7 to 2.8 GB.
BYTES_EACH = 2_800_000_000
_MARKER = "environment.json"
_FORMAT = 1
_LARGEST_MARKER = 1 << 20
_DAY = 86400.0


@dataclass(frozen=True)
class Stored:
    """A folder below the root; ``packages`` are the versions in it, or None if it was not completed.

    ``size`` is in bytes on disk and includes files shared with uv's cache; ``idle`` is the number of days
    since it was last used.
    """

    name: str
    packages: dict[str, str] | None
    size: int
    idle: float


@dataclass(frozen=True)
class _Marker:
    format: int
    requirements: list[str]
    packages: dict[str, str]
    date: str


class Environments:
    """The environments of releases below ``root``."""

    def __init__(self, root: Path = DEFAULT_ROOT) -> None:
        # The scripts in a virtual environment contain its path.
        self.root = root.absolute()

    def find(self, specification: Specification) -> Subject | None:
        """Return the environment of ``specification``, named for its release; None if no complete one exists.

        Raises HarnessError if its packages are no longer those with which it was created.
        """
        folder = self.root / specification.name
        marker = _read_marker(folder)
        if marker is None or marker.requirements != list(specification.requirements):
            return None
        python = folder / "venv" / "bin" / "python"
        try:
            packages = installed(python, alone=True)
        except (OSError, HarnessError):
            # The Python from which it was created is gone, so nothing of it can be used.
            return None
        if packages != marker.packages:
            changed = sorted({name for name, _ in packages.items() ^ marker.packages.items()})
            raise HarnessError(
                f"{folder}: its packages were changed after it was created ({', '.join(changed[:5])}); "
                f"remove it (harness environments remove {specification.name}) and name the packages it "
                "needs with --with"
            )
        return _subject(specification, python)

    def ensure(
        self, specifications: Sequence[Specification], progress: Callable[[str], None] = lambda _: None
    ) -> list[Subject]:
        """Return the environments of ``specifications``, and create those that do not exist.

        ``progress`` is called with what is being created. Before the first is created, the package index is
        asked whether all of them can be, and the disk is checked for enough space. Raises
        :class:`InstallError` and HarnessError, which say what to do; environments completed by then are kept.
        """
        found = {each: self.find(each) for each in specifications}
        missing = [each for each, environment in found.items() if environment is None]
        for each in missing:
            progress(f"looking for {each}")
            with _naming(each):
                check_installable(each.requirements, each.overrides)
        self._check_space(missing)
        for number, each in enumerate(missing, 1):
            progress(f"making {each} ({number} of {len(missing)})")
            found[each] = self._make(each)
        for each in found:
            with suppress(OSError):
                os.utime(self.root / each.name / _MARKER)
        return [environment for environment in found.values() if environment is not None]

    def discard(self, specification: Specification) -> None:
        """Remove what there is of an environment whose making was interrupted; keep one that is complete."""
        folder = self.root / specification.name
        if not folder.is_dir():
            return
        with locked(folder):
            if _read_marker(folder) is None:
                shutil.rmtree(folder, ignore_errors=True)

    def _check_space(self, missing: Sequence[Specification]) -> None:
        existing = next(each for each in (self.root, *self.root.parents) if each.exists())
        needed, free = len(missing) * BYTES_EACH, shutil.disk_usage(existing).free
        if free < needed:
            raise HarnessError(
                f"{self.root}: {len(missing)} environments to create there need {_gigabytes(needed)} "
                f"({_gigabytes(BYTES_EACH)} each), but only {_gigabytes(free)} are free: remove some "
                "(harness environments list), or name a folder on another disk with --environments"
            )

    def _make(self, specification: Specification) -> Subject:
        folder = self.root / specification.name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # Environments belong to this machine, not in version control.
            keep_out_of_git(self.root)
            with locked(folder):
                if (made := self.find(specification)) is not None:
                    return made
                (folder / _MARKER).unlink(missing_ok=True)
                shutil.rmtree(folder / "venv", ignore_errors=True)
                with _naming(specification):
                    return _build(folder, specification)
        except OSError as error:
            raise HarnessError(f"{folder}: cannot be written: {error.strerror}") from None

    def listed(self, *, unused_for: float | None = None) -> list[Stored]:
        """Return what is below the root, sorted by name.

        ``unused_for`` restricts this to environments not used for that many days and those never completed.
        """
        found = map(_stored, self._folders())
        if unused_for is None:
            return list(found)
        return [each for each in found if each.packages is None or each.idle >= unused_for]

    def _folders(self) -> list[Path]:
        return sorted(each for each in self.root.iterdir() if each.is_dir()) if self.root.is_dir() else []

    def remove(self, names: Iterable[str]) -> list[str]:
        """Remove the environments called ``names`` and return them.

        Raises UsageError, before anything is removed, if one of the names does not exist.
        """
        wanted = list(dict.fromkeys(names))
        known = [each.name for each in self._folders()]
        if unknown := [name for name in wanted if name not in known]:
            there = ", ".join(known) or "nothing"
            raise UsageError(f"no environment below {self.root} is called {unknown[0]!r}; there is {there}")
        for name in wanted:
            folder = self.root / name
            try:
                with locked(folder):
                    # Removed first, because a half-removed environment must not be used.
                    (folder / _MARKER).unlink(missing_ok=True)
                    shutil.rmtree(folder)
            except OSError as error:
                raise HarnessError(f"{folder}: cannot be removed: {error}") from None
        return wanted


def _subject(specification: Specification, python: Path) -> Subject:
    release = specification.release
    name = release.version if release.package == MINDSPORE else str(release)
    return Subject(name, str(python), installed(python), made=True)


def _build(folder: Path, specification: Specification) -> Subject:
    python = make_environment(folder / "venv")
    install(python, specification.requirements, specification.overrides)
    packages = installed(python, alone=True)
    date = datetime.now(timezone.utc).isoformat(timespec="seconds")
    marker = _Marker(_FORMAT, list(specification.requirements), packages, date)
    write_durably(folder / _MARKER, json.dumps(asdict(marker), indent=2).encode())
    return _subject(specification, python)


def _stored(folder: Path) -> Stored:
    marker = _read_marker(folder)
    used = (folder if marker is None else folder / _MARKER).stat().st_mtime
    packages = None if marker is None else marker.packages
    return Stored(folder.name, packages, _size(folder), (time.time() - used) / _DAY)


@contextmanager
def _naming(specification: Specification) -> Iterator[None]:
    try:
        yield
    except InstallError as error:
        raise InstallError(
            f"{specification}: the environment cannot be created; correct the release or the packages given "
            "with --with: "
            f"{error}"
        ) from None


def _read_marker(folder: Path) -> _Marker | None:
    try:
        marker = _Marker(**parse_json(read_foreign(folder / _MARKER, limit=_LARGEST_MARKER)))
    except (ForeignFileError, ValueError, TypeError):
        return None
    return marker if marker.format == _FORMAT else None


def _size(folder: Path) -> int:
    # Links are counted as links: the interpreter that they point to is not part of the environment.
    files = (Path(parent, name).lstat() for parent, _, names in os.walk(folder) for name in names)
    return sum(status.st_blocks * 512 for status in files)


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB"
