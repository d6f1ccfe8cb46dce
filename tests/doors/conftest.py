"""A project of a user: a suite of small pipelines, and helpers to run both doors on it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PIPELINES = Path(__file__).parent.parent / "pipelines_for_tests.py"

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


class Project:
    """A folder with `suites/`, `baselines/` and `pipelines.py`, and both doors run on it as processes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment = {**os.environ, "COLUMNS": "200"}
        (root / "pipelines.py").write_text(PIPELINES.read_text())
        (root / "suites").mkdir()
        # A root folder of its own, so that this repository's settings do not apply.
        (root / "pytest.ini").write_text("[pytest]\n")
        self.suite("small", SUITE)

    def suite(self, name: str, text: str) -> Path:
        path = self.root / "suites" / f"{name}.yaml"
        path.write_text(text)
        return path

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.root / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def _run(self, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def harness(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._run("harness", *arguments)

    def pytest(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._run("pytest", "-p", "no:cacheprovider", *(arguments or ("suites/",)))

    def record(self, *arguments: str) -> None:
        done = self.harness("record", "suites/", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr

    def baselines(self) -> dict[str, tuple[bytes, int]]:
        """The bytes and the time of change of every file below `baselines/`."""
        files = sorted(path for path in (self.root / "baselines").rglob("*") if path.is_file())
        return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A project with baselines, shared by tests that change nothing in it."""
    shared = Project(tmp_path_factory.mktemp("recorded"))
    shared.record()
    return shared
