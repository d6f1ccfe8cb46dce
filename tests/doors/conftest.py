"""A suite of small pipelines, for both doors."""

from __future__ import annotations

import pytest
from user_project import Project

SUITE = """\
suite: small
defaults:
  pipeline: pipelines:sound
  seed: 0
  steps: 3
  tolerance: {across_releases: {relative_l2: 1.0e-6, statistics: 1.0e-6}}
cases:
  - id: one
  - id: two
    seed: 2
    tags: [quick]
"""


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path)
    made.suite("small", SUITE)
    return made


@pytest.fixture(scope="session")
def recorded(tmp_path_factory):
    """A project with baselines, shared by tests that change nothing in it."""
    shared = Project(tmp_path_factory.mktemp("recorded") / "project")
    shared.suite("small", SUITE)
    shared.keep_baselines()
    return shared


@pytest.fixture
def kept(recorded, tmp_path):
    """A copy of it, to be changed."""
    return recorded.copy(tmp_path / "kept")
