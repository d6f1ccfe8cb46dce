"""One case checked against a real store. An object with prepared answers stands in for the runner."""

import math
from dataclasses import replace

import numpy as np
import pytest
from samples import FINGERPRINT, first_reason, make_baseline, make_case, make_measurement

from harness.baselines.store import BaselineStore
from harness.codec import from_json, to_json
from harness.errors import FailureCause
from harness.execution.worker_process import CaseFailed, WorkerCrashed
from harness.explanation.causes import Cause, causes_of
from harness.judgement.judgement import Verdict
from harness.operations.check import check
from harness.operations.second_run import IN_A_ROW, SecondRuns
from harness.reporting.commands import Invocation, commands, reason_texts
from harness.reporting.reasons import in_words, text_of

BASE = make_measurement()
NPU = {**FINGERPRINT, "device": "Ascend", "soc": "Ascend910B4"}


class Prepared:
    """Gives one measurement, or raises one error, and notes the jobs it was asked for."""

    def __init__(self, answer):
        self.answer = answer
        self.jobs = []

    def run(self, job):
        self.jobs.append(job)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def restart(self):
        self.jobs.append("restart")


@pytest.fixture
def store(tmp_path):
    """A store with the baseline of the two-step case."""
    store = BaselineStore(tmp_path / "baselines")
    store.write(make_baseline(measurement=BASE))
    return store


def test_the_case_is_run_once_and_held_to_its_baseline(store):
    case, runner = make_case(), Prepared(BASE)
    found = check(case, runner, store)
    assert found.judgement.verdict is Verdict.IDENTICAL
    assert found.measurement is BASE
    assert runner.jobs == [case.job("if cheap")]


class Series(Prepared):
    """Gives the next of several answers to each job."""

    def __init__(self, *answers):
        super().__init__(None)
        self.answers = list(answers)

    def run(self, job):
        self.answer = self.answers.pop(0)
        return super().run(job)


def moved(by=0.1):
    return make_measurement(BASE.output + np.float32(by))


def test_a_drift_is_run_once_more_in_a_fresh_worker_and_judged_by_its_first_run(store):
    case, first, second = make_case(), moved(), moved()
    runner = Series(first, second)
    found = check(case, runner, store)
    assert runner.jobs == [case.job("if cheap"), replace(case.job(), isolate=True)]
    assert found.judgement.verdict is Verdict.DRIFT
    assert (found.measurement, found.again, found.repeated) == (first, second, True)
    assert in_words(found.judgement.notes)[0] == "a second run, in a fresh worker, gave the same bits"
    assert [cause.kind for cause in causes_of(found)] == ["output"]


@pytest.mark.parametrize(
    ("second", "told"),
    [(BASE, "has the baseline's bits"), (moved(0.2), "drifts, too"), (moved(np.nan), "drifts, too")],
)
def test_a_drift_that_does_not_repeat_is_called_so_first_however_the_second_run_comes_out(
    store, second, told
):
    first = moved()
    found = check(make_case(), Series(first, second), store)
    assert found.judgement.verdict is Verdict.DRIFT
    assert (found.measurement, found.again, found.repeated) == (first, second, False)
    assert told in first_reason(found.judgement)
    assert first_reason(found.judgement).startswith("does not repeat: a second run, in a fresh worker, ")
    assert "the output is not bitwise equal" in in_words(found.judgement.reasons)[1]
    repetition, *others = causes_of(found)
    assert (repetition.kind, [cause.kind for cause in others]) == ("repetition", ["output"])
    # As JSON, in which NaN equals NaN.
    assert to_json(from_json(Cause, to_json(repetition))) == to_json(repetition)
    # Recording refuses it.
    typed = commands(make_case(), Invocation()).fitting(found.judgement)
    assert [label for label, _ in typed] == ["explain", "run again"]


def test_a_hard_failure_is_run_again_as_well(store):
    found = check(make_case(), Series(moved(np.nan), BASE), store)
    assert found.judgement.verdict is Verdict.DRIFT
    assert first_reason(found.judgement).startswith("does not repeat: ")


def test_the_first_step_that_differs_is_named_beside_an_earlier_difference(store):
    second = make_measurement(seed=8)
    (reason, *_) = check(make_case(), Series(moved(), second), store).judgement.reasons
    assert "differs first in draw 0 of the ledger " in text_of(reason)
    assert ", and in the latents after step 0 (timestep 500) (outputs: relative L2 " in text_of(reason)
    (reason, *_) = check(
        make_case(), Series(moved(), make_measurement(timesteps=(500, 1))), store
    ).judgement.reasons
    assert "differs first in the" in text_of(reason)


