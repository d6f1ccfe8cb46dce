"""The git commit at which a baseline is recorded."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_DIRTY = "-dirty"
# Python writes its byte code beside the code that it imports, and running a case imports the user's code.
_BYTE_CODE = ":(top,exclude,glob)**/__pycache__/**"


@dataclass(frozen=True)
class Commit:
    """A commit by its full hash, and whether the working tree differs from it.

    ``str()`` gives the form used in files and for people: the hash, with ``-dirty`` appended if it differs.
    :meth:`parse` reads it back.
    """

    hash: str
    dirty: bool

    def __str__(self) -> str:
        return self.hash + _DIRTY * self.dirty

    @classmethod
    def parse(cls, text: str) -> Commit:
        """Return the commit that ``text`` stands for."""
        return cls(text.removesuffix(_DIRTY), text.endswith(_DIRTY))

    @property
    def short(self) -> str:
        """The commit with the first twelve digits of its hash."""
        return str(Commit(self.hash[:12], self.dirty))


def clean_hash(commit: str | None) -> str | None:
    """Return the hash in ``commit``, in its text form; None outside git, and if the tree differed from it."""
    if commit is None or Commit.parse(commit).dirty:
        return None
    return Commit.parse(commit).hash


def git_commit(folder: Path, *, ignore: Iterable[Path] = (), only: Iterable[Path] = ()) -> Commit | None:
    """Return HEAD of ``folder``'s repository, or None outside git or before the first commit.

    It is dirty if tracked files differ from it or untracked ones exist. Files below ``ignore`` do not count:
    the baselines being recorded must not make their own commit dirty. Nor does Python's byte code. If
    ``only`` names files, no other files of the repository count; if none of them is in the repository, it is
    not theirs, and the result is None.
    """
    head = _git(folder, "rev-parse", "--show-toplevel", "HEAD")
    if head is None:
        return None
    top, commit = head.splitlines()
    only = tuple(only)
    counted, ignored = (
        [path.resolve() for path in paths if path.resolve().is_relative_to(top)] for paths in (only, ignore)
    )
    if only and not counted:
        return None
    status = _git(
        folder,
        "status",
        "--porcelain",
        "--",
        *([f":(top,literal){path.relative_to(top)}" for path in counted] or [":/"]),
        *(f":(exclude,literal){path}" for path in ignored),
        _BYTE_CODE,
    )
    # If the status cannot be read, the tree is not known to be clean.
    return Commit(commit, dirty=status != "")


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            check=False,
            errors="replace",
        )
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None
