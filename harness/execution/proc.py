"""The system's own account of processes, in `/proc`."""

from __future__ import annotations

import os
from pathlib import Path

PROC = Path("/proc")


def tells_of_this_process(proc: Path = PROC) -> bool:
    """Return whether ``proc`` numbers processes as this process does.

    It is absent on other systems than Linux, and in a container it may still be the host's, where the same
    number is another process.
    """
    try:
        return (proc / "self").readlink() == Path(str(os.getpid()))
    except OSError:
        return False
