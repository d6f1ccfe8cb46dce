"""A user's project on the real core: the digits model of the package, and a copy of it as a local folder."""

from __future__ import annotations

import shutil

import pytest
from acceptance_digits import DIGITS, REPOSITORY
from user_project import Project

SUITES = {
    "builtin": """\
suite: builtin
defaults: {checkpoint: builtin:ddpm-digits, seed: 0, steps: 4}
cases:
  - {id: ddim, pipeline: ddim}
  - {id: ddpm, pipeline: ddpm}
""",
    "local": """\
suite: local
cases:
  - {id: ddim, pipeline: ddim, checkpoint: ../checkpoint, seed: 1, steps: 4}
""",
}


@pytest.fixture(scope="session")
def kept_digits(tmp_path_factory):
    made = Project(tmp_path_factory.mktemp("digits") / "project")
    shutil.copytree(DIGITS, made.root / "checkpoint")
    for name, text in SUITES.items():
        made.suite(name, text)
    made.keep_baselines()
    return made


@pytest.fixture
def digits(kept_digits, tmp_path):
    """A project of three cases with baselines; only `local/ddim` uses the folder `checkpoint`."""
    return kept_digits.copy(tmp_path / "project")


@pytest.fixture
def project(tmp_path):
    """A project without suites."""
    return Project(tmp_path / "project")


@pytest.fixture
def shipped(project):
    """A project with the suites and the baselines of this repository."""
    for name in ("suites", "baselines"):
        shutil.copytree(REPOSITORY / name, project.root / name, dirs_exist_ok=True)
    return project