def test_what_ran_before_in_the_same_worker_is_named(store):
    def told(first, second):
        return first_reason(check(make_case(), Series(first, second), store).judgement)

    warm = replace(moved(), after=("guide/a", "guide/b"))
    assert told(warm, BASE).endswith(
        "has the baseline's bits. So the case differs after guide/a, guide/b had run in the same worker"
    )
    assert told(warm, moved(0.2)).endswith(
        "drifts, too. The first run came after guide/a, guide/b had run in the same worker"
    )
    long = replace(warm, after=tuple(f"guide/{index}" for index in range(10)))
    assert told(long, BASE).endswith("after 7 cases and guide/7, guide/8, guide/9 had run in the same worker")
    assert "worker" not in told(moved(), BASE).removeprefix(
        "does not repeat: a second run, in a fresh worker"
    )


def test_a_second_run_that_fails_is_told_beside_the_drift(store):
    died = WorkerCrashed("its worker died\nits log", about=("guide/two-steps",))
    found = check(make_case(), Series(moved(), died), store)
    assert (found.judgement.verdict, found.again, found.repeated) == (Verdict.DRIFT, died, False)
    assert in_words(found.judgement.notes) == (
        "a second run, in a fresh worker, gave no result (crash): guide/two-steps: its worker died",
    )
    assert "does not repeat" not in first_reason(found.judgement)


def test_where_everything_drifts_and_repeats_the_later_cases_are_not_run_again(store):
    second = SecondRuns()

    def checked(*answers):
        runner = Series(*answers)
        found = check(make_case(), runner, store, second)
        assert runner.answers == []
        return found

    for _ in range(IN_A_ROW):
        assert checked(moved(), moved()).repeated
    for _ in range(2):
        late = checked(moved())
        assert (late.judgement.verdict, late.again, late.repeated) == (Verdict.DRIFT, None, False)
        assert in_words(late.judgement.notes)[0].startswith("not run again: 5 cases in a row had drifted")
    # One that passes shows that not everything drifts.
    assert checked(BASE).judgement.passed
    assert not checked(moved(), BASE).repeated
    assert checked(moved(), moved()).repeated


def test_a_case_without_any_baseline_is_not_run(store):
    runner = Prepared(BASE)
    found = check(make_case(id="another"), runner, store)
    assert runner.jobs == []
    assert found.measurement is None
    assert found.judgement.verdict is Verdict.ERROR
    (reason,) = reason_texts(found.judgement, Invocation(str(store.root)))
    assert reason.startswith("no baseline of guide/another is stored in ")
    assert "record it: harness record suites/guide.yaml::another --baseline-dir " in reason
    assert "--reason" not in reason
    assert not found.judgement.stale


def test_a_case_whose_baseline_is_stale_is_not_run(store):
    runner = Prepared(BASE)
    found = check(make_case(steps=3), runner, store)
    assert runner.jobs == []
    assert found.measurement is None
    assert found.judgement.stale
    assert found.baseline is not None
    assert found.baseline.provenance == store.load("guide", "two-steps", "cpu").provenance
    assert found.judgement.verdict is Verdict.ERROR
    (reason,) = reason_texts(found.judgement, Invocation(str(store.root)))
    assert "steps: 2 -> 3. Undo the edit, or record the case again: harness record " in reason


def test_a_case_whose_baseline_is_damaged_is_not_run(store):
    path = store.path("guide", "two-steps", "cpu")
    path.write_text(path.read_text()[:-20])
    runner = Prepared(BASE)
    found = check(make_case(), runner, store)
    assert (runner.jobs, found.measurement, found.baseline) == ([], None, None)
    (reason,) = in_words(found.judgement.reasons)
    assert "cpu.json" in reason


def test_a_case_runs_where_one_of_its_baselines_is_sound(store):
    """Which device it runs on is known from the run alone: here the one whose baseline is stale."""
    edited = make_case(steps=3)
    store.write(make_baseline(case=edited, measurement=replace(BASE, fingerprint=NPU)))
    runner = Prepared(BASE)
    found = check(edited, runner, store)
    assert runner.jobs == [edited.job("if cheap")]
    assert found.measurement is BASE
    assert "the case was edited" in first_reason(found.judgement)


