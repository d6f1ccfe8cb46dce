"""`harness record` in the terminal: refusals at once, the table of changes, what became of each."""

import dataclasses
import io
from contextlib import nullcontext
from pathlib import Path

import pytest
from rich.console import Console
from samples import make_case, make_measurement

from harness.baselines.baseline import Written
from harness.baselines.store import BaselineStore
from harness.errors import HarnessError
from harness.judgement.reasons import FieldEdit, OtherPart
from harness.operations import deep
from harness.operations.deep import StoredTrace
from harness.operations.proposal import Proposal, Proposed, Refusal
from harness.operations.record import StoredBaselines
from harness.reporting.commands import Invocation
from harness.reporting.recording import RecordingDisplay

CASE = make_case()
MEASUREMENT = make_measurement()


class Shown:
    """A display on a console 80 wide, and what it printed since the last look."""

    def __init__(self):
        self.file = io.StringIO()
        self.display = RecordingDisplay(Console(file=self.file, width=80), Invocation("base[red]lines"))

    def lines(self):
        text = self.file.getvalue()
        self.file.seek(0)
        self.file.truncate()
        return text.splitlines()


@pytest.fixture
def shown():
    return Shown()


def proposal(*results):
    return Proposal(results)


def candidate(state, *changes, size=None, **fields):
    return Proposed(make_case(**fields), MEASUREMENT, "cpu", state, changes, size)


@pytest.mark.parametrize(
    ("about", "message", "told"),
    [
        ((), "no [red]such[/red] checkpoint :on:", "guide/two-steps: no [red]such[/red] checkpoint :on:"),
        (("guide/two-steps",), "two runs differ", "guide/two-steps: two runs differ"),
        (("guide/two-steps",), "\nTraceback\n  line", "guide/two-steps:\nTraceback\n  line"),
        (
            ("suites/guide.yaml:4:5", "guide/two-steps"),
            "no",
            "suites/guide.yaml:4:5: guide/two-steps: no",
        ),
        ((), "a message " + "much longer than the console is wide " * 4, None),
    ],
)
def test_a_refusal_is_told_at_once_whole_and_with_its_case_once(shown, about, message, told):
    display = shown.display
    display.begin("recording", 2)
    display.started(CASE.name)
    display.finished(Refusal(CASE, HarnessError(message, about=about)))
    display.end()
    text = "\n".join(line.rstrip() for line in shown.lines())
    assert f"refused  {told or 'guide/two-steps: ' + message.rstrip()}" in text


def test_a_case_that_is_fit_is_told_in_the_table_only(shown):
    display = shown.display
    display.started(CASE.name)
    display.finished(candidate("new"))
    assert shown.lines() == []


def test_the_table_tells_what_is_new_and_what_changes(shown):
    edit = FieldEdit("steps", "2", "3")
    shown.display.finished(
        proposal(
            candidate("unchanged", id="same"),
            candidate("new", id="first"),
            candidate("changed", edit, OtherPart("output"), id="edited", size=0.0123),
            candidate("changed", FieldEdit("arguments.x", '"[red]"', '":on:"'), id="form"),
            Refusal(CASE, HarnessError("told before")),
        )
    )
    assert shown.lines() == [
        "case          device  baseline  relative L2  what changes",
        "guide/first   cpu     new",
        "guide/edited  cpu     changed   0.012        steps: 2 -> 3; the output",
        'guide/form    cpu     changed                arguments.x: "[red]" -> ":on:"',
        "1 unchanged, 1 new, 2 changed, 1 refused",
    ]


def test_without_changes_there_is_no_table(shown):
    shown.display.finished(proposal(candidate("unchanged")))
    assert shown.lines() == ["1 unchanged, 0 new, 0 changed, 0 refused"]


def test_the_result_tells_what_became_of_each(shown):
    path = Path("baselines/guide/x/cpu.json")
    stored = (
        (candidate("new"), Written(path, "created")),
        (candidate("changed"), Written(path, "replaced", "ab")),
        (candidate("unchanged"), Written(path, "unchanged")),
        (candidate("new"), Refusal(CASE, HarnessError("baselines/guide: No space left on device"))),
        (candidate("changed"), None),
    )
    shown.display.finished(StoredBaselines(stored, ()))
    assert shown.lines() == [
        "refused  guide/two-steps: baselines/guide: No space left on device",
        "2 written below base[red]lines",
        "1 left unchanged: existing baselines change only with --reason '<why it changes>'",
        "note  what was measured waits; to accept it without running again: "
        "harness accept suites/guide.yaml::two-steps --baseline-dir 'base[red]lines' "
        "--reason '<why it changes>'",
    ]


def test_what_is_kept_and_calibrated_is_told_to_need_both_options(shown):
    kept = dataclasses.replace(candidate("changed"), uncalibrates=True)
    shown.display.finished(StoredBaselines(((kept, None),), ()))
    assert shown.lines()[-2] == (
        "1 left unchanged: existing baselines change only with --reason '<why it changes>', and are "
        "calibrated again only with --calibrate"
    )


def test_a_result_without_anything_kept_is_one_line(shown):
    shown.display.finished(StoredBaselines((), ()))
    assert shown.lines() == ["0 written below base[red]lines"]


def test_a_trace_that_cannot_be_stored_does_not_keep_the_others_from_it(shown, monkeypatch):
    def record(case, runner, store, step):
        if case.id == "bad":
            raise HarnessError("there is [no] step 7", about=("guide/bad",))
        return StoredTrace(case, Path("baselines/guide/good/cpu.deep.safetensors"), step, 102, 1_800_000)

    class Workers:
        def runner(self):
            return nullcontext()

    monkeypatch.setattr(deep, "record_deep", record)
    cases, store = [make_case(id="bad"), make_case(id="good")], BaselineStore(Path("absent"))
    refused, stored = deep.store_traces(cases, Workers(), store, 0, shown.display)
    assert (type(refused), type(stored)) == (Refusal, StoredTrace)
    assert shown.lines() == [
        "refused  guide/bad: there is [no] step 7",
        "guide/good: deep trace of step 0, 102 cell calls, 1.8 MB in "
        "baselines/guide/good/cpu.deep.safetensors (not for version control)",
    ]
    assert deep.store_traces(cases[1:], Workers(), store, 0) == (stored,)
