"""What the commands across releases share: options, and the environments that they name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from harness.execution.runner import Runner
from harness.releases.environments import DEFAULT_ROOT, Environments, subject_of
from harness.releases.interpreters import Subject, in_order, inspect_interpreter
from harness.releases.kept import DEFAULT_ROOT as WORK
from harness.releases.requirements import Release, Specification

With = Annotated[
    list[str] | None,
    typer.Option("--with", metavar="REQUIREMENT", help="install this, too: numpy==1.26.4; may be repeated"),
]
EnvironmentsDir = Annotated[
    Path, typer.Option("--environments", metavar="DIR", help="folder of the environments made for releases")
]
Work = Annotated[
    Path, typer.Option("--work", metavar="DIR", help="folder in which measurements are kept as they come")
]
Fresh = Annotated[bool, typer.Option("--fresh", help="run again what has been measured before")]

ENVIRONMENTS, WORK_DIR = DEFAULT_ROOT, WORK


def subject_maker(
    device: str, device_id: int, timeout: float, import_paths: Sequence[Path]
) -> Callable[[Subject], Runner]:
    """Return what makes the runner of a subject, which finds users' pipelines in ``import_paths``."""

    def make(subject: Subject) -> Runner:
        return runners_of(device, device_id, subject.python, timeout)(import_paths)

    return make


def runners_of(
    device: str, device_id: int, python: str | None, timeout: float
) -> Callable[[Sequence[Path]], Runner]:
    """Return what makes a runner that finds users' pipelines in the folders it is called with."""

    def make(import_paths: Sequence[Path]) -> Runner:
        return Runner(
            python=python, device=device, device_id=device_id, timeout=timeout, import_paths=import_paths
        )

    return make


def subjects(
    releases: Sequence[Release],
    extras: Sequence[str],
    pythons: Sequence[str],
    environments: Environments,
    progress: Callable[[str], None],
) -> list[Subject]:
    """Return the environments to run in, oldest MindSpore first; those of releases are made where missing."""
    # What can be told to be wrong at once goes before what takes minutes to make.
    specifications = list(dict.fromkeys(Specification.of(release, extras) for release in releases))
    given = [inspect_interpreter(python) for python in pythons]
    made = environments.ensure(specifications, progress)
    return in_order(
        [subject_of(each, environment) for each, environment in zip(specifications, made, strict=True)]
        + given
    )
