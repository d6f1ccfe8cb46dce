"""The lifeline: a pipe that carries no data; when it closes, a worker and all it started are killed.

When the other end of a pipe is closed, Linux can send a signal to a whole process group, and it closes that
end itself however the runner ends. This needs none of Python's locks, so code that hangs in C++ is killed
too. Unlike ``PR_SET_PDEATHSIG``, it reaches children, works behind a wrapper script, and does not fire when
only the thread that started the worker ends. Imports only Python's standard library.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import sys
from contextlib import suppress

# <linux/fcntl.h>; Python has the name since 3.12.
_F_SETSIG = 10


def hold(number: int, device: int, inode: int) -> None:
    """Have this process and its group killed when the other end of a pipe is closed.

    ``number`` is the pipe's descriptor; the other arguments identify the pipe, because a wrapper script may
    have closed it, and its number may now belong to another file. In that case nothing is done.
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
