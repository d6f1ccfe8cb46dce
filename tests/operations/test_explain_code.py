"""`harness explain --code REV`: the project's own code at a git revision beside the working tree."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from user_project import Project

CASE = "suites/digits.yaml::one"
SUITE = """\
suite: digits
cases:
  - {id: one, pipeline: "pipelines:sound", seed: 0, steps: 2}
  - {id: waiting, pipeline: "pipelines:hanging", seed: 0, steps: 2}
"""
EDIT = ("pipelines.py", "latents = latents * 0.9", "latents = latents * 0.8")


def git(project, *arguments):
    identity = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    command = ["git", *identity, *arguments]
    done = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def committed(tmp_path_factory):
    """A project whose baseline was recorded at a commit."""
    made = Project(tmp_path_factory.mktemp("code") / "project")
    made.suite("digits", SUITE)
    git(made, "init", "--quiet", "--initial-branch", "main")
    git(made, "add", ".")
    git(made, "commit", "--quiet", "-m", "sound")
    done = made.harness("record", CASE)
    assert done.returncode == 0, done.stdout + done.stderr
    return made


@pytest.fixture
def project(committed, tmp_path):
    made = committed.copy(tmp_path / "project")
    (tmp_path / "temporary").mkdir()
    # A folder of its own, because other tests make temporary checkouts at the same time.
    made.environment["TMPDIR"] = str(tmp_path / "temporary")
    return made


def left(project):
    return set(Path(project.environment["TMPDIR"]).glob("harness-bisect-*"))


def test_a_drift_says_the_command_that_runs_the_old_code_and_it_does(project):
    before = left(project)
    project.edit(*EDIT)
    commit = git(project, "rev-parse", "HEAD")
    line = f"harness explain {CASE} --baseline-dir baselines --code {commit}"
    drifted = project.pytest(CASE, "--baseline-dir", "baselines")
    assert f"find the cell  {line}" in drifted.stdout
    done = project.harness("explain", CASE, "--code", commit)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert f"compared with a run under the code of {commit[:12]} sound (MindSpore " in lines[0]
    assert lines[0].endswith(": the code of the pipeline was edited")
    assert "  1. code: pipelines.py changed" in lines
    assert any(each.startswith("  2. numerics: the latents differ from step 0 on") for each in lines)
    # Both sides of an unedited case run the same code.
    git(project, "checkout", "--quiet", "pipelines.py")
    same = project.harness("explain", CASE, "--code", "HEAD")
    assert (same.returncode, "nothing differs" in same.stdout) == (1, True), same.stdout
    assert git(project, "status", "--porcelain", "--", ":(exclude)__pycache__") == "?? baselines/"
    assert git(project, "worktree", "list").count("\n") == 0
    assert left(project) == before


def test_a_revision_or_a_factory_that_is_not_there(project):
    unknown = project.harness("explain", CASE, "--code", "v9")
    assert (unknown.returncode, "v9: " in unknown.stderr) == (4, True), unknown.stderr
    assert "has no such commit" in unknown.stderr
    git(project, "rm", "--quiet", "--cached", "pipelines.py")
    git(project, "commit", "--quiet", "-m", "without")
    lacking = project.harness("explain", CASE, "--code", "HEAD")
    assert lacking.returncode in (3, 4)
    assert "without" in lacking.stderr
    assert "pipelines" in lacking.stderr
    for done in (unknown, lacking):
        assert "Traceback" not in done.stdout + done.stderr


def test_outside_git(project, tmp_path):
    subprocess.run(["rm", "-rf", str(project.root / ".git")], check=True)
    done = project.harness("explain", CASE, "--code", "HEAD")
    assert done.returncode == 4
    assert "is in no git repository" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_an_interruption_leaves_nothing(project, tmp_path, number):
    before = left(project)
    began = tmp_path / "began"
    project.environment["TEST_BEGAN"] = str(began)
    process = project.started("harness", "explain", "suites/digits.yaml::waiting", "--code", "HEAD")
    for _ in range(1200):
        if began.exists():
            break
        time.sleep(0.1)
    assert left(project) != before
    os.kill(process.pid, number)
    text, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "Traceback" not in text, text
    assert left(project) == before
    assert git(project, "worktree", "list").count("\n") == 0
