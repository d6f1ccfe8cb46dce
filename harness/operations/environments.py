"""The environments that a matrix or a bisection runs in: made for releases, or given as interpreters."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.releases.environments import Environments, subject_of
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
