"""Runners on one machine hold different cores, as long as there are enough."""

import os
import subprocess
import sys

from harness.execution.profile import claim_core

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
