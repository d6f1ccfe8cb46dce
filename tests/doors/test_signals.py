"""SIGTERM and SIGHUP end commands and pytest as Ctrl-C does: at once, in words, with nothing left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from user_project import Project

from harness.execution import stopping

SUITE = """
suite: s
cases: [{id: waits, pipeline: "pipelines:hanging", seed: 1, steps: 2}]
"""


@pytest.fixture
def project(tmp_path):
    project = Project(tmp_path / "project")
    project.suite("s", SUITE)
    (tmp_path / "tmp").mkdir()
    project.environment |= {"TMPDIR": str(tmp_path / "tmp"), "TEST_BEGAN": str(tmp_path / "began")}
    return project


def ended_by(project, number, *command):
    """Send the signal ``number`` to a run as soon as its case hangs; return the exit code and the output."""
    began = Path(project.environment["TEST_BEGAN"])
    process = project.started(*command)
    while not (began.exists() and began.read_text()):
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.02)
    process.send_signal(number)
    # Supervisors ask again, and clearing up is not to break off at that.
    again = threading.Thread(target=repeated, args=[process, number])
    again.start()
    output, _ = process.communicate(timeout=60)
    again.join()
    with pytest.raises(ProcessLookupError):
        os.kill(int(began.read_text()), 0)
    assert list(Path(project.environment["TMPDIR"]).glob("harness-*")) == []
    assert "Traceback" not in output
    return process.returncode, output


def repeated(process, number):
    """Send ``number`` until the process has ended, or may take it that it is to break off."""
    last = time.monotonic() + stopping._PATIENCE - 1
    while process.poll() is None and time.monotonic() < last:
        process.send_signal(number)
        time.sleep(0.005)


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.slow)])
def test_a_command_says_that_it_was_ended_and_leaves_nothing_behind(project, number):
    code, output = ended_by(project, number, "harness", "record", "suites/")
    assert code == 128 + number
    assert f"interrupted: {number.name}: no baseline was written" in output


@pytest.mark.parametrize("options", [(), ("-n1",)], ids=["one process", "xdist"])
def test_pytest_is_interrupted_and_leaves_nothing_behind(project, options):
    # Without a baseline a case would not run.
    project.edit("suites/s.yaml", "steps: 2", "steps: 2, fails: crash")
    code, output = ended_by(project, signal.SIGTERM, "pytest", "suites/", "-p", "no:cacheprovider", *options)
    assert code == pytest.ExitCode.INTERRUPTED
    assert "SIGTERM" in output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_nothing_runs_ends_a_command_with_its_code(number):
    code = (
        "import os, signal, time, harness.cli as cli\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"def command(): os.kill(os.getpid(), {number}); time.sleep(60)\n"
        "cli.function_of = lambda name: command\n"
        "cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code, "list"], capture_output=True, text=True, check=False)
    assert done.returncode == 128 + number
    assert done.stderr.startswith("interrupted")
    assert "Traceback" not in done.stderr


def test_a_signal_in_a_finalizer_is_not_lost():
    code = """if True:
        import os, signal, time, harness.cli as cli
        class Finalized:
            def __del__(self): os.kill(os.getpid(), signal.SIGTERM); time.sleep(0.01)
        def command():
            Finalized()
            time.sleep(60)
        cli.function_of = lambda name: command
        cli.main()
    """
    done = subprocess.run([sys.executable, "-c", code, "list"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (128 + signal.SIGTERM, "interrupted: SIGTERM\n")


def test_a_signal_that_is_ignored_stays_ignored():
    """As under nohup."""
    code = (
        "import os, signal, harness.cli as cli\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "def command(): os.kill(os.getpid(), signal.SIGHUP)\n"
        "cli.function_of = lambda name: command\n"
        "cli.main()"
    )
    assert subprocess.run([sys.executable, "-c", code, "list"], check=False).returncode == 0
