"""What a worker takes is bounded: memory, the disk under its log, the length of what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from samples import make_job

from harness.errors import FailureCause, UsageError
from harness.execution import watch
from harness.execution.gateway import WorkerGateway
from harness.execution.messages import LOG
from harness.execution.proc import tells_of_this_process
from harness.execution.runner import Runner
from harness.execution.watch import Watch, WorkerOutOfMemory
from harness.execution.worker_process import CaseFailed, WorkerCrashed
from harness.operations import trial_run

TESTS = Path(__file__).parent.parent


def job(factory: str):
    name = f"suite/{factory}"
    return make_job(
        name=name, pipeline=f"pipelines_for_tests:{factory}", checkpoint=None, base=str(TESTS), steps=1
    )


@pytest.fixture(scope="module")
def runner():
    with Runner(import_paths=[TESTS], timeout=60, memory=1 << 30) as runner:
        yield runner


@pytest.mark.parametrize("factory", ["hungry", "hungry_child"])
def test_a_worker_that_takes_too_much_memory_is_killed_and_the_run_goes_on(runner, factory):
    assert runner.run(job("sound")).output.shape == (1, 8, 8, 1)
    (worker,) = runner._workers.values()
    told = rf"suite/{factory}: its worker used .* GiB of memory.*the limit is 1 GiB"
    with pytest.raises(WorkerOutOfMemory, match=told) as failure:
        runner.run(job(factory))
    assert failure.value.cause is FailureCause.OUT_OF_MEMORY
    assert not Path(f"/proc/{worker.pid}").exists()
    assert runner.run(job("sound")).output.shape == (1, 8, 8, 1)


def test_a_log_is_bounded_on_disk_and_its_end_is_kept(runner, monkeypatch):
    monkeypatch.setattr(watch, "_LARGEST_LOG", 4 << 20)
    sizes = []
    end = WorkerGateway.ending
    monkeypatch.setattr(
        WorkerGateway,
        "ending",
        lambda self, seconds: sizes.append((self.folder / LOG).stat().st_size) or end(self, seconds),
    )
    with pytest.raises(WorkerCrashed) as failure:
        runner.run(job("talkative"))
    text = str(failure.value)
    assert "the end of its log (it had more than 4 MiB, and lost its beginning):" in text
    assert text.endswith("    the last words")
    assert len(text) < 15_000
    # All of it was 40 MB.
    assert sizes[0] < 20 << 20


def test_of_a_long_log_only_the_end_is_read(tmp_path):
    log = tmp_path / "log"
    with log.open("wb") as file:
        file.truncate(1 << 40)
        file.seek(0, os.SEEK_END)
        file.write(b"\nthe last words\n")
    with closing(Watch(log, None)) as watching:
        assert watching.log_text().endswith("    the last words")


def test_a_message_of_any_length_is_cut(runner):
    with pytest.raises(CaseFailed) as failure:
        runner.run(job("long_winded"))
    text = str(failure.value)
    assert len(text) < 25_000
    assert "characters are left out …]" in text
    assert text.rstrip().endswith("the last words")


def test_memory_that_is_shared_counts_once():
    # In a process of its own: what this one shares with others, and has freed, is not known.
    code = """if True:
        import os, time
        from harness.execution.watch import memory_of
        taken = bytearray(os.urandom(1) * 300_000_000)
        told, tell = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(tell, b"1")
            time.sleep(60)
            os._exit(0)
        os.read(told, 1)
        print(memory_of(os.getpid()))
        os.kill(child, 9)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 300_000_000 < int(done.stdout) < 450_000_000


@pytest.mark.parametrize("self_is", [None, "1"])
def test_a_proc_that_does_not_show_this_process_refuses_a_limit(self_is, tmp_path, monkeypatch):
    proc = tmp_path / "proc"
    proc.mkdir()
    if self_is:  # as in a container that sees the host's
        (proc / "self").symlink_to(self_is)
    monkeypatch.setattr(watch, "PROC", proc)
    with closing(Watch(tmp_path / "log", None)) as watching:
        watching.look(os.getpid())
    with pytest.raises(UsageError, match="--worker-memory needs /proc"):
        Watch(tmp_path / "log", 1 << 30)


def test_the_proc_of_this_system_shows_this_process():
    assert tells_of_this_process()


def test_without_processes_of_its_own_in_proc_a_soak_moves_no_run(monkeypatch):
    monkeypatch.setattr(trial_run, "tells_of_this_process", lambda: False)
    assert "core" in trial_run.offer_of("CPU").fixed
