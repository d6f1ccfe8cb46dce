"""What campaigns share: how often they try, and how a process is killed at a random moment."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from statistics import median

import psutil
import pytest


def tries(few: int, many: int) -> pytest.MarkDecorator:
    """Parametrize ``count``: a few tries in every run of the tests, many in the nightly's."""
    return pytest.mark.parametrize("count", [few, pytest.param(many, marks=pytest.mark.slow)])


def in_a_child(action: Callable[[], object]) -> int:
    """Run ``action`` in a forked process; return its number."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        action()
        code = 0
    finally:
        os._exit(code)


def seconds_of(action: Callable[[], object]) -> float:
    """Return how long ``action`` takes in a forked process that nothing ends."""
    taken = []
    for _ in range(3):
        started = time.perf_counter()
        _, status = os.waitpid(in_a_child(action), 0)
        assert os.waitstatus_to_exitcode(status) == 0
        taken.append(time.perf_counter() - started)
    return median(taken)


def killed(
    action: Callable[[], object], seconds: float, moments: random.Random, counts: Counter[str]
) -> None:
    """Run ``action``, which takes about ``seconds``, in a forked process and kill it at a random moment."""
    child = in_a_child(action)
    time.sleep(moments.uniform(0, 1.1 * seconds))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    counts["killed" if os.WIFSIGNALED(status) else "over before"] += 1


def started_with(marker: str) -> list[int]:
    """The processes whose environment has ``TEST_CAMPAIGN=marker``, but for this one."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get("TEST_CAMPAIGN") == marker:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def gone(marker: str) -> bool:
    """Whether all such processes have ended within a moment."""
    for _ in range(50):
        if not started_with(marker):
            return True
        time.sleep(0.1)
    return False
