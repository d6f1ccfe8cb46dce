"""However a case or a run ends, it is told at once and leaves no process, as real processes show."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from samples import make_job

from harness.errors import FailureCause
from harness.execution import watch
from harness.execution.runner import Runner
from harness.execution.worker_process import CaseFailed, WorkerCrashed

TESTS = Path(__file__).parent.parent


def job(factory, **changes):
    named = {"name": f"suite/{factory}", "pipeline": f"pipelines_for_tests:{factory}", "checkpoint": None}
    return make_job(**named, **{"base": str(TESTS), "steps": 2, **changes})


@pytest.fixture(scope="module")
def runner():
    with Runner(import_paths=[TESTS], timeout=60) as runner:
        yield runner


@pytest.fixture
def began(tmp_path, monkeypatch):
    path = tmp_path / "began"
    monkeypatch.setenv("TEST_BEGAN", str(path))
    return path


def gone(pid, seconds=5.0):
    """Whether a process ends within some seconds; one that nobody has waited for has ended as well."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_an_end_by_exit_is_told_at_once_though_a_child_holds_the_pipe(began):
    with Runner(import_paths=[TESTS], timeout=60) as runner:
        runner.run(job("sound"))
        started = time.monotonic()
        with pytest.raises(WorkerCrashed, match="exit status 3"):
            runner.run(job("ending_with_a_child"))
        assert time.monotonic() - started < 20
        assert gone(int(began.read_text()))


def test_a_child_that_comes_back_from_its_case_answers_for_no_one(runner):
    forked, sound = runner.run(job("forked_twice")), runner.run(job("sound", seeds=(5,)))
    assert forked.output.any()
    assert sound.ledger != forked.ledger


def test_children_end_with_their_worker(began):
    """Which is replaced at once, as they could go on in the next case."""
    with Runner(import_paths=[TESTS]) as runner:
        runner.run(job("leaving_a_child"))
        assert all(gone(int(pid)) for pid in began.read_text().split())


def test_a_killed_run_leaves_no_process(began):
    """Neither the worker, though it is stuck in C, nor the worker's child."""
    code = (
        "from pathlib import Path\n"
        "from harness.cases.job import Job\n"
        "from harness.execution.runner import Runner\n"
        f"Runner(import_paths=[Path({str(TESTS)!r})]).run({job('hanging_with_a_child')!r})"
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    while not (began.exists() and began.read_text()):
        assert parent.poll() is None
        time.sleep(0.02)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert all(gone(int(pid)) for pid in began.read_text().split())


def test_a_worker_behind_a_wrapper_ends_with_its_run(tmp_path, began):
    """The wrapper waits for its Python, which is the leader of another session."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nsetsid --wait "{sys.executable}" "$@"\nexit $?\n')
    python.chmod(0o700)
    with Runner(python=python, import_paths=[TESTS], timeout=60) as runner:
        runner.run(job("leaving_a_child"))
        assert all(gone(int(pid)) for pid in began.read_text().split())


@pytest.mark.parametrize(
    ("factory", "message", "cause"),
    [
        ("exiting", "SystemExit: 3", FailureCause.CRASH),
        ("interrupting", "KeyboardInterrupt: of the case's own", FailureCause.CRASH),
        ("saying_no_text", r"half a pair: \\ud800", FailureCause.OTHER),
    ],
)
def test_what_a_case_raises_is_told_whatever_it_is(runner, factory, message, cause):
    with pytest.raises(CaseFailed, match=message) as failure:
        runner.run(job(factory))
    assert "pipelines_for_tests.py" in str(failure.value)
    assert failure.value.cause is cause
    assert runner.run(job("sound")).output.shape == (1, 8, 8, 1)


@pytest.mark.parametrize(
    ("before", "told"), [("sound", "answering_early"), ("answering_for_itself", "sound")]
)
def test_what_a_case_writes_to_the_channel_answers_for_no_other(runner, before, told):
    """Where it forges its own answer, its worker's is still to come."""
    expected = runner.run(job("sound", seeds=(5,)))
    runner.run(job(before))
    with pytest.raises(WorkerCrashed, match="its worker sent something that is not an answer"):
        runner.run(job(told))
    assert runner.run(job("sound", seeds=(5,))).bits == expected.bits


@pytest.mark.parametrize(
    "answer",
    [
        '{"figures": {}, "arrays": {"output": []}}',
        *(pytest.param(each, marks=pytest.mark.slow) for each in ('{"figures": {}, "arrays": []}', "[]")),
    ],
)
def test_an_answer_that_is_no_measurement_is_told_and_its_worker_replaced(monkeypatch, answer):
    monkeypatch.setenv("TEST_ANSWER", answer)
    with Runner(import_paths=[TESTS], timeout=60) as runner:
        with pytest.raises(CaseFailed, match="its worker sent what it was not asked for"):
            runner.run(job("answering_nonsense"))
        assert not runner._workers


@pytest.mark.parametrize("there", ["a FIFO", "a link"])
def test_a_log_that_a_case_replaced_is_not_looked_at(tmp_path, monkeypatch, there):
    monkeypatch.setattr(watch, "_LARGEST_LOG", 50_000)
    precious = tmp_path / "precious"
    precious.write_bytes(b"secret\n" * 10_000)
    monkeypatch.setenv("TEST_LOG", there if there == "a FIFO" else str(precious))
    with Runner(import_paths=[TESTS], timeout=60) as runner:
        # A real-time signal, which has no name.
        with pytest.raises(WorkerCrashed, match=r"\(signal 40\)") as failure:
            runner.run(job("replacing_its_log"))
        assert str(failure.value).endswith("the last words")
        assert "secret" not in str(failure.value)
    assert precious.stat().st_size == 70_000


def test_a_job_that_is_no_text_is_told(runner):
    with pytest.raises(CaseFailed, match="cannot be sent to a worker"):
        runner.run(job("sound", arguments={"scale": "\ud800"}))
    assert runner.run(job("sound")).output.shape == (1, 8, 8, 1)
