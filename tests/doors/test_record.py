"""`harness record` refuses what is not fit to be a baseline, and loses nothing."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from user_project import heed_interrupts

CASE = """\
suite: {name}
cases:
  - {{id: sound, pipeline: "pipelines:sound", seed: 0, steps: 2}}
  - {{id: bad, pipeline: "pipelines:{factory}", seed: 0, steps: 2}}
"""


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        ("unrepeatable", "two runs in fresh workers differ, first in the output"),
        ("unseeded", "an unseeded numpy generator"),
        ("not_a_number", "NaN"),
        ("raising", "the pipeline's own error"),
        ("crashing", "SIGSEGV"),
    ],
)
def test_an_unfit_case_is_refused_and_the_others_are_recorded(project, factory, message):
    name = factory.replace("_", "-")
    project.suite(name, CASE.format(name=name, factory=factory))
    done = project.harness("record", f"suites/{name}.yaml")
    # What is known of a case that raises or crashes is nothing.
    assert done.returncode == (1 if factory in ("unrepeatable", "not_a_number") else 2)
    assert message in done.stdout
    assert "1 refused" in done.stdout
    assert sorted(path.name for path in (project.root / "baselines" / name).iterdir()) == ["sound"]


def test_one_case_can_be_chosen(project):
    assert project.harness("record", "suites/small.yaml::two").returncode == 0
    assert [path.name for path in (project.root / "baselines" / "small").iterdir()] == ["two"]


def test_a_reason_goes_into_a_first_baseline_too(project):
    assert project.harness("record", "suites/small.yaml::two", "--reason", "the first of all").returncode == 0
    (stored,) = (project.root / "baselines" / "small" / "two").glob("*.json")
    assert json.loads(stored.read_text())["provenance"]["reason"] == "the first of all"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["suites/small.yaml::tow"], "there is no case 'tow'; did you mean 'two'?"),
        (["nowhere/"], "nowhere"),
        (["suites/", "--no-such-option"], "--no-such-option"),
        (["suites/", "--timeout", "0"], "--timeout"),
        (["suites/", "--timeout", "inf"], "--timeout"),
        ([], "SUITES"),
    ],
)
def test_wrong_usage_is_exit_code_4_without_a_traceback(project, arguments, message):
    done = project.harness("record", *arguments)
    assert done.returncode == 4
    assert message in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert not (project.root / "baselines").exists()


def test_a_broken_suite_is_exit_code_4_with_file_line_and_column(project):
    project.edit("suites/small.yaml", "steps: 3", "stepz: 3")
    for command in ("record", "list"):
        done = project.harness(command, "suites/")
        assert done.returncode == 4
        assert "suites/small.yaml:5:3: " in done.stderr
        assert "Traceback" not in done.stderr


def test_an_interrupted_recording_writes_nothing_by_halves(project):
    """Interrupt from the keyboard while the second of two cases hangs."""
    began = project.root / "began"
    project.environment["TEST_BEGAN"] = str(began)
    project.suite("slow", CASE.format(name="slow", factory="hanging"))
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", "record", "suites/slow.yaml"],
        cwd=project.root,
        env=project.environment,
        preexec_fn=heed_interrupts,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (began.exists() and began.read_text()) and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in errors
    assert "Traceback" not in errors
    assert not list(project.root.glob("baselines/**/*.json*"))
    with pytest.raises(ProcessLookupError):
        os.kill(int(began.read_text()), 0)


@pytest.mark.parametrize("folder", ["a-file", "/proc/baselines"])
def test_a_folder_that_cannot_be_written_is_told_before_any_case_runs(project, folder):
    (project.root / "a-file").write_text("in the way")
    project.edit("suites/small.yaml", "pipelines:sound", "pipelines:raising")
    done = project.harness("record", "suites/small.yaml::one", "--baseline-dir", folder)
    assert done.returncode == 3
    assert done.stderr.startswith(f"error: {folder}: no baselines can be written there")
    assert "Traceback" not in done.stderr
    # Nothing ran, nothing was refused.
    assert done.stdout == ""


def test_a_case_that_notices_nothing_is_recorded_and_fails(project):
    project.suite(
        "loose",
        """\
suite: loose
defaults: {pipeline: "pipelines:sound", seed: 0, steps: 2}
cases:
  - id: blind
    tolerance: {across_releases: {max_abs: 10.0}}
  - id: seeing
    tolerance: {across_releases: {max_abs: 1.0e-4}}
""",
    )
    done = project.harness("record", "suites/loose.yaml")
    assert done.returncode == 1
    assert "2 written" in done.stdout
    assert "loose/blind is vacuous: at its tolerance across releases it passes each of" in done.stdout
    assert "loose/seeing is vacuous" not in done.stdout
    # Not only when something was written.
    again = project.harness("record", "suites/loose.yaml::blind")
    assert (again.returncode, "is vacuous" in again.stdout) == (1, True)


def test_ctrl_d_at_the_question_is_no_reason(recorded, tmp_path):
    project = recorded.copy(tmp_path / "project")
    before = project.baselines()
    project.edit("suites/small.yaml", "steps: 3", "steps: 4")
    ours, theirs = os.openpty()
    os.write(ours, b"\x04")
    done = subprocess.run(
        [sys.executable, "-m", "harness", "record", "suites/small.yaml::one"],
        cwd=project.root,
        env=project.environment,
        stdin=theirs,
        capture_output=True,
        text=True,
        check=False,
    )
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Why do these baselines change?" in done.stdout
    assert "Traceback" not in done.stderr
    assert project.baselines() == before
