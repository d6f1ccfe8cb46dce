"""Second calls in real workers: what a call leaves behind is found, and the time they take is bounded."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from samples import make_job, make_measurement

from harness.execution.runner import Runner
from harness.execution.second_call import SHARE, Budget, why_not
from harness.measurement.second_call import CallBits, Outcome, SecondCall
from harness.measurement.statistics import summarise

TESTS = Path(__file__).parent.parent
COSTLY, OUT_OF_TIME = Outcome.COSTLY, Outcome.OUT_OF_TIME


def job(factory, second_call="always", **changes):
    named = {"name": f"suite/{factory}", "pipeline": f"stateful_pipelines:{factory}", "checkpoint": None}
    return make_job(**named, base=str(TESTS), second_call=second_call, **changes)


@pytest.mark.parametrize(
    ("asked", "times", "found"),
    [
        ("if cheap", {}, None),
        ("if cheap", {"spent": 9.9}, COSTLY),
        ("if cheap", {"second": 0.1}, COSTLY),
        ("if cheap", {"second": 1.0, "spent": 20.0}, None),
        ("always", {"spent": 0.0, "second": 100.0}, None),
        # It may take twice as long as the first, and must still end within the limit.
        ("always", {"since": 9.0, "limit": 10.9}, OUT_OF_TIME),
        ("if cheap", {"since": 9.0, "limit": 10.9}, OUT_OF_TIME),
        ("always", {"since": 9.0, "limit": 11.0}, None),
    ],
)
def test_a_second_call_is_made_where_its_time_allows_it(asked, times, found):
    assert SHARE == 0.1
    assert (
        why_not(asked, 1.0, **{"since": 2.0, "limit": 600.0, "spent": 10.0, "second": 0.0, **times}) == found
    )


def test_all_second_calls_of_a_worker_together_keep_to_their_share():
    bits = CallBits((), (), "a")
    budget, made = Budget(start_seconds=3.0), 0
    for _ in range(100):
        # A call of no length by the clock costs nothing: what counts is what was said to be spent.
        found = budget.second_call(
            job("sound", "if cheap"), bits, lambda: bits, call=1.0, since=1.0, limit=9.0
        )
        made += found == SecondCall(Outcome.SAME)
        budget._second = float(made)
    assert made == 10
    assert budget.second_call(job("sound", "never"), bits, None, call=1.0, since=1.0, limit=9.0) is None


def test_the_start_of_the_worker_counts_towards_the_limit_of_its_first_job():
    bits = CallBits((), (), "a")
    budget = Budget(start_seconds=5.0)
    told = [
        budget.second_call(job("sound"), bits, lambda: bits, call=1.0, since=1.0, limit=7.5).outcome
        for _ in range(2)
    ]
    assert told == [OUT_OF_TIME, Outcome.SAME]


@pytest.fixture(scope="module")
def runner():
    with Runner(import_paths=[TESTS], timeout=60) as runner:
        yield runner


@pytest.mark.parametrize(
    ("factory", "found"),
    [
        ("sound", SecondCall(Outcome.SAME)),
        ("counting", SecondCall(Outcome.DIFFERS, "step", 0)),
        ("caching", SecondCall(Outcome.DIFFERS, "output")),
        ("overwriting", SecondCall(Outcome.DIFFERS, "output")),
        ("going_on", SecondCall(Outcome.DIFFERS, "step", 0)),
        ("drawing_more", SecondCall(Outcome.DIFFERS, "draws", 2)),
        ("training", SecondCall(Outcome.DIFFERS, "output")),
    ],
)
def test_a_state_that_the_first_call_leaves_behind_is_found_in_a_single_case(runner, factory, found):
    twice = runner.run(job(factory))
    assert twice.second_call == found
    assert twice.timings["second_call"] > 0
    # What is measured is the first call, also where the second one gave its output in the same memory.
    once = runner.run(job("sound", "never"))
    assert once.second_call is None
    assert "second_call" not in once.timings
    if factory != "counting":
        assert np.array_equal(twice.output, once.output + np.float32(factory == "overwriting"))
    assert twice.statistics == summarise(twice.output)


def test_a_pipeline_may_go_on_with_a_copy_of_its_scheduler(runner):
    found = [runner.run(job("replacing", steps=steps)) for steps in (3, 3, 2)]
    for measurement, steps in zip(found, (3, 3, 2), strict=True):
        assert measurement.second_call == SecondCall(Outcome.SAME)
        assert [each.timestep for each in measurement.trace] == list(range(steps))[::-1]
        noise = np.random.Generator(np.random.PCG64(0)).standard_normal((1, 8, 8, 3), dtype=np.float32)
        latents, last = noise * np.float32(0.9), noise
        for _ in range(steps - 1):
            latents, last = (latents + last) / 2, latents
        assert np.array_equal(measurement.output, latents)
        assert measurement.constants.get("scheduler.timesteps", np.arange(steps)[::-1]).size == steps


def test_a_second_call_that_fails_is_no_failure_of_the_first(runner):
    second = runner.run(job("used_up")).second_call
    assert second.outcome is Outcome.FAILED
    assert second.told.splitlines()[-1] == "IndexError: pop from empty list"


def test_batch_images_run_alone_before_the_second_call(runner, tmp_path, monkeypatch):
    calls = tmp_path / "calls"
    monkeypatch.setenv("TEST_CALLS", str(calls))
    with Runner(import_paths=[TESTS], timeout=60) as own:
        steps = []
        own._watcher = lambda under_way: steps.append((under_way.done, under_way.steps, under_way.expected))
        asked = job("sound", seeds=(0, 1), singles=True)
        assert own.run(asked).second_call == SecondCall(Outcome.SAME)
    assert calls.read_text().split() == ["2", "1", "1", "2"]
    assert asked.all_steps == 12
    assert {steps for _, steps, _ in steps} <= {12}


def test_a_first_call_that_leaves_too_little_time_is_the_only_one(runner):
    budget = Budget(0.0)
    bits = CallBits((), make_measurement().trace, "a")

    def never():
        raise AssertionError("it was called")

    asked = replace(job("sound"), timeout=1.0)
    assert budget.second_call(asked, bits, never, call=0.6, since=0.6, limit=1.0) == SecondCall(OUT_OF_TIME)
