"""One core per runner: sessions on one machine agree on who pins its worker to which core."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass


@dataclass
class CoreClaim:
    """A core that one runner holds until :meth:`release`; ``shared`` says that another holds it too."""

    core: int | None
    shared: bool
    _lock: socket.socket | None = None

    def release(self) -> None:
        """Give the core back; harmless when repeated. The system does it when the process dies."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def claim_core() -> CoreClaim:
    """Return a core of this process's affinity that no other runner of the machine holds.

    Where all are held, the first is shared: the bits depend on how many cores are visible, not on which
    or how busy. ``core`` is None where the system has no affinity. The claim is a name in Linux's abstract
    socket namespace, which leaves no file behind and ends with its process.
    """
    if not hasattr(os, "sched_getaffinity"):
        return CoreClaim(None, shared=False)
    cores = sorted(os.sched_getaffinity(0))
    for core in cores:
        lock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            lock.bind(f"\0determinism-harness-core-{core}")
        except OSError:
            lock.close()
        else:
            return CoreClaim(core, shared=False, _lock=lock)
    return CoreClaim(cores[0], shared=True)
