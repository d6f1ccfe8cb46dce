"""The coverage report's parent side, with real processes in which a stand-in speaks for the worker."""

import sys

import pytest

from harness.errors import UsageError
from harness.execution import coverage
from harness.execution.coverage import Row, examine_pipelines
from harness.execution.runner import RunError

STAND_IN = """
import os, pathlib, time
package, settings = channel.receive()
log = open(settings["log"], "a")
opening = {"classes": ["Crashes", "Hangs", "Runs", "RunsToo"], "mindone": "0", "mindspore": str(os.getpid())}
channel.send(("ready", opening))
for name in channel:
    if name == "Crashes":
        print("fatal: out of luck", file=log, flush=True)
        os.abort()
    if name == "Hangs":
        time.sleep(60)
    channel.send(("row", {"name": name, "outcome": "runs", "shape": [1, 2], "repeats": True,
                          "sha256": "ab", "kernels": {"Arange": 3}}))
"""

REFUSES = """
channel.receive()
channel.send(("error", "mindone is not installed"))
"""


@pytest.fixture
def stand_in(monkeypatch):
    monkeypatch.setattr(coverage, "_BOOTSTRAP", STAND_IN)


def test_a_crash_and_a_hang_are_rows_and_the_others_are_tried(stand_in):
    seen = []
    found = examine_pipelines(timeout=2.0, progress=seen.append)
    assert found.rows == (
        Row("Crashes", "crashes", "fatal: out of luck"),
        Row("Hangs", "hangs", "no result after 2 s"),
        Row("Runs", "runs", "", (1, 2), True, "ab", {"Arange": 3}),
        Row("RunsToo", "runs", "", (1, 2), True, "ab", {"Arange": 3}),
    )
    assert tuple(seen) == found.rows
    assert [found.count(outcome) for outcome in ("runs", "crashes", "fails")] == [2, 1, 0]


def test_patterns_choose_classes_and_a_whole_name_means_that_one(stand_in):
    assert [row.name for row in examine_pipelines(["TOO", "hang"], timeout=0.5).rows] == ["Hangs", "RunsToo"]
    assert [row.name for row in examine_pipelines(["runs"]).rows] == ["Runs"]


def test_a_pattern_that_matches_no_class_is_answered_with_the_nearest(stand_in):
    with pytest.raises(UsageError, match="no pipeline class with 'RunToo' in its name; the nearest: RunsToo"):
        examine_pipelines(["runs", "RunToo"])


def test_what_the_worker_asks_of_the_user_is_passed_on(monkeypatch):
    monkeypatch.setattr(coverage, "_BOOTSTRAP", REFUSES)
    with pytest.raises(RunError, match=r"^mindone is not installed$"):
        examine_pipelines()


def test_a_worker_that_cannot_start_is_an_error(monkeypatch):
    monkeypatch.setattr(coverage, "_BOOTSTRAP", "channel.receive(); raise OSError('no luck')")
    with pytest.raises(RunError, match=r"(?s)the worker did not start: .*no luck"):
        examine_pipelines(python=sys.executable)
