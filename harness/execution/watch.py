"""The limits on a running worker, checked from outside: memory, and the disk space of its log.

The system's own memory limits do not work here: MindSpore reserves gigabytes of address space, and if
``RLIMIT_DATA`` refuses some of it, its C++ code ends the process without a message.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from harness.errors import FailureCause, HarnessError, UsageError
from harness.execution.proc import PROC, tells_of_this_process
from harness.foreign_files import size_text

_LARGEST_LOG = 64 << 20
# How much of a log is shown, and how much of it is read for that.
_LINES, _WIDTH, _TAIL = 30, 300, 64 << 10


class WorkerOutOfMemory(HarnessError):
    """The worker took more memory than allowed and was killed."""

    cause = FailureCause.OUT_OF_MEMORY


class Watch:
    """Watches one worker; its log is the new file ``log``, and it may take ``memory`` bytes.

    The log is kept open until :meth:`close`, so that anything a case puts in its place, such as a FIFO, is
    never opened. Raises :class:`UsageError` if memory is limited on a system that does not report how much a
    process takes.
    """

    def __init__(self, log: Path, memory: int | None) -> None:
        if memory is not None and not tells_of_this_process(PROC):
            raise UsageError(
                "--worker-memory needs /proc to measure a worker's memory, and here it does not show this "
                "process's own workers"
            )
        self._log = log.open("ab+", buffering=0)
        self._memory = memory
        self._earlier = b""
        self._exceeded = False

    def look(self, pid: int) -> None:
        """Check the worker ``pid``; raises :class:`WorkerOutOfMemory` if it takes too much."""
        with suppress(OSError, ValueError):  # a pool that is ending closes it meanwhile
            if self._log.seek(0, os.SEEK_END) > _LARGEST_LOG:
                # The worker appends to the log and continues at its new end.
                self._earlier = self._end_of_log()
                self._log.truncate(0)
        if self._memory is None:
            return
        taken = memory_of(pid)
        # Checked twice: between fork and exec, a process briefly has all the memory of its parent.
        exceeded, self._exceeded = self._exceeded, taken > self._memory
        if exceeded and self._exceeded:
            raise WorkerOutOfMemory(
                f"its worker used {size_text(taken)} of memory and was killed; the limit is "
                f"{size_text(self._memory)} (pytest --harness-worker-memory, harness record --worker-memory)"
            )

    def log_text(self) -> str:
        """Return the end of the log on lines of its own; '' if nothing was printed."""
        end = b""
        with suppress(OSError, ValueError):
            end = self._end_of_log()
        lines = (self._earlier + end)[-_TAIL:].decode(errors="replace").splitlines()[-_LINES:]
        if not lines:
            return ""
        lost = ""
        if self._earlier:
            lost = f" (it had more than {size_text(_LARGEST_LOG)}, and lost its beginning)"
        return "\n".join([f"\nthe end of its log{lost}:", *(f"    {line[:_WIDTH]}" for line in lines)])

    def _end_of_log(self) -> bytes:
        self._log.seek(max(0, self._log.seek(0, os.SEEK_END) - _TAIL))
        return self._log.read(_TAIL)

    def close(self) -> None:
        """Close the log; may be called repeatedly."""
        self._log.close()


def memory_of(pid: int) -> int:
    """Return the bytes of memory that a process and all it started take; shared memory counts once."""
    family = [pid]
    for each in family:
        family += _children(each)
    if len(family) > 1:
        return sum(map(_proportional, family))
    with suppress(OSError, ValueError, IndexError):
        return int((PROC / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _children(pid: int) -> Iterator[int]:
    with suppress(OSError):
        for thread in (PROC / str(pid) / "task").iterdir():
            yield from map(int, (thread / "children").read_text().split())


def _proportional(pid: int) -> int:
    with suppress(OSError):
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) << 10
    return 0
