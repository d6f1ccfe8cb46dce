"""The conditions of a run: they hold while it runs, in its process, and leave nothing behind."""

import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from samples import make_job

from harness.cases.job import Conditions
from harness.execution.conditions import _fragmented
from harness.execution.gateway import WorkerGateway
from harness.execution.messages import Context
from harness.execution.runner import Runner

# In a process of its own: that of the tests may have been pinned by another test.
MOVING = """
import os, threading
from pathlib import Path
from harness.cases.job import Conditions
from harness.execution.conditions import under
from harness.execution.profile import Profile

os.sched_setaffinity(0, {0, 1})
done = threading.Event()
threading.Thread(target=done.wait, daemon=True).start()

def cores():
    return [sorted(os.sched_getaffinity(int(each.name))) for each in Path("/proc/self/task").iterdir()]

print(cores())
with under(Conditions(core=1), Profile(core=0)):
    print(cores())
print(cores())
try:
    with under(Conditions(core=1), Profile(core=0)):
        raise ZeroDivisionError
except ZeroDivisionError:
    print(cores())
with under(Conditions(core=0), Profile(core=0)):
    print(cores())

"""


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="this machine has one core only")
def test_every_thread_moves_to_the_other_core_and_back() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MOVING], capture_output=True, text=True, check=True, timeout=120
    )
    both, other = "[[0, 1], [0, 1]]", "[[1], [1]]"
    assert done.stdout.split("\n")[:-1] == [both, other, both, both, both]


def test_a_worker_gets_variables_of_its_own() -> None:
    gateway = WorkerGateway("harness-test-", {"HARNESS_SOAK_PADDING": "x" * 50_000, "PYTHONHASHSEED": "7"})
    try:
        channel = gateway.open(sys.executable).remote_exec(
            "import os; channel.send((len(os.environ['HARNESS_SOAK_PADDING']), hash('a')))"
        )
        told = channel.receive(60)
    finally:
        gateway.end(at_once=True)
    again = subprocess.run(
        [sys.executable, "-c", "print(hash('a'))"],
        env={**os.environ, "PYTHONHASHSEED": "7"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told == (50_000, int(again.stdout))
    assert "HARNESS_SOAK_PADDING" not in os.environ


def test_what_is_of_a_whole_process_makes_a_context_of_its_own() -> None:
    plain = Context.of(make_job())
    assert Context.of(make_job(conditions=Conditions(blocks=(99,), core=0))) == plain
    for other in (Conditions(variables={"A": "b"}), Conditions(asynchronous=True)):
        assert Context.of(make_job(conditions=other)) != plain


def test_a_run_under_any_conditions_has_the_bits_of_the_measured_one() -> None:
    job, core = make_job(), max(os.sched_getaffinity(0))
    with Runner(timeout=300) as runner:
        first = runner.run(job)
        measured, measured_under = first.call_bits, first.fingerprint["profile"]
        own = Conditions(variables={"PYTHONHASHSEED": "5", "LC_ALL": "C"}, asynchronous=True)
        for conditions in (Conditions(), Conditions(blocks=(1001, 77, 500_001)), Conditions(core=core), own):
            asked = job.for_bits(conditions)
            bits, before = runner.bits(asked.alone() if conditions == own else asked)
            assert measured.difference(bits) is None
            assert before == (None if conditions == own else job.name)
        # MindSpore cannot be asked, so the profile says what was applied.
        launched = runner.run(replace(job, conditions=own).alone()).fingerprint["profile"]
        assert launched == measured_under.replace("blocking launches", "asynchronous launches")
        # It is no hash of something else.
        other, _ = runner.bits(make_job(seeds=(1,)).for_bits(Conditions()))
        assert measured.difference(other).part == "draw"


def test_every_second_block_is_given_back(mindspore: Any) -> None:
    held = _fragmented((1001, 77, 5001, 400))
    assert [len(heap) for _, heap, _ in held] == [1001, 5001]
    assert [tensor.size for _, _, tensor in held] == [250, 1250]
    assert isinstance(held[0][2], mindspore.Tensor)
    assert _fragmented(()) == []
