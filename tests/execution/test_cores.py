"""Runners on one machine hold different cores, as long as there are enough."""

import os
import subprocess
import sys

import pytest

from harness.execution.profile import claim_core
from harness.execution.runner import Runner
from harness.operations.workers import Workers

CLAIM = """
from harness.execution.profile import claim_core
claim = claim_core()
print(claim.core, claim.shared, flush=True)
input()
"""


def test_two_processes_hold_two_cores_and_a_dead_one_none():
    cores = len(os.sched_getaffinity(0))
    held = []
    try:
        for _ in range(cores + 1):
            process = subprocess.Popen(
                [sys.executable, "-c", CLAIM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            held.append(process)
        claims = [process.stdout.readline().split() for process in held]
    finally:
        for process in held:
            process.kill()
            process.communicate()
    unshared = [core for core, shared in claims if shared == "False"]
    assert len(set(unshared)) == len(unshared) <= cores
    assert any(shared == "True" for _, shared in claims)


def test_a_released_core_can_be_claimed_again():
    first = claim_core()
    first.release()
    first.release()
    second = claim_core()
    assert (second.core, second.shared) == (first.core, first.shared)
    second.release()


@pytest.mark.usefixtures("all_cores")
@pytest.mark.parametrize("number", range(1, len(os.sched_getaffinity(0)) + 1))
def test_a_worker_sees_as_many_cores_as_it_is_to(number):
    with Workers(cores=number).runner() as runner:
        assert runner.describe().fingerprint["cores"] == str(number)
        assert (runner.profile.core is None) == (number > 1)


def test_cores_are_for_workers_that_are_not_pinned():
    ours = sorted(os.sched_getaffinity(0))
    with Runner(cores=1) as pinned, Runner(pinned=False, cores=1) as one, Runner(pinned=False) as free:
        assert (pinned.profile.cores, one.profile.cores, free.profile.cores) == ((), (ours[0],), ())
        assert one.describe().fingerprint["cores"] == "1"
