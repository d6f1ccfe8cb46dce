"""`kill -9` of a worker in mid-case fails that case, and no other."""

import os
import signal
import threading

import pytest
from user_project import Project

SUITE = """\
suite: killed
defaults: {checkpoint: builtin:ddpm-digits, steps: 3, seed: 0}
cases:
  - {id: victim, pipeline: "pipelines:ddim_that_waits"}
  - {id: second, pipeline: ddim}
  - {id: third, pipeline: ddpm}
  - {id: fourth, pipeline: ddim}
"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    made = Project(tmp_path_factory.mktemp("killed") / "project")
    made.suite("killed", SUITE)
    made.keep_baselines()
    return made


@pytest.mark.parametrize(
    "arguments", [(), pytest.param(("-n", "2"), marks=pytest.mark.slow)], ids=["one process", "two processes"]
)
def test_only_the_case_of_the_killed_worker_fails(kept, tmp_path, arguments):
    project = kept.copy(tmp_path / "project")
    began, over = tmp_path / "began", threading.Event()
    project.environment["TEST_BEGAN"] = str(began)

    def kill():
        while not over.wait(0.02):
            if began.exists() and (number := began.read_text()):
                os.kill(int(number), signal.SIGKILL)
                return

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        found = project.compare("suites/", *arguments)
    finally:
        over.set()
        killer.join()
    assert began.exists()
    assert found.returncode == 1
    assert found.verdicts == {
        "killed/victim": "error",
        "killed/second": "identical",
        "killed/third": "identical",
        "killed/fourth": "identical",
    }, found.text
    assert "its worker died" in found.explanation("killed/victim")
    assert "signal SIGKILL" in found.explanation("killed/victim")
