"""The runner with real worker processes: results, crash, hang, other interpreters."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import execnet
import numpy as np
import pytest
from samples import make_case, make_job

from harness.errors import FailureCause
from harness.execution.messages import Answer
from harness.execution.runner import Runner
from harness.execution.worker_process import CaseFailed, RunError, WorkerCrashed, WorkerProcess, WorkerTimeout

TESTS = Path(__file__).parent.parent


def job(factory, **changes):
    named = {"name": f"suite/{factory}", "pipeline": f"pipelines_for_tests:{factory}", "checkpoint": None}
    return make_job(**named, **{"base": str(TESTS), "steps": 3, **changes})


@pytest.fixture(scope="module")
def runner():
    with Runner(import_paths=[TESTS], timeout=60) as runner:
        yield runner


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_measurement_holds_what_the_run_yielded(runner):
    measurement = runner.run(job("sound", seeds=(3, 4), keep_latents=True, singles=True))
    noise = [np.random.Generator(np.random.PCG64(seed)).standard_normal((1, 1, 8, 8)) for seed in (3, 4)]
    latents = np.concatenate(noise)
    steps = [latents * 0.9, latents * 0.9 * 0.9, latents * 0.9 * 0.9 * 0.9]
    np.testing.assert_array_equal(measurement.latents, np.stack(steps))
    expected = np.clip(steps[-1].transpose(0, 2, 3, 1).astype(np.float32) / 2 + 0.5, 0, 1)
    np.testing.assert_array_equal(measurement.output, expected)
    np.testing.assert_array_equal(measurement.singles, expected)
    assert measurement.statistics["abs_sum"] == pytest.approx(float(np.abs(expected).sum()), rel=1e-6)
    assert [(d.generator, d.method, d.shape) for d in measurement.ledger] == [
        (0, "standard_normal", (1, 1, 8, 8)),
        (1, "standard_normal", (1, 1, 8, 8)),
    ]
    assert [(s.step, s.timestep) for s in measurement.trace] == [(0, 999), (1, 998), (2, 997)]


def test_the_profile_is_in_force(runner):
    fingerprint = runner.run(job("sound")).fingerprint
    assert fingerprint["cores"] == "1"
    assert fingerprint["isa"] == runner.profile.cap()
    assert fingerprint["device"] == "CPU"


def test_arguments_reach_the_pipeline(runner):
    plain, scaled = runner.run(job("sound")), runner.run(job("sound", arguments={"scale": 0.5}))
    np.testing.assert_allclose(scaled.output - 0.5, (plain.output - 0.5) / 2, atol=0.3)
    assert not np.array_equal(plain.output, scaled.output)


def test_an_argument_that_the_pipeline_does_not_take_is_named(runner):
    with pytest.raises(CaseFailed, match="no_such_argument"):
        runner.run(job("sound", arguments={"no_such_argument": 1}))


@pytest.mark.parametrize(
    ("factory", "message", "cause"),
    [
        ("raising", "the pipeline's own error", FailureCause.OTHER),
        (
            "unseeded",
            r"pipelines_for_tests\.py:\d+: an unseeded numpy generator",
            FailureCause.UNSEEDED_DRAW,
        ),
        ("no_array", "the result holds str, which cannot be measured; return", FailureCause.OTHER),
        ("complex_numbers", "holds an array of complex64, which cannot be", FailureCause.OTHER),
        ("missing", "missing", FailureCause.OTHER),
        ("without_its_package", "No module named 'no_such_package'", FailureCause.MISSING_PACKAGE),
        ("out_of_memory", "the pipeline's own words", FailureCause.OUT_OF_MEMORY),
    ],
)
def test_errors_of_a_case_arrive_in_words_and_with_their_cause(runner, monkeypatch, factory, message, cause):
    # A new worker after each, which test_aftermath.py sees to, would take most of the time.
    monkeypatch.setattr(Answer, "leaves_worker_sound", True)
    with pytest.raises(CaseFailed, match=message) as failure:
        runner.run(job(factory))
    assert failure.value.cause is cause
    assert runner.run(job("sound")).output.shape == (1, 8, 8, 1)


def test_a_crash_fails_that_case_only(runner):
    with pytest.raises(WorkerCrashed, match=r"(?s)crashing: .*SIGSEGV.*pipelines_for_tests\.py") as failure:
        runner.run(job("crashing"))
    assert failure.value.cause is FailureCause.CRASH
    assert runner.run(job("sound")).output.shape == (1, 8, 8, 1)


def test_what_a_pipeline_prints_does_not_disturb(runner):
    assert runner.run(job("printing")).output.shape == (1, 8, 8, 1)


def test_a_hang_is_killed_after_its_time(tmp_path, monkeypatch):
    began = tmp_path / "began"
    monkeypatch.setenv("TEST_BEGAN", str(began))
    with Runner(import_paths=[TESTS], timeout=15) as runner:
        with pytest.raises(WorkerTimeout, match="no result after 15 s, when it had finished 3 of 3 steps"):
            runner.run(job("hanging"))
        pid = int(began.read_text())
        assert not alive(pid)
        assert runner.run(job("sound")).output.shape == (1, 8, 8, 1)


def test_a_case_has_its_own_time_and_says_which_step_it_had_reached(tmp_path, monkeypatch):
    monkeypatch.setenv("TEST_GO", str(tmp_path / "never"))
    with Runner(import_paths=[TESTS], timeout=600) as runner:
        # So that the time is not spent on the start of a worker.
        runner.run(job("sound"))
        told = (
            r"no result after 4 s, when it had finished 2 of 5 steps, .*time limit \(`timeout` of the case\)"
        )
        with pytest.raises(WorkerTimeout, match=told):
            runner.run(job("waiting", steps=5, timeout=4.0))
        (tmp_path / "never").touch()
        assert runner.run(job("waiting", steps=5)).output.shape == (1, 8, 8, 1)


def test_a_worker_that_says_steps_faster_than_they_are_read_has_no_more_time():
    started = time.monotonic()

    def receive(timeout):
        assert time.monotonic() - started < 30, "the time limit does not hold"
        return {"number": 0, "done": 3}

    worker = object.__new__(WorkerProcess)
    worker._asked, worker._done, worker.pid = 0, None, None
    worker._channel, worker._gateway = SimpleNamespace(receive=receive), SimpleNamespace(ended=lambda: False)
    told = []
    with pytest.raises(execnet.gateway_base.Channel.TimeoutError):
        worker._receive(1.0, lambda: told.append(worker._done))
    assert set(told) == {3}
    # Nor is whoever shows it told more often than anybody can see.
    assert len(told) < 20


def test_kill_9_in_mid_case_fails_that_case_only(tmp_path, monkeypatch):
    began = tmp_path / "began"
    monkeypatch.setenv("TEST_BEGAN", str(began))

    def kill():
        while not (began.exists() and began.read_text()):
            time.sleep(0.02)
        os.kill(int(began.read_text()), signal.SIGKILL)

    with Runner(import_paths=[TESTS], timeout=60) as runner:
        killer = threading.Thread(target=kill)
        killer.start()
        with pytest.raises(WorkerCrashed, match="SIGKILL"):
            runner.run(job("hanging"))
        killer.join()
        assert runner.run(job("sound")).output.shape == (1, 8, 8, 1)


class LeftAlone(BaseException):
    """Comes out of the blue while the runner waits, as from pytest-timeout, a debugger, Ctrl-C."""


@contextmanager
def left_alone_once(began):
    """Raise LeftAlone in this thread as soon as a process has written its number into the file `began`."""

    def leave(*_):
        raise LeftAlone

    def interrupt():
        while not (began.exists() and began.read_text()):
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGUSR1)

    previous = signal.signal(signal.SIGUSR1, leave)
    interrupter = threading.Thread(target=interrupt)
    interrupter.start()
    try:
        with pytest.raises(LeftAlone) as caught:
            yield caught
        interrupter.join()
    finally:
        signal.signal(signal.SIGUSR1, previous)


def test_an_answer_that_was_not_waited_for_is_not_the_next_cases(tmp_path, monkeypatch):
    began = tmp_path / "began"
    monkeypatch.setenv("TEST_BEGAN", str(began))
    with Runner(import_paths=[TESTS], timeout=60) as runner:
        with left_alone_once(began):
            runner.run(job("ending_late"))
        assert not alive(int(began.read_text()))
        again = runner.run(job("sound", steps=2))
    assert len(again.trace) == 2


@pytest.mark.parametrize("answered", [False, True], ids=["before it answers", "before it is ready"])
def test_an_interrupt_while_a_worker_starts_leaves_nothing_behind(tmp_path, monkeypatch, answered):
    """As Ctrl-C or pytest-timeout, whose traceback may be kept for as long as the session."""
    temporary, began, python = tmp_path / "tmp", tmp_path / "began", tmp_path / "python"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    # The process says that it has begun, and is stuck: as an interpreter, or in its own imports.
    begin = f"pathlib.Path({str(began)!r}).write_text(str(os.getpid()))"
    stuck = f"import os, pathlib, time; {begin}; time.sleep(3600)"
    if answered:
        finder = f"class Stuck:\n    def find_spec(name, *_):\n        if 'worker' in name: {stuck}\n"
        (tmp_path / "sitecustomize.py").write_text(f"import sys\n{finder}sys.meta_path.insert(0, Stuck)\n")
        python.write_text(f'#!/bin/sh\nPYTHONPATH="{tmp_path}" exec "{sys.executable}" "$@"\n')
    else:
        sound = f'exec "{sys.executable}"'
        python.write_text(f'#!/bin/sh\n[ "$1" = -c ] && {sound} "$@"\n{sound} -c "{stuck}"\n')
    python.chmod(0o700)
    with Runner(python=python) as runner:
        with left_alone_once(began) as left:
            runner.run(job("sound"))
        # The error and its traceback are still held, the runner is still open.
        assert left.type is LeftAlone
        assert not alive(int(began.read_text()))
        assert list(temporary.iterdir()) == []


def test_a_worker_that_cannot_start_says_why_to_every_case():
    with Runner(import_paths=[TESTS], device="Ascend") as runner:
        messages = set()
        for _ in range(2):
            with pytest.raises(CaseFailed) as caught:
                runner.run(job("sound"))
            messages.add(str(caught.value))
    (message,) = messages
    assert "MindSpore cannot use NPU 0" in message


def test_modes_and_dtypes_have_workers_of_their_own(runner):
    first = runner.run(job("sound", mode="graph"))
    assert first.fingerprint["mode"] == "graph"
    assert runner.run(job("sound", dtype="float16")).fingerprint["dtype"] == "float16"
    assert runner.run(job("sound")).fingerprint["mode"] == "pynative"


def test_close_leaves_no_process_and_no_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    runner = Runner(import_paths=[TESTS])
    runner.run(job("sound"))
    (worker,) = runner._workers.values()
    assert alive(worker.pid)
    assert list(tmp_path.iterdir())
    runner.close()
    runner.close()
    assert not alive(worker.pid)
    assert not list(tmp_path.iterdir())


def test_an_interpreter_that_is_not_there():
    with pytest.raises(RunError, match="no-such-python"):
        Runner(python="/no-such-python")


def test_an_interpreter_that_is_none():
    with pytest.raises(RunError, match="/bin/true: not a Python interpreter"):
        Runner(python="/bin/true")


def test_an_interpreter_without_mindspore(tmp_path):
    import venv

    venv.create(tmp_path / "bare", symlinks=True)
    python = tmp_path / "bare" / "bin" / "python"
    with Runner(python=python) as runner, pytest.raises(RunError) as caught:
        runner.run(job("sound"))
    assert "No module named 'numpy'; install it there" in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_a_folder_beside_the_suite_cannot_hide_a_package(tmp_path):
    (tmp_path / "numpy.py").write_text("raise ImportError('the wrong numpy')\n")
    with Runner(import_paths=[tmp_path, TESTS]) as runner:
        assert runner.run(job("sound")).output.shape == (1, 8, 8, 1)


def test_this_process_has_not_imported_mindspore():
    """Run in a process of its own: another test of this session may have imported it."""
    code = (
        "import sys, harness.pytest_plugin.plugin, harness.pytest_plugin.checking; "
        "from harness.cli import COMMANDS, function_of; "
        "[function_of(name) for name in COMMANDS]; "
        "sys.exit('mindspore' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_worker_reads_files_of_the_folder_in_which_harness_runs_and_no_others(
    runner, tmp_path, monkeypatch
):
    project = tmp_path / "project"
    (project / "suites").mkdir(parents=True)
    (tmp_path / "a.npy").write_bytes(b"theirs")
    monkeypatch.chdir(project)

    def run(name):
        arguments = {"eta": {"file": name}}
        return runner.run(make_case(path=Path("suites/s.yaml"), arguments=arguments).job())

    with pytest.raises(CaseFailed, match="no such file; it is looked for at"):
        run("../a.npy")
    for name in ("../../a.npy", f"{tmp_path}/a.npy"):
        with pytest.raises(CaseFailed, match=rf"outside the project.*in which harness runs \({project}\)"):
            run(name)
