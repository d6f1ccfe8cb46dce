"""The conditions of one run in a worker that do not need a process of their own: its memory and its core.

None of them should matter. Afterwards everything is as it was before.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

from harness.cases.job import Conditions
from harness.execution.proc import PROC
from harness.execution.profile import Profile
from harness.frameworks.framework import current


@contextmanager
def under(conditions: Conditions, profile: Profile) -> Iterator[None]:
    """Run what is inside under ``conditions``, in a worker with this ``profile``.

    Raises :class:`OSError` for a core that this process may not run on.
    """
    core = conditions.core
    with nullcontext() if core is None or core == profile.core else _on_core(core):
        held = _fragmented(conditions.blocks)
        yield
        del held


def _fragmented(blocks: Sequence[int]) -> list[Any]:
    """Take a block of each size in turn and give every second one back; return the others.

    What is allocated next comes to lie in the gaps, or behind them. Each size is taken from the heap and from
    the framework's own memory, which gives an operator's result its place.
    """
    if not blocks:
        return []
    import numpy as np

    taken = []
    for size in blocks:
        values = np.zeros(max(size // 4, 1), np.float32)
        taken.append((values, bytearray(size), current().tensor_of(values) + 1.0))
    return taken[::2]


@contextmanager
def _on_core(core: int) -> Iterator[None]:
    """Move every thread of this process to ``core``."""
    threads = _threads()
    before = {thread: os.sched_getaffinity(thread) for thread in threads}
    try:
        for thread in threads:
            os.sched_setaffinity(thread, {core})
        yield
    finally:
        # A thread that the case started has the affinity of the one that started it.
        own = before[os.getpid()]
        for thread in _threads():
            with suppress(ProcessLookupError):
                os.sched_setaffinity(thread, before.get(thread, own))


def _threads() -> list[int]:
    return sorted(int(each.name) for each in (PROC / "self/task").iterdir())
