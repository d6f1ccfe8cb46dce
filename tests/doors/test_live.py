"""What a long run shows in a terminal: case, step of steps, and an estimate, by both doors."""

import json
import os
import pty
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from user_project import Project, heed_interrupts

SUITE = """\
suite: live
defaults: {pipeline: "pipelines:waiting", seed: 0, steps: 5}
cases:
  - {id: one}
"""


class Terminal:
    """A process in a terminal of its own; the case in it waits in the step after the second."""

    def __init__(self, project, *command):
        (project.root / "go").unlink(missing_ok=True)
        self._go = project.root / "go"
        self._end, theirs = pty.openpty()
        environment = {**project.environment, "TERM": "xterm", "LINES": "40", "COLUMNS": "160"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=project.root, env=environment, stdin=theirs, stdout=theirs, stderr=theirs,
            preexec_fn=heed_interrupts,
        )  # fmt: skip
        os.close(theirs)
        self.text = ""

    def read_until(self, wanted):
        deadline = time.monotonic() + 120
        while wanted not in self.text:
            assert time.monotonic() < deadline, self.text
            self.text += os.read(self._end, 4096).decode(errors="replace")

    def finish(self):
        """Let the case go on, and return the exit status."""
        self._go.touch()
        with suppress(OSError):  # the other end is closed
            while more := os.read(self._end, 4096):
                self.text += more.decode(errors="replace")
        os.close(self._end)
        return self._process.wait(60)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A project, and the terminal in which it was recorded."""
    project = Project(tmp_path_factory.mktemp("live") / "project")
    project.suite("live", SUITE)
    project.environment["TEST_GO"] = str(project.root / "go")
    project.environment["XDG_CACHE_HOME"] = str(project.root.parent / "cache")
    shown = Terminal(project, "harness", "record", "suites/")
    shown.read_until("recording live/one, step 2 of 10")
    assert shown.finish() == 0, shown.text
    return project, shown


def test_recording_shows_the_step_and_an_estimate_and_keeps_the_time(recorded):
    project, shown = recorded
    assert " left" in shown.text
    (took,) = json.loads((project.root.parent / "cache/harness/times.json").read_text()).values()
    assert took > 0


@pytest.mark.parametrize("options", [(), ("-n1",)])
def test_pytest_shows_the_step_and_an_estimate_and_takes_both_away(recorded, options):
    project, _ = recorded
    shown = Terminal(project, "pytest", "-p", "no:cacheprovider", "-v", "suites/", *options)
    shown.read_until("gw0 live/one step 2 of 5, " if options else "suites/live.yaml::one \x1b7\x1b[K")
    shown.read_until("step 2 of 5, ")
    shown.read_until(" left")
    assert shown.finish() == 0, shown.text
    before, verdict, _ = shown.text.rpartition("IDENTICAL\x1b")
    assert verdict, shown.text
    # Nothing that was shown is left.
    assert before.rindex("\x1b[K") > before.rindex("step 2 of 5")
