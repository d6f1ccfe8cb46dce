"""The environments of releases: those that a matrix runs in, and what is kept of them on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from harness.releases.environments import Environments, Stored, subject_of
from harness.releases.interpreters import Subject, in_order, inspect_interpreter
from harness.releases.requirements import Release, Specification


def subjects(
    releases: Sequence[Release],
    extras: Sequence[str],
    pythons: Sequence[str],
    environments: Environments,
    preparing: Callable[[str], None] = lambda _: None,
) -> list[Subject]:
    """Return the environments to run in, oldest MindSpore first; those of releases are made where missing."""
    # What can be told to be wrong at once goes before what takes minutes to make.
    specifications = list(dict.fromkeys(Specification.of(release, extras) for release in releases))
    given = [inspect_interpreter(python) for python in pythons]
    made = environments.ensure(specifications, preparing)
    return in_order(
        [subject_of(each, environment) for each, environment in zip(specifications, made, strict=True)]
        + given
    )


def list_environments(folder: Path, *, unused_for: float | None = None) -> list[Stored]:
    """Return the environments below ``folder``; with ``unused_for`` those not used for so many days."""
    stored = Environments(folder)
    wanted = None if unused_for is None else stored.unused(unused_for)
    return [each for each in stored.listed() if wanted is None or each.name in wanted]


def remove_environments(folder: Path, names: Sequence[str], *, unused_for: float) -> Sequence[str]:
    """Remove the environments ``names``, without names those not used for so many days; return which."""
    stored = Environments(folder)
    return stored.remove(names or stored.unused(unused_for))
