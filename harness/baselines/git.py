"""The git commit that a baseline is recorded at."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path


def git_commit(folder: Path, *, ignore: Iterable[Path] = ()) -> str | None:
    """Return the full hash of HEAD in ``folder``'s repository, or None outside git or before a first commit.

    ``-dirty`` is appended where tracked files differ from HEAD or untracked ones exist, those below
    ``ignore`` left out: the baselines being recorded must not call themselves a change.
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
    return commit if status == "" else f"{commit}-dirty"


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
