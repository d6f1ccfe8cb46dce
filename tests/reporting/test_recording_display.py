"""`harness record` in the terminal: refusals at once, the table of changes, what became of each."""

import dataclasses
import io
from pathlib import Path

import pytest
from rich.console import Console
from samples import make_case, make_measurement

from harness.baselines.store import BaselineStore, Written
from harness.errors import HarnessError
from harness.operations.record import Candidate, Recording, Refusal
from harness.reporting.commands import Invocation
from harness.reporting.recording import RecordingDisplay

CASE = make_case()
MEASUREMENT = make_measurement()


class Shown:
    """A display on a console 80 wide, and what it printed since the last look."""

    def __init__(self):
        self.file = io.StringIO()
        self.display = RecordingDisplay(Console(file=self.file, width=80), 3, Invocation())

    def lines(self):
        text = self.file.getvalue()
        self.file.seek(0)
        self.file.truncate()
        return text.splitlines()


@pytest.fixture
def shown():
    return Shown()


def recording_of(*results):
    recording = Recording(BaselineStore(Path("absent")))
    recording.candidates = [result for result in results if isinstance(result, Candidate)]
    recording.refusals = [result for result in results if isinstance(result, Refusal)]
    return recording


def candidate(state, *changes, size=None, **fields):
    return Candidate(make_case(**fields), MEASUREMENT, "cpu", state, changes, size)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("no [red]such[/red] checkpoint :on:", "guide/two-steps: no [red]such[/red] checkpoint :on:"),
        ("guide/two-steps: two runs differ", "guide/two-steps: two runs differ"),
        ("guide/two-steps:\nTraceback\n  line", "guide/two-steps:\nTraceback\n  line"),
        ("suites/guide.yaml:4:5: guide/two-steps: no", "suites/guide.yaml:4:5: guide/two-steps: no"),
        ("a message " + "much longer than the console is wide " * 4, None),
    ],
)
def test_a_refusal_is_told_at_once_whole_and_with_its_case_once(shown, message, told):
    with shown.display as display:
        display.started(CASE)
        display.finished(CASE, Refusal(CASE, HarnessError(message)))
        text = "\n".join(line.rstrip() for line in shown.lines())
    assert f"refused  {told or 'guide/two-steps: ' + message.rstrip()}" in text


def test_a_case_that_is_fit_is_told_in_the_table_only(shown):
    display = shown.display
    display.started(CASE)
    display.finished(CASE, candidate("new"))
    assert shown.lines() == []


def test_the_table_tells_what_is_new_and_what_changes(shown):
    shown.display.show_table(
        recording_of(
            candidate("unchanged", id="same"),
            candidate("new", id="first"),
            candidate("changed", "steps: 2 -> 3", "the output", id="edited", size=0.0123),
            candidate("changed", 'arguments.x: "[red]" -> ":on:"', id="form"),
            Refusal(CASE, HarnessError("told before")),
        )
    )
    assert shown.lines() == [
        "case          device  baseline  relative L2  what changes",
        "guide/first   cpu     new",
        "guide/edited  cpu     changed   1.2e-02      steps: 2 -> 3; the output",
        'guide/form    cpu     changed                arguments.x: "[red]" -> ":on:"',
        "1 unchanged, 1 new, 2 changed, 1 refused",
    ]


def test_without_changes_there_is_no_table(shown):
    shown.display.show_table(recording_of(candidate("unchanged")))
    assert shown.lines() == ["1 unchanged, 0 new, 0 changed, 0 refused"]


def test_the_result_tells_what_became_of_each(shown):
    path = Path("baselines/guide/x/cpu.json")
    outcomes = [
        (candidate("new"), Written(path, "created")),
        (candidate("changed"), Written(path, "replaced", "ab")),
        (candidate("unchanged"), Written(path, "unchanged")),
        (candidate("new"), Refusal(CASE, HarnessError("baselines/guide: No space left on device"))),
        (candidate("changed"), None),
    ]
    shown.display.show_result(outcomes, Path("base[red]lines"))
    assert shown.lines() == [
        "refused  guide/two-steps: baselines/guide: No space left on device",
        "2 written below base[red]lines",
        "1 kept as they were: a baseline that exists changes only with --reason '<why it changes>'",
    ]


def test_what_is_kept_and_calibrated_is_told_to_need_both_options(shown):
    kept = dataclasses.replace(candidate("changed"), uncalibrates=True)
    shown.display.show_result([(kept, None)], Path("baselines"))
    assert shown.lines()[-1] == (
        "1 kept as they were: a baseline that exists changes only with --reason '<why it changes>', "
        "and is calibrated again only with --calibrate"
    )


def test_a_result_without_anything_kept_is_one_line(shown):
    shown.display.show_result([], Path("baselines"))
    assert shown.lines() == ["0 written below baselines"]
