"""Many cases, a tenth of them sick: each sick one fails, no other does, and nothing is left or grows."""

from __future__ import annotations

import random
from pathlib import Path

import psutil
from campaign import gone, started_with, tries
from samples import make_job
from user_project import Project

from harness.cases.job import Job
from harness.errors import HarnessError
from harness.execution.runner import Runner

# What each kind of sick case comes to, by the name of the error's class.
SICK = {
    "raising": "CaseFailed",
    "unseeded": "CaseFailed",
    "out_of_memory": "CaseFailed",
    "without_its_package": "CaseFailed",
    "saying_no_text": "CaseFailed",
    "long_winded": "CaseFailed",
    "exiting": "CaseFailed",
    "interrupting": "CaseFailed",
    "crashing": "WorkerCrashed",
    "ending_with_a_child": "WorkerCrashed",
    "hanging": "WorkerTimeout",
    "hanging_with_a_child": "WorkerTimeout",
}
_LIMIT = 15.0
_GROWTH = 64 * 2**20


def come_to(runner: Runner, job: Job) -> str:
    """Return the bits that a case yields, or the name of its error's class."""
    try:
        return runner.run(job).bits
    except HarnessError as error:
        return type(error).__name__


@tries(30, 1000)
def test_a_tenth_is_sick(tmp_path, monkeypatch, counts, count):
    project = Project(tmp_path / "project")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    marker = tmp_path.name
    for name, value in (("TMPDIR", temporary), ("TEST_CAMPAIGN", marker), ("TEST_BEGAN", tmp_path / "began")):
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    chance, me = random.Random(5), psutil.Process()
    kinds = sorted(SICK)
    wanted: dict[int, str] = {}
    descriptors = memory = 0
    with Runner(import_paths=[project.root], timeout=_LIMIT) as runner:
        for index in range(count):
            sick = kinds[index // 10 % len(kinds)] if index % 10 == 9 else None
            seed = chance.randrange(3)
            job = make_job(
                name=f"campaign/{index}",
                pipeline=f"pipelines:{sick or 'sound'}",
                checkpoint=None,
                seeds=(seed,),
            )
            outcome = come_to(runner, job)
            if sick is None:
                assert wanted.setdefault(seed, outcome) == outcome
            else:
                assert outcome == SICK[sick], sick
            counts[sick or "sound"] += 1
            # One worker is up then, as at every such moment.
            if index == 18:
                descriptors, memory = me.num_fds(), me.memory_info().rss
            elif index > 18 and index % 10 == 8:
                assert me.num_fds() <= descriptors
                assert me.memory_info().rss - memory < _GROWTH
    assert gone(marker), [psutil.Process(pid).cmdline() for pid in started_with(marker)]
    assert list(Path(temporary).iterdir()) == []
