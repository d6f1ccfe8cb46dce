"""The git commit that a baseline is recorded at."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_DIRTY = "-dirty"


@dataclass(frozen=True)
class Commit:
    """A commit by its full hash, and whether the working tree differs from it.

    ``str()`` is how files and people get it, the hash with ``-dirty`` behind it; :meth:`parse` reads it back.
    """

    hash: str
    dirty: bool

    def __str__(self) -> str:
        return self.hash + _DIRTY * self.dirty

    @classmethod
    def parse(cls, text: str) -> Commit:
        """Return the commit that ``text`` is of."""
        return cls(text.removesuffix(_DIRTY), text.endswith(_DIRTY))

    @property
    def short(self) -> str:
        """The commit with twelve digits of its hash."""
        return str(Commit(self.hash[:12], self.dirty))


def git_commit(folder: Path, *, ignore: Iterable[Path] = ()) -> Commit | None:
    """Return HEAD of ``folder``'s repository, or None outside git or before a first commit.

    It is dirty where tracked files differ from it or untracked ones exist, those below ``ignore`` left out:
    the baselines being recorded must not call themselves a change.
    """
    head = _git(folder, "rev-parse", "--show-toplevel", "HEAD")
    if head is None:
        return None
    top, commit = head.splitlines()
    below = [path.resolve() for path in ignore if path.resolve().is_relative_to(top)]
    status = _git(
        folder, "status", "--porcelain", "--", ":/", *(f":(exclude,literal){path}" for path in below)
    )
    # A status that cannot be had is no proof that the tree is clean.
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
