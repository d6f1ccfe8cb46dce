"""A neighbour that keeps a core busy."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Ends by itself when this process is gone, since its input then ends.
_SPIN = """
import os, sys, threading
if len(sys.argv) > 1:
    os.sched_setaffinity(0, {int(sys.argv[1])})
threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start()
print("", flush=True)
while True:
    pass
"""


@contextmanager
def busy(core: int | None) -> Iterator[None]:
    """Keep ``core`` busy, or any core, while what is inside runs."""
    where = [] if core is None else [str(core)]
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _SPIN, *where], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield
    finally:
        process.kill()
        process.communicate()