def test_a_case_that_yields_no_measurement_is_an_error(store):
    found = check(make_case(), Prepared(WorkerCrashed("its worker died", about=("guide/two-steps",))), store)
    assert found.judgement.verdict is Verdict.ERROR
    assert in_words(found.judgement.reasons) == ("guide/two-steps: its worker died",)
    assert found.measurement is None


def test_a_fault_of_the_harness_itself_is_not_hidden(store):
    with pytest.raises(ZeroDivisionError):
        check(make_case(), Prepared(ZeroDivisionError()), store)


def test_a_baseline_of_another_device_alone_is_an_error_that_keeps_the_measurement(store):
    npu = make_measurement(fingerprint=NPU)
    found = check(make_case(), Prepared(npu), store)
    assert found.judgement.verdict is Verdict.ERROR
    assert "There is one for cpu, but it is not used" in first_reason(found.judgement)
    assert found.measurement is npu


def test_a_damaged_baseline_is_an_error(store):
    path = store.path("guide", "two-steps", "cpu")
    path.write_text(path.read_text().replace("first recording", "another reason"))
    found = check(make_case(), Prepared(BASE), store)
    assert found.judgement.verdict is Verdict.ERROR
    assert "does not match its seal" in first_reason(found.judgement)


@pytest.mark.parametrize("whose", ["measurement", "baseline"])
def test_a_fingerprint_without_a_device_is_an_error(store, whose):
    nameless = replace(BASE, fingerprint={})
    if whose == "baseline":
        store.write(replace(make_baseline(), measurement=nameless))
    found = check(make_case(), Prepared(nameless if whose == "measurement" else BASE), store)
    assert found.judgement.verdict is Verdict.ERROR
    assert "run harness doctor" in first_reason(found.judgement)


def test_properties_of_a_judged_measurement(store):
    measurement = make_measurement(timings={"load": 1.23456, "run": 2.0}, peak_memory=3 * 2**20)
    properties = check(make_case(), Prepared(measurement), store).properties()
    named = dict(properties)
    assert len(named) == len(properties)
    assert (named["verdict"], named["tier"], named["margin"]) == ("identical", "same_environment", "0.0")
    assert (named["seconds.load"], named["seconds.run"]) == ("1.235", "2.000")
    assert named["peak_memory_mb"] == "3"
    # All digits: statistics are followed over time.
    assert float(named["statistic.mean"]) == measurement.statistics["mean"]
    assert {name for name in named if name.startswith("statistic.")} == {
        f"statistic.{name}" for name in measurement.statistics
    }
    assert all(type(name) is type(value) is str for name, value in properties)


def test_the_margin_of_bitwise_drift_is_infinite(store):
    drifted = make_measurement(BASE.output + np.float32(0.1))
    named = dict(check(make_case(), Prepared(drifted), store).properties())
    assert named["verdict"] == "drift"
    assert float(named["margin"]) == math.inf


def test_properties_without_a_measurement(store):
    found = check(make_case(), Prepared(WorkerCrashed("died")), store)
    assert found.properties() == [("verdict", "error")]


def failed_for(cause):
    return CaseFailed("the words of the failure", cause, about=("guide/two-steps",))


@pytest.mark.parametrize("cause", [each for each in FailureCause if each is not FailureCause.OTHER])
def test_a_case_that_is_expected_to_fail_is_held_to_its_cause_alone(store, cause):
    case = make_case(fails=cause)
    found = check(case, Prepared(failed_for(cause)), store).judgement
    assert (found.verdict, found.passed, found.failed_as_expected) == (Verdict.ERROR, False, True)
    for other in set(FailureCause) - {cause}:
        found = check(case, Prepared(failed_for(other)), store).judgement
        assert (found.verdict, found.failed_as_expected) == (Verdict.ERROR, False)
    runner = Prepared(BASE)
    passed = check(case, runner, store)
    assert (passed.judgement.verdict, passed.judgement.failed_as_expected) == (Verdict.ERROR, False)
    assert passed.measurement is BASE
    # Whether it repeats, two fresh workers show.
    job = case.job("always" if cause is FailureCause.STATE_LEFT_BEHIND else "never")
    twice = [job, "restart", job]
    assert runner.jobs == (twice if cause is FailureCause.NOT_REPEATABLE else twice[:1])
