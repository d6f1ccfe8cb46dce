"""The pool with real workers: jobs side by side, errors in their place, and nothing left behind."""

import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from samples import make_job

from harness.errors import HarnessError
from harness.execution.pool import RunnerPool
from harness.execution.runner import Runner
from harness.execution.worker_process import CaseFailed, RunError

TESTS = Path(__file__).parent.parent


def job(factory, **changes):
    named = {"name": f"suite/{factory}", "pipeline": f"pipelines_for_tests:{factory}", "checkpoint": None}
    return make_job(**named, **{"base": str(TESTS), "steps": 2, **changes})


def make():
    return Runner(import_paths=[TESTS], timeout=600)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder in which workers have their folders."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def began(path):
    """Wait for a pipeline to say that it runs; return its worker's number."""
    while not (path.exists() and path.read_text()):
        time.sleep(0.02)
    return int(path.read_text())


def test_two_runners_give_what_one_gives_side_by_side_in_a_process_each(
    folder, tmp_path_factory, monkeypatch
):
    meeting = tmp_path_factory.mktemp("meeting")
    monkeypatch.setenv("TEST_MEET", str(meeting))
    with RunnerPool(make, 2) as pool:
        base = pool.run(job("sound", seeds=(3,)))
        seeds = range(6)
        found = dict(pool.run_all((seed, job("sound", seeds=(seed,))) for seed in seeds))
        # Each waits for a sign that only the other's process gives.
        met = dict(pool.run_all((seed, job("meeting", seeds=(seed,))) for seed in (0, 1)))
    assert sorted(found) == list(seeds)
    np.testing.assert_array_equal(found[3].output, base.output)
    assert not np.array_equal(found[4].output, base.output)
    assert found[4].fingerprint == base.fingerprint
    assert not any(isinstance(each, HarnessError) for each in met.values()), met
    assert len(list(meeting.iterdir())) == 2
    assert list(folder.iterdir()) == []


def test_an_error_comes_with_its_tag_and_the_others_go_on(folder):
    with RunnerPool(make, 1) as pool:
        jobs = [("a", job("sound")), ("b", job("raising")), ("c", job("crashing")), ("d", job("sound"))]
        found = dict(pool.run_all(jobs))
        assert isinstance(found["b"], CaseFailed)
        assert "the pipeline's own error" in str(found["b"])
        assert "SIGSEGV" in str(found["c"])
        np.testing.assert_array_equal(found["a"].output, found["d"].output)
        with pytest.raises(CaseFailed):
            pool.submit(job("raising")).result()
        np.testing.assert_array_equal(pool.submit(job("sound")).result().output, found["a"].output)


def test_closing_ends_jobs_under_way_and_those_that_wait(folder, monkeypatch, tmp_path_factory):
    sign = tmp_path_factory.mktemp("sign") / "began"
    monkeypatch.setenv("TEST_BEGAN", str(sign))
    before = threading.active_count()
    with RunnerPool(make, 1) as pool:
        waiting = [pool.submit(job("hanging")), pool.submit(job("sound"))]
        worker = began(sign)
    assert not alive(worker)
    assert waiting[0].exception() is not None
    assert waiting[1].cancelled()
    assert list(folder.iterdir()) == []
    for _ in range(100):
        if threading.active_count() <= before:
            break
        time.sleep(0.05)
    assert threading.active_count() <= before


def test_closing_while_a_worker_starts_leaves_none_behind(folder):
    """Its runner does not know the worker yet when the pool is closed."""
    with RunnerPool(make, 1) as pool:
        pool.submit(job("hanging"))
        while not list(folder.iterdir()):
            time.sleep(0.001)
    assert pool._runners[0]._workers == {}
    assert list(folder.iterdir()) == []


class Counted:
    """Stands in for a runner where only the pool's own bookkeeping is looked at."""

    def __init__(self):
        self.ran = []
        self.closed = 0

    def run(self, job):
        self.ran.append(job)
        time.sleep(0.05)
        if job == "divide":
            raise ZeroDivisionError
        return job

    def close(self):
        self.closed += 1


def test_leaving_the_loop_cancels_what_has_not_begun():
    with RunnerPool(Counted, 1) as pool:
        running = pool.run_all((number, number) for number in range(20))
        assert next(running) == (0, 0)
        running.close()
        assert pool.run("next") == "next"
    (runner,) = pool._runners
    assert "next" in runner.ran
    assert len(runner.ran) <= 4


def test_a_runner_that_cannot_be_made_leaves_none_of_the_others():
    made = []

    def make_one():
        if made:
            raise RunError("no such interpreter")
        made.append(Counted())
        return made[0]

    with pytest.raises(RunError, match="no such interpreter"):
        RunnerPool(make_one, 2)
    assert made[0].closed == 1


def test_a_fault_of_the_harness_itself_is_not_hidden():
    with RunnerPool(Counted, 1) as pool, pytest.raises(ZeroDivisionError):
        list(pool.run_all([("a", "divide"), ("b", "next")]))
