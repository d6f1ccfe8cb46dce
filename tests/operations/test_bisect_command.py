"""`harness bisect`, with real processes: over interpreters that exist, and over commits."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from other_interpreters import interpreter
from user_project import Project

from harness.baselines.baseline import Baseline, Provenance, device_key
from harness.baselines.store import BaselineStore
from harness.cases.selection import select
from harness.errors import UsageError
from harness.execution.runner import Runner
from harness.releases.repository import Repository

SUITE = """\
suite: small
cases:
  - {id: one, pipeline: "pipelines:with_environment", seed: 0, steps: 2}
  - {id: own, pipeline: "package.model:factory", seed: 0, steps: 2}
  - {id: core, pipeline: ddim, checkpoint: "builtin:ddpm-digits", seed: 0, steps: 2}
"""
MODEL = """\
from types import SimpleNamespace

import numpy as np

from package.scale import SCALE


def factory(checkpoint, dtype, mode):
    def call(*, batch_size, generator, num_inference_steps, output_type, callback_on_step_end):
        latents = generator.standard_normal((batch_size, 1, 8, 8)) * SCALE
        for step in range(num_inference_steps):
            callback_on_step_end(None, step, step, {"latents": latents})
        return SimpleNamespace(images=latents.transpose(0, 2, 3, 1).astype(np.float32))

    return call
"""


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path / "project")
    made.suite("small", SUITE)
    return made


def bisect(project, case, good, bad, *arguments, here=False):
    """Run the command; ``here`` where no worker is to start."""
    ends = ("--good", good, "--bad", bad, "--json", "found.json")
    run = project.command if here else project.harness
    done = run("bisect", f"suites/small.yaml::{case}", *ends, *arguments)
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    path = project.root / "found.json"
    return done, json.loads(path.read_text()) if path.exists() else None


def git(folder, *arguments):
    identity = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def nine_commits(tmp_path_factory):
    """Nine commits; the sixth changes what the pipeline does, all others do not."""
    folder = tmp_path_factory.mktemp("commits") / "repository"
    (folder / "src" / "package").mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch", "main")
    (folder / "src" / "package" / "model.py").write_text(MODEL)
    for number in range(9):
        scale = 0.5 if number >= 5 else 0.25
        # Of one size, and of one second: what Python caches of one would do for another.
        (folder / "src" / "package" / "scale.py").write_text(f"SCALE = {scale:.2f}\n# {number}\n")
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "-m", f"number {number}")
        git(folder, "tag", f"v{number}")
    return folder


@pytest.fixture
def repository(nine_commits, tmp_path):
    return Path(shutil.copytree(nine_commits, tmp_path / "repository"))


@pytest.mark.slow
def test_over_interpreters_that_exist(project, tmp_path):
    moved = {"2.9.0": "0.25", "2.10.0": "0.25"}
    paths = [
        interpreter(tmp_path, name, mindspore=name, TEST_OFFSET=moved.get(name, "0"))
        for name in ("2.10.0", "2.7.0", "2.7.2", "2.8.0", "2.9.0")
    ]
    options = [argument for path in paths for argument in ("--python", path)]
    once = ("--repeats", "1")
    done, found = bisect(project, "one", "mindspore==2.7.0", "mindspore==2.10.0", *once, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (found["last_good"], found["first_bad"]) == ("mindspore==2.8.0", "mindspore==2.9.0")
    assert (found["runs"], found["confidence"], found["runs_of"]) == (4, None, None)
    assert "  4 runs, each version once and trusted to repeat\n" in done.stdout
    assert found["step"]["verdict"] == "drift"
    assert found["change_in"]["part"] == "mindspore"
    assert "small/one changed with mindspore==2.9.0\n" in done.stdout
    assert [line.split()[0] for line in done.stdout.splitlines()[:4]] == ["good", "bad", "good", "bad"]

    # Every further run of a release is kept, too, and the same command continues from there.
    done, found = bisect(project, "one", "mindspore==2.8.0", "mindspore==2.9.0", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (found["first_bad"], found["confidence"] >= 0.99) == ("mindspore==2.9.0", True)
    kept = {path: path.stat().st_mtime_ns for path in project.root.glob(".harness/**/one*.safetensors")}
    assert len(kept) == 2 + found["runs"]
    again = bisect(project, "one", "mindspore==2.8.0", "mindspore==2.9.0", *options)[1]
    assert again == found
    assert {path: path.stat().st_mtime_ns for path in kept} == kept

    # Nothing runs again, and what is not between them is not a question for bisection.
    (project.root / "found.json").unlink()
    done, found = bisect(project, "one", "mindspore==2.9.0", "mindspore==2.10.0", *once, *options)
    assert (done.returncode, found) == (1, None)
    assert (
        "mindspore==2.10.0 has the same bits as mindspore==2.9.0: there is no change to find" in done.stderr
    )


@pytest.mark.slow
def test_over_the_commits_of_a_repository(project, repository):
    before = git(repository, "status", "--porcelain", "--ignored"), git(repository, "worktree", "list")
    done, found = bisect(project, "own", "v0", "v8", "--repo", str(repository))
    assert done.returncode == 0, done.stdout + done.stderr
    culprit = git(repository, "rev-parse", "v5")[:12]
    assert found["first_bad"] == f"{culprit} number 5"
    assert found["last_good"].endswith(" number 4")
    # Each version in between runs once, but for the last good and the first bad one.
    assert found["runs"] == sum(each["runs"] for each in found["runs_of"]) <= 3 + 2 + 4 + 2 * 3
    assert [each["changed"] for each in found["runs_of"]] == [
        each["runs"] if int(each["version"].split()[-1]) >= 5 else 0 for each in found["runs_of"]
    ]
    assert found["confidence"] >= 0.99
    assert f"small/own changed with {culprit} number 5\n" in done.stdout
    assert (
        git(repository, "status", "--porcelain", "--ignored"),
        git(repository, "worktree", "list"),
    ) == before


FLAKE = """\
import os

