"""What a case leaves behind in its process is told and kept from the next case, as real workers show."""

from pathlib import Path

import numpy as np
import pytest
from samples import make_job

from harness.cases.selection import select
from harness.execution.runner import Runner
from harness.execution.worker_process import CaseFailed
from harness.measurement.figures import ProcessChange, ProcessPart
from harness.measurement.measurement import Measurement

TESTS = Path(__file__).parent.parent
SUITES = TESTS.parent / "suites"


def job(factory, **changes):
    named = {"name": f"suite/{factory}", "pipeline": f"pipelines_for_tests:{factory}", "checkpoint": None}
    return make_job(**named, **{"base": str(TESTS), "steps": 2, **changes})


@pytest.fixture(scope="module")
def runner():
    with Runner(import_paths=[TESTS], timeout=60) as runner:
        yield runner


@pytest.fixture
def changing(runner, monkeypatch):
    """The runner, whose next worker finds in its environment what a case is to change."""

    def set_changes(*names):
        monkeypatch.setenv("TEST_CHANGES", " ".join(names))
        runner.restart()
        return runner

    return set_changes


def workers(runner):
    return {worker.pid for worker in runner._workers.values()}


def test_a_sound_case_leaves_nothing_and_its_worker_goes_on(runner):
    first = runner.run(job("sound"))
    pids = workers(runner)
    again = runner.run(job("sound", seeds=(5,)))
    assert first.changes == again.changes == ()
    assert workers(runner) == pids != set()


@pytest.mark.parametrize("case_id", ["graph", "float16"])
def test_what_mindspore_does_for_itself_is_no_change_by_the_case(case_id):
    (case,) = select([f"{SUITES / 'modes.yaml'}::{case_id}"]).cases
    with Runner(timeout=60) as runner:
        assert runner.run(case.job()).changes == ()


def test_a_case_that_replaces_what_measuring_stands_on_is_an_error(changing):
    runner = changing("replace_measuring", "replace_numpys", "replace_code", "replace_a_constant")
    with pytest.raises(CaseFailed, match=r"the case replaced .* cannot be trusted") as failure:
        runner.run(job("changing"))
    assert "numpy.concatenate," in str(failure.value)
    assert "harness.measurement.measurement.Measurement.to_wire," in str(failure.value)
    assert "harness.measurement.statistics.summarise," in str(failure.value)
    assert "harness.measurement.measurement._ARRAYS," in str(failure.value)
    assert workers(runner) == set()


def test_anything_else_is_told_and_its_worker_replaced(changing):
    expected = {
        "replace_mindspores": (ProcessPart.FRAMEWORK, "mindspore.ops.silu"),
        "leave_thread": (ProcessPart.THREADS, "threading.Timer"),
        "set_variable": (ProcessPart.ENVIRONMENT, "TEST_OFFSET"),
        "set_alarm": (ProcessPart.SIGNALS, "a timer"),
        "handle_signal": (ProcessPart.SIGNALS, "SIGUSR2"),
        "treat_errors_otherwise": (ProcessPart.SETTINGS, "numpy.seterr"),
        "change_folder": (ProcessPart.SETTINGS, "the current folder"),
        "set_the_jit": (ProcessPart.SETTINGS, "mindspore.set_context(jit_level)"),
        "add_no_path": (ProcessPart.SETTINGS, "sys.path"),
        "leave_child": (ProcessPart.CHILDREN, "a child process"),
    }
    runner = changing(*expected)
    measured = runner.run(job("changing"))
    assert {(each.part, name) for each in measured.changes for name in each.names} == set(expected.values())
    assert workers(runner) == set()
    # They are told where they happen, and are no part of what is stored.
    assert "changes" not in measured.figures()
    assert Measurement.of(measured.figures(), measured.arrays).changes == ()


def test_a_seed_of_mindspores_that_a_case_sets_while_it_loads_is_told(runner):
    measured = runner.run(job("seeding_mindspore_while_it_loads"))
    assert measured.changes == (ProcessChange(ProcessPart.SETTINGS, ("mindspore.set_seed",)),)


def test_a_bit_generator_that_a_case_puts_into_numpy_is_told(runner):
    measured = runner.run(job("loading_other_bits"))
    assert measured.changes == (ProcessChange(ProcessPart.SETTINGS, ("numpy.random.set_bit_generator",)),)


def test_a_process_that_cannot_be_compared_fails_its_case_in_words(changing):
    runner = changing("add_what_cannot_be_compared")
    with pytest.raises(CaseFailed, match="cannot be compared with what was there before"):
        runner.run(job("changing"))
    assert runner.run(job("sound")).changes == ()


def test_a_case_that_fails_is_the_last_of_its_worker(runner):
    runner.run(job("sound"))
    with pytest.raises(CaseFailed):
        runner.run(job("raising"))
    assert workers(runner) == set()


def test_a_case_draws_the_same_while_it_loads_whichever_ran_before(runner):
    first = runner.run(job("drawing_while_it_loads"))
    # From another folder it is another pipeline, and loaded anew.
    again = runner.run(job("drawing_while_it_loads", base=str(TESTS / "doors")))
    assert len(workers(runner)) == 1
    assert first.timings["spawn"] == again.timings["spawn"]
    np.testing.assert_array_equal(first.output, again.output)


def test_an_isolated_case_has_a_process_of_its_own(runner):
    runner.run(job("sound"))
    shared = workers(runner)
    first = runner.run(job("remembering", isolate=True))
    again = runner.run(job("remembering", isolate=True))
    np.testing.assert_array_equal(first.output, again.output)
    assert workers(runner) == shared
