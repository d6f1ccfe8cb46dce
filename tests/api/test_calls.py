"""The calls on the real thing, each beside what its command says; and where they are made from."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from user_project import Project, heed_interrupts

import harness

SUITE = """\
suite: small
defaults:
  pipeline: pipelines:sound
  seed: 0
  steps: 3
cases:
  - id: kept
  - id: moved
    seed: 2
    pipeline: pipelines:with_environment
  - {id: fails, pipeline: "pipelines:unseeded", fails: unseeded-draw}
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A project whose cases were recorded by a call, and what it returned."""
    project = Project(tmp_path_factory.mktemp("python") / "project")
    project.suite("small", SUITE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project.root)
        result = harness.record("suites")
    return project, result


@pytest.fixture
def project(recorded, tmp_path, monkeypatch):
    """A copy of it, which is the current folder."""
    copy = recorded[0].copy(tmp_path / "project")
    monkeypatch.chdir(copy.root)
    return copy


def said(done):
    return done.stdout.strip("\n")


def test_record_says_and_writes_what_the_command_does(recorded, tmp_path):
    project, result = recorded
    assert result.passed
    other = Project(tmp_path / "other")
    other.suite("small", SUITE)
    done = other.harness("record", "suites")
    assert done.returncode == 0
    assert str(result) == said(done)
    stored = {Path(path).relative_to(project.root) for path in project.baselines()}
    assert stored == {Path(path).relative_to(other.root) for path in other.baselines()}
    arrays = [path for path in stored if path.suffix == ".safetensors"]
    assert len(arrays) == 2
    for path in arrays:
        assert (project.root / path).read_bytes() == (other.root / path).read_bytes()
    page = result._repr_html_()
    assert page.count("<table>") == 1
    assert page.count("<img ") == 2


def test_check_says_what_pytest_does_of_drift_and_of_what_passes(project, monkeypatch):
    project.edit("suites/small.yaml", "  - {id: fails", "  - {id: new}\n  - {id: fails")
    monkeypatch.setenv("TEST_OFFSET", "0.001")
    project.environment["TEST_OFFSET"] = "0.001"
    result = harness.check("suites")
    assert [each.verdict for each in result.cases] == ["identical", "drift", "error", "error"]
    assert [each.passed for each in result.cases] == [True, False, False, True]
    assert not result.passed
    done = project.compare()
    assert done.verdicts == {each.name: each.verdict.value for each in result.cases}
    for each in result.cases[1:3]:
        assert each.text in done.text
    summary = result.text.rpartition("\n\n")[2]
    assert "1 identical, 1 drift, 1 error, 1 failed as expected" in summary
    # pytest has the whole path of a suite.
    here = f"{project.root}/"
    assert summary.replace(here, "") in done.text.replace(here, "")
    kept, moved, new, _ = result.cases
    assert np.array_equal(kept.output, kept.baseline.measurement.output)
    assert not np.array_equal(moved.output, moved.baseline.measurement.output)
    assert new.output is None
    assert harness.compare(moved.output, moved.baseline).verdict == "drift"
    page = result._repr_html_()
    assert page.index("small/moved, image 0") < page.index("small/kept, image 0: the same values")
    assert "not passed" in page
    assert ">drift</td>" in moved._repr_html_()

    changed = harness.record(moved.case, reason="meant")
    assert changed.passed
    assert harness.compare(moved.output, moved.baseline.path).verdict == "identical"
    assert '"reason": "meant"' in moved.baseline.path.read_text()


# These calls by day: doors/test_python_page.py.
@pytest.mark.slow
def test_explain_says_what_the_command_does(project, monkeypatch):
    monkeypatch.setenv("TEST_OFFSET", "0.001")
    project.environment["TEST_OFFSET"] = "0.001"
    explained = harness.explain("suites/small.yaml::moved")
    done = project.harness("explain", "suites/small.yaml::moved")
    assert explained.passed == (done.returncode == 0)
    assert str(explained) == said(done)
    assert '<th scope="row">output</th>' in explained._repr_html_()


@pytest.mark.slow
def test_calibrate_and_power_say_what_the_commands_do(project):
    suite = harness.load_suite("suites/small.yaml")
    case = next(each for each in suite.cases if each.id == "kept")
    told = []

    class Telling(harness.Progress):
        def begin(self, doing, runs):
            told.append((doing, runs))

        def started(self, name):
            told.append(name)

    calibrated = harness.calibrate(suite, members=2, factor=3.0, progress=Telling())
    assert told == [("calibrating", 4), "small/kept", "small/moved"]
    assert calibrated.passed
    assert "<td>3</td>" in calibrated._repr_html_()
    done = project.harness("calibrate", "suites", "--members", "2", "--factor", "3")
    # It found the calibration in place.
    assert str(calibrated).replace("  new\n", "  unchanged\n") == said(done)

    found = harness.power(case, quick=True, faults=["other-seed", "pixel-shift"])
    options = ("--quick", "--fault", "other-seed", "--fault", "pixel-shift")
    done = project.harness("power", "suites/small.yaml::kept", *options)
    assert found.passed == (done.returncode == 0)
    assert str(found) == said(done)
    assert "small/kept" in found._repr_html_()


def test_errors_are_those_of_the_commands(project, tmp_path):
    for path in (project.root / "baselines").glob("*/*/*.json"):
        path.unlink()
    with pytest.raises(harness.BaselineError) as caught:
        harness.explain("suites/small.yaml::kept")
    assert str(caught.value).endswith(
        "record it: harness record suites/small.yaml::kept --baseline-dir baselines"
    )


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: harness.check([]), "no case was given"),
        (lambda: harness.check(5), "expected suites, cases or their paths, got int"),
        (lambda: harness.check(["suites", None]), "expected suites, cases or their paths, got NoneType"),
        (lambda: harness.check("suites", device="GPU"), "device='GPU': give one of CPU, Ascend, CUDA"),
        (lambda: harness.check("suites", timeout=float("nan")), "timeout=nan: give a number from 0.001 to"),
        (lambda: harness.check("suites", timeout="5"), "timeout='5': give a number"),
        (lambda: harness.check("suites", python="no-such-python"), "no-such-python: no such interpreter"),
        (lambda: harness.record("suites", calibrate=True, members=1), "1 member "),
        (lambda: harness.record("suites", deep_step=-1), "deep_step=-1: give a whole number from 0"),
        (lambda: harness.record("suites", deep_step=1.5), "deep_step=1.5: give a whole number from 0"),
        (lambda: harness.record("suites", calibrate=True, members=2.5), "members=2.5: give a whole number"),
        (lambda: harness.calibrate("suites", members=True), "members=True: give a whole number"),
        (lambda: harness.power("suites", processes=1.5), "processes=1.5: give a whole number from 1 to 64"),
        (lambda: harness.check("suites", device_id=0.5), "device_id=0.5: give a whole number from 0"),
        (lambda: harness.explain("suites/small.yaml::kept", step=0.5), "step=0.5: give a whole number"),
        (lambda: harness.calibrate("suites", baseline_dir="none"), "baseline_dir='none': no such folder"),
        (lambda: harness.power("suites", faults=["other-sed"]), "other-seed"),
        (lambda: harness.power("suites/small.yaml::fails"), "expected to fail"),
        (lambda: harness.explain("suites/small.yaml"), "suites/small.yaml names 3 cases"),
    ],
)
def test_what_makes_no_sense_is_one_clear_error_before_anything_runs(project, call, told):
    with pytest.raises(harness.UsageError, match=re.escape(told)) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_cases_of_one_name_share_a_baseline_and_are_refused(project):
    suite = harness.load_suite(Path("suites/small.yaml").absolute())
    with pytest.raises(harness.UsageError, match="two cases are called small/kept"):
        harness.check(["suites", replace(suite.cases[0], steps=5)])
    project.suite("other", SUITE)
    with pytest.raises(harness.SuiteError, match="the suite's name 'small' is taken"):
        harness.check([suite, "suites/other.yaml"])


def test_a_suite_that_is_wrong_is_the_error_that_the_command_prints(project):
    project.edit("suites/small.yaml", "steps: 3", "stpes: 3")
    with pytest.raises(harness.SuiteError) as caught:
        harness.load_suite("suites/small.yaml")
    assert caught.value.problems[0].line == 5
    with pytest.raises(harness.SuiteError, match=re.escape(str(caught.value))):
        harness.check("suites")
    assert project.command("list", "suites").stderr == f"{caught.value}\n"


EVERYWHERE = """
import asyncio, sys, threading
import psutil
import harness