import numpy as np


def factory(checkpoint, dtype, mode):
    from package.model import factory as make

    call = make(checkpoint, dtype, mode)

    def flaky(**arguments):
        result = call(**arguments)
        # A run of the changed pipeline shows the change in 4 of 5 runs.
        if CHANGED and os.urandom(1)[0] >= 51:
            result.images = result.images + np.float32(0.5)
        return result

    return flaky
"""


@pytest.mark.slow
def test_a_change_that_shows_in_four_of_five_runs_is_found(project, tmp_path):
    folder = tmp_path / "flaky"
    (folder / "package").mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch", "main")
    (folder / "package" / "model.py").write_text(MODEL)
    (folder / "package" / "scale.py").write_text("SCALE = 0.25\n")
    for number in range(8):
        (folder / "package" / "flaky.py").write_text(f"CHANGED = {number >= 3}  # {number}\n{FLAKE}")
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "-m", f"number {number}")
    case = SUITE.replace("package.model:factory", "package.flaky:factory")
    project.suite("small", case)
    done, found = bisect(project, "own", "HEAD~7", "HEAD", "--repo", str(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    assert found["first_bad"].endswith(" number 3")
    assert found["last_good"].endswith(" number 2")
    assert found["confidence"] >= 0.99
    assert not any(each["changed"] for each in found["runs_of"] if int(each["version"][-1]) < 3)
    assert "  confidence 99" in done.stdout
    good, bad = (found["runs_of"][end] for end in (0, -1))
    assert f"  0 of {good['runs']} runs (0% to " in done.stdout
    assert f"  {bad['changed']} of {bad['runs']} runs (" in done.stdout


@pytest.mark.parametrize(
    ("case", "ends", "options", "message"),
    [
        ("core", ("v0", "v8"), (), "small/core runs ddim, which comes from no repository of yours"),
        ("one", ("v8", "v0"), (), "v8 is not among the first parents of v0"),
        ("one", ("v0", "gone"), (), "gone: "),
        ("one", ("v0", "v8"), ("--with", "numpy==1"), "leave out --releases and --with"),
        ("one", ("v0", "v8"), ("--python", sys.executable) * 2, "under one interpreter"),
        ("one", ("v0", "v8"), ("--confidence", "1"), "--confidence 1: give a number between 0.5 and 1"),
        ("one", ("v0", "v8"), ("--confidence", "0.5"), "--confidence 0.5: give a number between"),
        ("one", ("v0", "v8"), ("--confidence", "nan"), "--confidence nan: give a number between"),
        ("one", ("v0", "v8"), ("--repeats", "0"), "--repeats 0: each end runs at least once"),
        ("one", ("v0", "v8"), ("--max-runs", "3"), "--max-runs 3: the ends alone take 4 runs"),
        ("one", ("v0", "v8"), ("--repeats", "1", "--confidence", "0.9"), "leave out --repeats 1"),
    ],
)
def test_wrong_usage_over_commits(project, repository, case, ends, options, message):
    done, found = bisect(project, case, *ends, "--repo", str(repository), *options, here=True)
    assert (done.returncode, found, message in done.stderr) == (4, None, True), done.stderr


@pytest.mark.parametrize(
    ("ends", "options", "message"),
    [
        (("2.7.0", "2.8.0"), (), "is not a release"),
        (("mindspore==2.7.0", "numpy==1.26"), (), "are different packages"),
        (
            ("mindspore==2.7.0", "mindspore==2.8.0"),
            ("--python", sys.executable),
            "no interpreter has",
        ),
        (("mindspore==2.7.0", "mindspore==2.8.0"), ("--releases", "2.9.0"), "is not between"),
        (("a==1", "a==2"), ("--with", "b", "--python", "x"), "leave out --releases and --with"),
        (("a==1", "a==2"), ("--releases", "1.5", "--python", "x"), "leave out --releases and --with"),
        (("a==1", "a==2"), ("--good-with", "b", "--python", "x"), "leave out --releases and --with"),
        (("a==1", "a==2"), ("--bad-with", "a==3"), "name the same package"),
    ],
)
def test_wrong_usage_over_releases(project, ends, options, message):
    done, found = bisect(project, "one", *ends, *options, here=True)
    assert (done.returncode, found, message in done.stderr) == (4, None, True), done.stderr


def test_a_pipeline_that_is_installed_would_run_in_place_of_every_commit_s(project, repository):
    project.environment["PYTHONPATH"] = str(repository / "src")
    done, _ = bisect(project, "own", "v0", "v8", "--repo", str(repository))
    assert done.returncode == 4
    assert f"package is installed for {sys.executable}" in done.stderr


def test_both_ends_alike_but_not_like_the_baseline(project, tmp_path):
    """Then the change is not between them."""
    case = select([f"{project.root}/suites/small.yaml::one"]).cases[0]
    paths = [interpreter(tmp_path, name, mindspore=name) for name in ("2.7.0", "2.8.0")]
    options = [argument for path in paths for argument in ("--python", path)]
    with Runner(
        python=interpreter(tmp_path, "moved", TEST_OFFSET="0.25"), import_paths=[project.root]
    ) as runner:
        measured = runner.run(case.job())
    provenance = Provenance.of(case, reason="", git_commit=None)
    baseline = Baseline(case.suite, case.id, device_key(measured.fingerprint), measured, provenance)
    BaselineStore(project.root / "baselines").write(baseline)
    done, found = bisect(project, "one", "mindspore==2.7.0", "mindspore==2.8.0", "--repeats", "1", *options)
    assert (done.returncode, found) == (1, None)
    assert (
        "has the same bits as mindspore==2.7.0: there is no change to find between them. Under both it is"
        in done.stderr
    )
    assert "the change is in the case itself, its weights, its pipeline, or another part" in done.stderr


def test_what_is_no_repository(tmp_path):
    with pytest.raises(UsageError, match="not a git repository; give --repo the folder of one"):
        Repository(tmp_path)


def test_merges_come_as_one_commit(repository, tmp_path):
    git(repository, "switch", "--quiet", "-c", "side", "v3")
    (repository / "side.txt").write_text("")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "on the side")
    git(repository, "switch", "--quiet", "main")
    git(repository, "merge", "--quiet", "--no-ff", "-m", "merged", "side")
    with Repository(repository) as clone:
        found = clone.between("v7", "HEAD")
        assert [commit.subject for commit in found] == ["number 7", "number 8", "merged"]
        folder = clone.checkout(found[0])
        assert clone.checkout(found[0]) == folder  # it runs again
        assert (folder / "src" / "package" / "scale.py").read_text() == "SCALE = 0.50\n# 7\n"
    assert not folder.exists()
