"""What a worker that runs many cases holds on to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from samples import make_job

from harness.execution.messages import Context
from harness.execution.runner import Runner

PAGE = os.sysconf("SC_PAGE_SIZE")


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


def job(folder: Path, mode: str) -> dict:
    return make_job(base=str(folder), steps=1, mode=mode)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["pynative", "graph"])
def test_pipelines_that_are_done_with_leave_no_memory_behind(tmp_path, mode):
    """Three in turn, two of which are kept: every case loads one anew. A graph left behind is some 18 MB."""
    folders = [tmp_path / name for name in "abc"]
    with Runner() as runner:
        sizes = []
        for turn in range(6):
            for folder in folders:
                runner.run(job(folder, mode))
            if turn in (1, 5):
                sizes.append(resident(runner._workers[Context(mode, "float32")].pid))
    assert sizes[1] - sizes[0] < 100 * 2**20


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["pynative", "graph"])
def test_pipelines_with_a_fault_leave_no_memory_behind(tmp_path, mode):
    """Each is loaded, run once and dropped."""
    faulty = job(tmp_path, mode).with_fault("layer-half", None)
    with Runner() as runner:
        sizes = []
        for turn in range(24):
            runner.run(faulty)
            if turn in (7, 23):
                sizes.append(resident(runner._workers[Context(mode, "float32")].pid))
    assert sizes[1] - sizes[0] < 100 * 2**20