async def notebook():
    here = harness.check("suites/small.yaml::kept")
    there = await asyncio.to_thread(harness.check, "suites/small.yaml::kept")
    return here.passed, there.passed

found = asyncio.run(notebook())
assert not psutil.Process().children(recursive=True)
assert "mindspore" not in sys.modules
print(*found)
"""


def test_it_runs_under_a_running_loop_and_in_a_thread_prints_nothing_and_leaves_no_worker(project):
    done = subprocess.run(
        [sys.executable, "-c", EVERYWHERE], cwd=project.root, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "True True\n", "")


INTERRUPTED = """
import psutil
import harness
try:
    harness.record("suites/small.yaml::hangs")
except KeyboardInterrupt as interrupt:
    print(type(interrupt).__name__, interrupt, psutil.Process().children(recursive=True))
"""


def test_ctrl_c_passes_and_leaves_no_worker(project, tmp_path):
    began = tmp_path / "began"
    with Path("suites/small.yaml").open("a") as suite:
        suite.write("  - {id: hangs, pipeline: 'pipelines:hanging'}\n")
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED],
        cwd=project.root,
        env={**project.environment, "TEST_BEGAN": str(began)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=heed_interrupts,
    )
    while not (began.exists() and began.read_text()):
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert output == "KeyboardInterrupt no baseline was written []\n"
