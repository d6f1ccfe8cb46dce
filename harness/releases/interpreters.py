"""Interpreters to run under, and what is installed in them."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from harness.errors import HarnessError, UsageError
from harness.execution.runner import interpreter

# The current folder is not part of an environment.
_LIST = """
import json, sys
sys.path[:] = [entry for entry in sys.path if entry]
from importlib import metadata
print(json.dumps([[d.metadata["Name"], d.version] for d in metadata.distributions()]))
"""
MINDSPORE = "mindspore"


@dataclass(frozen=True)
class Subject:
    """An environment that cases are run in.

    ``name`` is what reports call it, ``python`` its interpreter, ``packages`` the versions installed, by
    their canonical names. ``made`` is one that was made for a release, not given as an interpreter.
    """

    name: str
    python: str
    packages: Mapping[str, str] = field(default_factory=dict)
    made: bool = False

    @property
    def mindspore(self) -> str:
        """The version of MindSpore."""
        return self.packages[MINDSPORE]


def installed(python: str | Path, *, alone: bool = False) -> dict[str, str]:
    """Return the version of every distribution that ``python`` finds; raises HarnessError where it fails.

    With ``alone`` they are those of its environment, without what ``PYTHONPATH`` adds (CANN sets it).
    """
    options = ["-I"] if alone else []
    done = subprocess.run([str(python), *options, "-c", _LIST], capture_output=True, text=True, check=False)
    try:
        pairs = json.loads(done.stdout)
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["it printed nothing"])[-1]
        raise HarnessError(f"{python}: cannot find out what is installed there: {last}") from None
    # Of two of one name the first on the path is the one that is imported.
    return {canonicalize_name(name): version for name, version in reversed(pairs) if name}


def inspect_interpreter(python: str | Path) -> Subject:
    """Return the environment of an interpreter, named for its MindSpore.

    Raises UsageError for what is no Python, and for one without MindSpore.
    """
    path = interpreter(python)
    packages = installed(path)
    if MINDSPORE not in packages:
        raise UsageError(
            f"{python}: MindSpore is not installed there; install it, or leave this interpreter out"
        )
    return Subject(packages[MINDSPORE], path, packages)


def in_order(subjects: Sequence[Subject]) -> list[Subject]:
    """Return ``subjects`` by release of MindSpore, oldest first, each under a name of its own."""
    ordered = sorted(subjects, key=lambda subject: _order(subject.mindspore))
    times, seen = Counter(subject.name for subject in ordered), Counter[str]()
    named = []
    for subject in ordered:
        seen[subject.name] += 1
        alone = times[subject.name] == 1
        named.append(subject if alone else replace(subject, name=f"{subject.name} #{seen[subject.name]}"))
    return named


def differing_packages(subjects: Sequence[Subject]) -> dict[str, tuple[str | None, ...]]:
    """Return the packages that are not of one version in all of ``subjects``, with the version in each."""
    names = sorted({name for subject in subjects for name in subject.packages})
    versions = {name: tuple(subject.packages.get(name) for subject in subjects) for name in names}
    return {name: each for name, each in versions.items() if len(set(each)) > 1}


def _order(version: str) -> Version:
    try:
        return Version(version)
    except InvalidVersion:
        return Version("0")
