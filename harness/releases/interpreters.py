"""Interpreters that cases run under, and what is installed in them."""

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
    """An environment in which cases run.

    ``name`` is its name in reports, ``python`` is its interpreter, and ``packages`` maps the canonical names
    of the installed packages to their versions. ``made`` means that it was created for a release rather than
    given as an interpreter.
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
    """Return the version of every distribution that ``python`` finds; HarnessError if that fails.

    ``alone`` restricts this to the interpreter's own environment, without what ``PYTHONPATH`` adds (CANN sets
    it).
    """
    options = ["-I"] if alone else []
    done = subprocess.run([str(python), *options, "-c", _LIST], capture_output=True, text=True, check=False)
    try:
        pairs = json.loads(done.stdout)
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["it printed nothing"])[-1]
        raise HarnessError(f"{python}: cannot find out what is installed there: {last}") from None
    # Of two with the same name, the first on the path is the one that is imported.
    return {canonicalize_name(name): version for name, version in reversed(pairs) if name}


def inspect_interpreter(python: str | Path) -> Subject:
    """Return the environment of an interpreter, named for its MindSpore.

    Raises UsageError if it is not a Python, or has no MindSpore.
    """
    path = interpreter(python)
    packages = installed(path)
    if MINDSPORE not in packages:
        raise UsageError(
            f"{python}: MindSpore is not installed there; install it, or leave this interpreter out"
        )
    return Subject(packages[MINDSPORE], path, packages)


def in_order(subjects: Sequence[Subject]) -> list[Subject]:
    """Return ``subjects`` sorted by release of MindSpore, oldest first, each with a unique name."""
    ordered = sorted(subjects, key=lambda subject: _order(subject.mindspore))
    times, seen = Counter(subject.name for subject in ordered), Counter[str]()
    named = []
    for subject in ordered:
        seen[subject.name] += 1
        alone = times[subject.name] == 1
        named.append(subject if alone else replace(subject, name=f"{subject.name} #{seen[subject.name]}"))
    return named


def differing_packages(subjects: Sequence[Subject]) -> dict[str, tuple[str | None, ...]]:
    """Return the packages whose version is not the same in all ``subjects``, with the version in each."""
    names = sorted({name for subject in subjects for name in subject.packages})
    versions = {name: tuple(subject.packages.get(name) for subject in subjects) for name in names}
    return {name: each for name, each in versions.items() if len(set(each)) > 1}


def _order(version: str) -> Version:
    try:
        return Version(version)
    except InvalidVersion:
        return Version("0")
