"""`harness record` refuses what is not fit to be a baseline, and loses nothing."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
from user_project import heed_interrupts

CASE = '  - {{id: {id}, pipeline: "pipelines:{factory}", seed: 0, steps: 2}}\n'


@pytest.mark.parametrize(
    ("code", "unfit"),
    [
        (1, {"unrepeatable": "two runs in fresh workers differ, first in the output", "not_a_number": "NaN"}),
        # What is known of a case that raises or crashes is nothing.
        (
            2,
            {
                "unseeded": "an unseeded numpy generator",
                "raising": "the pipeline's own error",
                "crashing": "SIGSEGV",
            },
        ),
    ],
)
def test_an_unfit_case_is_refused_and_the_others_are_recorded(project, code, unfit):
    cases = {"first": "sound", **{name.replace("_", "-"): name for name in unfit}, "last": "sound"}
    text = "".join(CASE.format(id=name, factory=factory) for name, factory in cases.items())
    project.suite("unfit", f"suite: unfit\ncases:\n{text}")
    done = project.harness("record", "suites/unfit.yaml")
    assert done.returncode == code
    for factory, message in unfit.items():
        told = re.search(
            rf"^refused +(?:\S+ )?unfit/{factory.replace('_', '-')}:(.*?)(?=^refused|^case )",
            done.stdout,
            re.M | re.S,
        )
        assert told, done.stdout
        assert message in told[1]
    assert f"{len(unfit)} refused" in done.stdout
    assert sorted(path.name for path in (project.root / "baselines" / "unfit").iterdir()) == ["first", "last"]


def test_one_case_can_be_chosen_and_a_reason_goes_into_a_first_baseline_too(project):
    assert project.harness("record", "suites/small.yaml::two", "--reason", "the first of all").returncode == 0
    assert [path.name for path in (project.root / "baselines" / "small").iterdir()] == ["two"]
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
    done = project.command("record", *arguments)
    assert done.returncode == 4
    assert message in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert not (project.root / "baselines").exists()


def test_a_broken_suite_is_exit_code_4_with_file_line_and_column(project):
    project.edit("suites/small.yaml", "steps: 3", "stepz: 3")
    for command in ("record", "list"):
        done = project.command(command, "suites/")
        assert done.returncode == 4
        assert "suites/small.yaml:5:3: " in done.stderr
        assert "Traceback" not in done.stderr


def test_an_interrupted_recording_writes_nothing_by_halves(project):
    """Interrupt from the keyboard while the second of two cases hangs."""
    began = project.root / "began"
    project.environment["TEST_BEGAN"] = str(began)
    cases = CASE.format(id="sound", factory="sound") + CASE.format(id="bad", factory="hanging")
    project.suite("slow", f"suite: slow\ncases:\n{cases}")
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
    done = project.command("record", "suites/small.yaml::one", "--baseline-dir", folder)
    assert done.returncode == 3
    assert done.stderr.startswith(f"error: {folder}: no baselines can be written there")
    assert "Traceback" not in done.stderr
    # Nothing ran, nothing was refused.
    assert done.stdout == ""


def test_a_case_that_notices_nothing_is_recorded_and_fails(project):
    blind = "    tolerance: {across_releases: {max_abs: 10.0}}\n"
    (project.root / "suites" / "small.yaml").unlink()
    stored = "suite: loose\ndefaults: {pipeline: 'pipelines:sound', seed: 0, steps: 2}\ncases:\n"
    stored += f"  - id: stored\n{blind}"
    project.suite("loose", stored)
    project.keep_baselines()
    seeing = "  - id: seeing\n    tolerance: {across_releases: {max_abs: 1.0e-4}}\n"
    project.suite("loose", f"{stored}  - id: blind\n{blind}{seeing}")
    done = project.harness("record", "suites/loose.yaml")
    assert done.returncode == 1
    assert "2 written" in done.stdout
    # Not only when something was written.
    for name in ("stored", "blind"):
        assert f"loose/{name} is vacuous: at its tolerance across releases it passes each of" in done.stdout
    assert "loose/seeing is vacuous" not in done.stdout


def test_ctrl_d_at_the_question_is_no_reason(kept):
    project = kept
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
