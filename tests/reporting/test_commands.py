"""The command lines that remedies become: what they say, and where they run."""

from __future__ import annotations

import shlex

import pytest

from harness.errors import HarnessError
from harness.judgement.tiers import Tier, where_recorded
from harness.remedy import Action, Where
from harness.reporting.commands import Invocation, error_text, remedy_text, text_beside
from tests.samples import make_case

ELSEWHERE = Invocation("my baselines", "Ascend", 3, "other/bin/python")
CHANGES = {Action.RESTORE, Action.UNDO_EDIT, Action.CALIBRATE_ELSEWHERE, Action.RECORD_BOTH}
TRACES = {Action.RECORD_TRACE, Action.RECORD_TRACE_AGAIN, Action.RECORD_BOTH}


@pytest.mark.parametrize("action", Action)
def test_every_remedy_ends_in_a_command_that_a_shell_takes(action):
    verb = {Action.CALIBRATE: "calibrate", Action.EXPLAIN_CODE: "explain"}.get(action, "record")
    text = remedy_text(make_case(id="a").remedy(action, calibrate=verb == "record"), ELSEWHERE)
    words = shlex.split(text[text.index("harness ") :])
    assert words[:5] == ["harness", verb, "suites/guide.yaml::a", "--baseline-dir", "my baselines"]
    # torch is somewhere else than mindone, on a CPU at least.
    there = ["--device", "Ascend", "--device-id", "3", "--python", "other/bin/python"]
    on_torch = ["--python", "<python with torch>", "--reference", "diffusers"]
    asked = [word for word in words[5:] if word != "--calibrate"]
    wanted = on_torch if action is Action.RECORD_REFERENCE else there
    assert asked[: len(wanted)] == wanted
    # A reason is asked for where a baseline that exists would change.
    assert ("--reason" in words) is (action in CHANGES)
    assert ("--deep" in words) is (action in TRACES)
    assert ("--calibrate" in words) is (verb == "record")


@pytest.mark.parametrize(
    ("device", "tier", "where", "there"),
    [
        ("cpu", Tier.SAME_ENVIRONMENT, Where.HERE, ELSEWHERE),
        ("ascend910b4", Tier.ACROSS_RELEASES, Where.THIS_DEVICE, Invocation("my baselines", "Ascend", 3)),
        ("cpu", Tier.ACROSS_DEVICES, Where.CPU, Invocation("my baselines")),
        ("cpu-aarch64", Tier.ACROSS_DEVICES, Where.CPU, Invocation("my baselines")),
        ("ascend910b4", Tier.ACROSS_DEVICES, Where.NPU, Invocation("my baselines", "Ascend")),
    ],
)
def test_what_is_done_where_a_baseline_was_recorded_is_started_for_there(device, tier, where, there):
    assert where_recorded(device, tier) is where
    assert ELSEWHERE.at(where) == there


def test_an_error_ends_with_what_to_do_and_names_its_case_once():
    case = make_case(id="a")
    missing = HarnessError("no baseline", remedy=case.remedy(Action.RECORD))
    told = "no baseline; record it: harness record suites/guide.yaml::a --baseline-dir baselines"
    assert error_text(missing, Invocation()) == told
    assert error_text(missing, Invocation(), case) == f"guide/a: {told}"
    died = HarnessError("died", about=("suites/guide.yaml:4:5", "guide/a"), remedy=case.remedy(Action.RECORD))
    told = told.replace("no baseline", "died")
    assert error_text(died, Invocation(), case) == f"suites/guide.yaml:4:5: guide/a: {told}"
    assert text_beside(died, Invocation()) == told
    failed = HarnessError("\nTraceback:\n  lines", about=("guide/a",))
    assert (str(failed), failed.message) == ("guide/a:\nTraceback:\n  lines", "Traceback:\n  lines")
