"""A signal at a random moment of every command: it ends soon, says so, and leaves nothing behind.

`harness bisect` is left out: it needs environments of several releases.
"""

from __future__ import annotations

import random
import signal
import sys
import time
from pathlib import Path

import pytest
from campaign import gone
from user_project import Project

SUITE = """\
suite: small
defaults:
  pipeline: pipelines:sound
  seed: 0
  steps: 3
  tolerance: {across_releases: {relative_l2: 1.0e-6, statistics: 1.0e-6}}
cases: [{id: one}, {id: two, seed: 2}]
"""
PYTHONS = ["--python", sys.executable, "--python", sys.executable]
COMMANDS = {
    "record": ["record", "suites/", "--reason", "a campaign"],
    "calibrate": ["calibrate", "suites/", "--members", "2"],
    "power": ["power", "suites/", "--quick", "--json", "power.json"],
    "gate": ["gate", "suites/", "--certificate", "certificate.json", "--history", "history.sqlite"],
    "explain": ["explain", "suites/small.yaml::one", "--json", "explanation.json"],
    "matrix": ["matrix", "suites/", *PYTHONS, "--json", "matrix.json"],
    "doctor": ["doctor"],
    "list": ["list", "suites/"],
    "history": ["history", "kept.sqlite", "--html", "history.html"],
    "verify": ["verify", "kept.json"],
    "report": ["report", "kept-report"],
    "environments": ["environments", "list"],
    "pytest": ["suites/", "--history", "history.sqlite", "--harness-report", "report"],
}
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)
# Seconds that an interrupted command may take to end: workers, folders and a busy machine.
_ENDING = 60.0


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    made = Project(tmp_path_factory.mktemp("signals") / "recorded")
    made.suite("small", SUITE)
    made.record()
    assert (
        made.harness("gate", "suites/", "--certificate", "kept.json", "--history", "kept.sqlite").returncode
        == 0
    )
    assert made.pytest("suites/", "--harness-report", "kept-report").returncode == 0
    return made


# At a chosen moment, by day: doors/test_signals.py.
@pytest.mark.slow
@pytest.mark.parametrize("count", [15])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_signal_at_any_moment(recorded, tmp_path, counts, name, count):
    moments = random.Random(name)
    command = ("pytest" if name == "pytest" else "harness", *COMMANDS[name])
    whole = recorded.copy(tmp_path / "whole")
    began = time.monotonic()
    output, _ = whole.started(*command).communicate(timeout=600)
    seconds = time.monotonic() - began
    assert "Traceback" not in output, output
    for index in range(count):
        project = recorded.copy(tmp_path / f"project-{index}")
        temporary = tmp_path / f"temporary-{index}"
        temporary.mkdir()
        marker = f"{tmp_path.name}-{index}"
        project.environment |= {"TMPDIR": str(temporary), "TEST_CAMPAIGN": marker}
        process = project.started(*command)
        sent = moments.choice(SIGNALS)
        time.sleep(moments.uniform(0, seconds))
        process.send_signal(sent)
        output, _ = process.communicate(timeout=_ENDING)
        check(process.returncode, sent, output)
        counts[f"{sent.name}: {process.returncode}"] += 1
        assert gone(marker)
        if sent is not signal.SIGKILL:
            assert [path.name for path in temporary.iterdir() if path.name.startswith("harness")] == []
        sound(project)


def check(code: int, sent: signal.Signals, text: str) -> None:
    """An end of its own, before the signal, or the one that the signal asks for; never a traceback."""
    if sent is signal.SIGKILL:
        assert code in (-sent, 0, 2), text
        return
    # Python itself may still be starting: then the signal ends it, for SIGINT after a traceback of its own.
    if code != -sent and not text.startswith("Fatal Python error: init_"):
        assert code in (128 + sent, 0, 2), (code, text)
        assert "Traceback" not in text, text


def sound(project: Project) -> None:
    """Whatever is stored is whole: it is what a run comes to, or it is not there."""
    listed = project.harness("list", "suites/", "--check")
    assert listed.returncode == 0, listed.stdout + listed.stderr
    left = list(Path(project.root / "baselines").rglob("*.tmp"))
    assert len(left) <= 1
