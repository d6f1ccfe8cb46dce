"""The evidence of a gate: what each way of checking a case comes to."""

from __future__ import annotations

import dataclasses

import pytest
from samples import make_baseline, make_calibration, make_case, make_measurement

from harness.baselines.store import BaselineStore
from harness.errors import HarnessError
from harness.judgement.reasons import Chaotic, PassesOutputFaults
from harness.operations.check import check
from harness.operations.evidence import Evidence
from harness.reporting.reasons import text_of

CASE = make_case()
NEWER = {**make_measurement().fingerprint, "mindspore": "2.11.0"}


class Fixed:
    """A runner that gives one measurement, or fails."""

    def __init__(self, found):
        self.found = found

    def run(self, job):
        if isinstance(self.found, HarnessError):
            raise self.found
        return self.found


@pytest.fixture
def facts_of(tmp_path):
    """The facts about a case of which a baseline is stored (None: none is) and a run yields ``found``."""

    def facts_of(baseline, found, case=CASE):
        store = BaselineStore(tmp_path / "baselines")
        if baseline is not None:
            store.write(baseline)
        return Evidence(store).of(case, check(case, Fixed(found), store))

    return facts_of


def calibrated(**fields):
    return dataclasses.replace(make_baseline(CASE), calibration=make_calibration(**fields))


def test_a_case_that_is_judged(facts_of):
    facts = facts_of(calibrated(), make_measurement())
    assert (facts.state, facts.verdict, facts.tier, facts.margin) == (
        "judged",
        "identical",
        "same_environment",
        0,
    )
    assert facts.baseline.files.keys() == {"guide/two-steps/cpu.json", "guide/two-steps/cpu.safetensors"}
    assert (facts.vacuous, facts.chaos) == (None, None)


def test_states_that_are_not_judged(facts_of, tmp_path):
    assert facts_of(None, make_measurement()).state == "missing"
    assert facts_of(make_baseline(), HarnessError("it crashed")).state == "failed"
    assert facts_of(None, make_measurement(fingerprint={})).state == "failed"
    stale = facts_of(None, make_measurement(), make_case(steps=3))
    assert (stale.state, "steps: 2 -> 3" in text_of(stale.reason)) == ("stale", True)
    other = {**make_measurement().fingerprint, "device": "Ascend", "soc": "Ascend910B"}
    assert facts_of(None, make_measurement(fingerprint=other)).state == "missing"
    path = tmp_path / "baselines/guide/two-steps/cpu.json"
    path.write_text(path.read_text().replace("0.1.0", "0.1.1"))
    assert facts_of(None, make_measurement()).state == "damaged"


class TestChaos:
    def test_a_case_held_to_a_chaotic_calibration(self, facts_of):
        facts = facts_of(calibrated(chaotic_from=1), make_measurement())
        assert (facts.chaos.gated, facts.chaos.steps) == (1, 2)
        assert facts.verdict == "identical"
        assert not facts.incomparable_by_chaos

    def test_chaos_that_leaves_no_verdict(self, facts_of):
        moved = make_measurement().output + 1e-7
        facts = facts_of(calibrated(chaotic_from=1), make_measurement(moved.astype("f4"), fingerprint=NEWER))
        assert (facts.verdict, facts.incomparable_by_chaos) == ("incomparable", True)
        assert isinstance(facts.chaos, Chaotic)

    def test_a_strict_case_is_not_held_to_it(self, facts_of):
        case = make_case(strict=True)
        facts = facts_of(calibrated(chaotic_from=1), make_measurement(fingerprint=NEWER), case)
        assert (facts.verdict, facts.chaos, facts.incomparable_by_chaos) == ("incomparable", None, False)


def test_limits_that_notice_nothing(facts_of):
    case = make_case(tolerance={"across_releases": {"relative_l2": 1e9}})
    facts = facts_of(make_baseline(), make_measurement(), case)
    assert isinstance(facts.vacuous, PassesOutputFaults)


def test_environments_and_checkpoints_are_kept_once(tmp_path):
    store = BaselineStore(tmp_path)
    store.write(make_baseline())
    evidence = Evidence(store)
    first = evidence.of(CASE, check(CASE, Fixed(make_measurement()), store))
    again = evidence.of(CASE, check(CASE, Fixed(make_measurement()), store))
    newer = evidence.of(CASE, check(CASE, Fixed(make_measurement(fingerprint=NEWER)), store))
    assert first.environment == again.environment != newer.environment
    assert evidence.environments.keys() == {first.environment, newer.environment}
    assert evidence.checkpoints.keys() == {first.checkpoint}
