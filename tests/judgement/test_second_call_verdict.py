"""A second call with other bits is a drift in every tier, by a reason of its own, and the first cause."""

from dataclasses import replace

import pytest
from samples import make_baseline, make_calibration, make_case, make_measurement

from harness.codec import from_json, to_json
from harness.errors import FailureCause
from harness.explanation.causes import Cause, root_causes
from harness.judgement.call_reasons import NotCalledTwice, SecondCallFailed, StateLeftBehind
from harness.judgement.judgement import Verdict
from harness.judgement.reasons import OtherDraw, OtherLatents, OtherNumber, OtherPart, Reason
from harness.judgement.second_call import StateLeftError, check_second_call
from harness.judgement.verdicts import judge
from harness.measurement.second_call import Outcome, SecondCall
from harness.reporting.causes import cause_line
from harness.reporting.reasons import text_of

BASE = make_measurement()
CASE = make_case(tolerance={"across_releases": "calibrated", "across_devices": "calibrated"})
BASELINE = replace(make_baseline(CASE), calibration=make_calibration())
ELSEWHERE = {
    "same": {},
    "release": {"mindspore": "2.9.0"},
    "device": {"isa": "AVX512"},
}


def twice(outcome, *rest, **fields):
    return replace(BASE, second_call=SecondCall(outcome, *rest), **fields)


@pytest.mark.parametrize("where", ELSEWHERE)
def test_other_bits_of_a_second_call_are_a_drift_in_every_tier(where):
    fingerprint = {**BASE.fingerprint, **ELSEWHERE[where]}
    sound = judge(CASE, replace(twice(Outcome.SAME), fingerprint=fingerprint), BASELINE)
    assert sound.verdict is Verdict.IDENTICAL
    assert not sound.keeps_state
    found = judge(CASE, twice(Outcome.DIFFERS, "step", 1, fingerprint=fingerprint), BASELINE)
    assert found.verdict is Verdict.DRIFT
    assert found.tier is sound.tier
    assert found.reasons[0] == StateLeftBehind(OtherLatents(1, 0))
    assert found.keeps_state
    causes = root_causes(twice(Outcome.DIFFERS, "step", 1, fingerprint=fingerprint), BASELINE)
    assert causes[0].kind == "state"
    # A history keeps causes as data.
    assert from_json(Cause, to_json(causes[0])) == causes[0]
    assert cause_line(causes[0]) == (
        "state: the second call in the same process, with the same seeds, gives other bits, first in the "
        "latents after step 1 (timestep 0): the first call left a state behind. Let each call start from "
        "the same state"
    )


@pytest.mark.parametrize(
    ("second", "first"),
    [
        (("draw", 0), OtherDraw),
        (("draws", 3), OtherNumber("draws", 1, 3)),
        (("steps", 1), OtherNumber("steps", 2, 1)),
        (("output",), OtherPart("output")),
    ],
)
def test_each_difference_is_named(second, first):
    (reason,) = judge(CASE, twice(Outcome.DIFFERS, *second), BASELINE).reasons
    assert isinstance(reason.first, first) if isinstance(first, type) else reason.first == first
    assert from_json(Reason, to_json(reason)) == reason
    with pytest.raises(StateLeftError) as error:
        check_second_call("guide/two-steps", twice(Outcome.DIFFERS, *second))
    assert error.value.cause is FailureCause.STATE_LEFT_BEHIND
    assert error.value.answers


def test_a_second_call_that_fails_is_a_drift_that_quotes_its_error():
    failed = replace(
        BASE, second_call=SecondCall(Outcome.FAILED, told="Traceback:\n  line\nIndexError: no more")
    )
    (reason,) = judge(CASE, failed, BASELINE).reasons
    assert isinstance(reason, SecondCallFailed)
    first, *log = text_of(reason).splitlines()
    assert first == "the second call in the same process, with the same seeds, fails: IndexError: no more"
    assert log == ["Traceback:", "  line", "IndexError: no more"]


@pytest.mark.parametrize(
    ("fields", "outcome", "noted"),
    [
        ({}, None, ()),
        ({}, Outcome.SAME, ()),
        ({}, Outcome.COSTLY, ()),
        ({}, Outcome.OUT_OF_TIME, (NotCalledTwice("timeout"),)),
        ({"repeat": False}, None, (NotCalledTwice("repeat"),)),
        ({"repeat": True}, Outcome.SAME, ()),
    ],
)
def test_a_call_that_was_not_made_passes_and_is_noted_where_the_case_is_the_reason(fields, outcome, noted):
    measured = BASE if outcome is None else twice(outcome)
    found = judge(replace(CASE, **fields), measured, BASELINE)
    assert found.passed
    assert found.notes == noted
    check_second_call("guide/two-steps", measured)
    assert not any(cause.kind == "state" for cause in root_causes(measured, BASELINE))


def test_repeat_decides_for_runs_that_may_call_twice_only():
    asked = {
        repeat: [make_case(repeat=repeat).job(kind).second_call for kind in ("never", "if cheap", "always")]
        for repeat in (None, False, True)
    }
    assert asked == {
        None: ["never", "if cheap", "always"],
        False: ["never", "never", "never"],
        True: ["never", "always", "always"],
    }
    # It changes what is judged, and nothing that is computed.
    assert make_case(repeat=False).hash() == make_case().hash()
