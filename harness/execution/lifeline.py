"""The lifeline: a pipe that nothing is written to, and whose end ends a worker and all that it started.

When the other end of a pipe is closed, Linux can send a signal to a whole group of processes; and it closes
that end itself, however the runner ends. No lock of Python's is needed, so what is stuck in C++ ends, too.
Unlike ``PR_SET_PDEATHSIG`` this reaches children, works behind a wrapper script, and does not strike when
only the thread ends that started the worker. Imports Python's standard library alone.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import sys
from contextlib import suppress

# <linux/fcntl.h>; Python names it from 3.12 on.
_F_SETSIG = 10


def hold(number: int, device: int, inode: int) -> None:
    """Let this process and its group be killed when the other end of a pipe is closed.

    ``number`` is that of the descriptor, and the others identify the pipe: a wrapper script may have closed
    it, and another file may have its number. Nothing is done then.
    """
    with suppress(OSError):
        found = os.fstat(number)
        if sys.platform != "linux" or (found.st_dev, found.st_ino) != (device, inode):
            return
        # A group whose leader is in another namespace has no number here.
        fcntl.fcntl(number, fcntl.F_SETOWN, -os.getpgrp() or os.getpid())
        fcntl.fcntl(number, _F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(number, fcntl.F_SETFL, fcntl.fcntl(number, fcntl.F_GETFL) | os.O_ASYNC)
        if select.select([number], [], [], 0)[0]:  # it was closed before
            os.kill(os.getpid(), signal.SIGKILL)
