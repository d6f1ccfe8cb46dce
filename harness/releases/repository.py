"""Commits of a pipeline's repository, each checked out into its own folder."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError, UsageError


@dataclass(frozen=True)
class Revision:
    """A commit of a pipeline's repository: its full hash and the first line of its message."""

    sha: str
    subject: str

    def __str__(self) -> str:
        return f"{self.sha[:12]} {self.subject}"


class Repository(AbstractContextManager["Repository"]):
    """A clone of the git repository at ``path`` in a temporary folder; use as a context manager.

    The clone shares the objects of the original, which is only read: no worktree, file or lock is left in it,
    even if this process is killed.
    """

    def __init__(self, path: Path) -> None:
        """Clone; raises UsageError if ``path`` is not a git repository."""
        self._path = path
        self._folder = Path(tempfile.mkdtemp(prefix="harness-bisect-"))
        self._clone = self._folder / "clone"
        try:
            _git("clone", "--quiet", "--shared", "--no-checkout", str(path.absolute()), str(self._clone))
        except HarnessError:
            self.__exit__()
            raise UsageError(f"{path}: not a git repository; give --repo the folder of one") from None

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def between(self, good: str, bad: str) -> list[Revision]:
        """Return the commits from ``good`` to ``bad`` inclusive, along first parents.

        For changes that came in through a merge, the merge is the commit that is found. Raises UsageError for
        names that are not commits, and if ``good`` is not an ancestor of ``bad``.
        """
        first, last = (self._hash(name) for name in (good, bad))
        listing = _git("rev-list", "--first-parent", "--reverse", f"{first}..{last}", at=self._path)
        commits = [first, *listing.split()]
        parents = _git("rev-list", "--first-parent", last, at=self._path).split()
        if first not in parents:
            raise UsageError(
                f"{good} is not among the first parents of {bad} in {self._path}: give --good a commit that "
                "came before it on the same branch"
            )
        return [self._revision(sha) for sha in commits]

    def commit(self, name: str) -> Revision:
        """Return the commit that ``name`` stands for; UsageError if there is none."""
        return self._revision(self._hash(name))

    def checkout(self, commit: Revision) -> Path:
        """Return a folder with the files of ``commit``, the same one each time."""
        folder = self._folder / commit.sha
        if folder.exists():
            return folder
        # One folder per commit: Python could otherwise use the cached bytecode of another commit's file.
        _git("worktree", "add", "--quiet", "--detach", str(folder), commit.sha, at=self._clone)
        return folder

    def _revision(self, sha: str) -> Revision:
        return Revision(sha, _git("log", "-1", "--format=%s", sha, at=self._path))

    def _hash(self, name: str) -> str:
        try:
            return _git(
                "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}", at=self._path
            )
        except HarnessError:
            raise UsageError(f"{name}: {self._path} has no such commit") from None


def top_folder(folder: Path) -> Path | None:
    """Return the top folder of the git repository that ``folder`` is in, or None."""
    try:
        return Path(_git("rev-parse", "--show-toplevel", at=folder)).resolve()
    except HarnessError:
        return None


def _git(*arguments: str, at: Path | None = None) -> str:
    place = [] if at is None else ["-C", str(at)]
    try:
        done = subprocess.run(
            ["git", *place, *arguments], capture_output=True, text=True, errors="replace", check=False
        )
    except FileNotFoundError:
        raise HarnessError("git is not installed; install it") from None
    if done.returncode != 0:
        raise HarnessError(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout.strip()
