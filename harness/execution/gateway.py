"""A process behind an execnet gateway, in a folder and a session of its own; its end leaves none of them."""

from __future__ import annotations

import os
import shlex
import signal
import threading
import time
from contextlib import suppress
from io import FileIO
from pathlib import Path
from subprocess import PIPE, Popen
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import execnet
from execnet.gateway_base import ThreadExecModel

_SECONDS_TO_START = 120.0
_SECONDS_TO_END = 1.0
# Between two looks at whether a process has ended.
_ROUND = 0.01


class _StartedProcesses(ThreadExecModel):  # type: ignore[misc]
    """execnet's threads, and the processes that it started, each in a session of its own.

    ``Group.makegateway`` keeps a process to itself until it has answered: where an interrupt comes before, no
    one else could end it. A process inherits ``lifeline``.
    """

    def __init__(self, lifeline: int) -> None:
        self.processes: list[Popen[bytes]] = []
        self._lifeline = lifeline

    @property
    def subprocess(self) -> SimpleNamespace:
        return SimpleNamespace(PIPE=PIPE, Popen=self._start)

    def _start(self, *args: Any, **kwargs: Any) -> Popen[bytes]:
        kwargs.update(start_new_session=True, pass_fds=(self._lifeline,))
        self.processes.append(Popen(*args, **kwargs))
        return self.processes[-1]


class WorkerGateway:
    """A process that runs what it is sent; :meth:`end` it, however far :meth:`open` came.

    ``folder`` is a temporary one whose name begins with ``prefix``. The process runs in it: MindSpore leaves
    folders such as rank_0 where it runs. ``lifeline`` is a pipe that the process inherits the reading end of
    (:mod:`harness.execution.lifeline`), as its number and what :func:`os.fstat` identifies it by.
    """

    def __init__(self, prefix: str) -> None:
        self._temporary = TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)
        self.folder = Path(self._temporary.name)
        theirs, ours = os.pipe()
        self._ends = (FileIO(theirs), FileIO(ours, "w"))
        self.lifeline = (theirs, os.fstat(theirs).st_dev, os.fstat(theirs).st_ino)
        self._started = _StartedProcesses(theirs)
        self._group = execnet.Group(execmodel=self._started)

    @property
    def process(self) -> Popen[bytes] | None:
        """The process, from when it was started on."""
        return self._started.processes[0] if self._started.processes else None

    def open(self, python: str) -> Any:
        """Start the interpreter ``python`` and return its gateway; OSError or EOFError if it does not."""
        # Nothing else bounds the wait for the first answer.
        impatient = threading.Timer(_SECONDS_TO_START, self._kill)
        impatient.daemon = True
        impatient.start()
        try:
            # Its main thread, or signals are not a case's to set: another one may take the second thing that
            # it is sent otherwise, and the first is chdir.
            where = f"chdir={self.folder}//execmodel=main_thread_only"
            return self._group.makegateway(f"popen//python={shlex.quote(python)}//{where}")
        finally:
            impatient.cancel()

    def ended(self) -> bool:
        """Tell whether the process has ended. Its number stays its own: nobody has waited for it yet."""
        if self.process is None or self.process.returncode is not None:
            return True
        with suppress(ChildProcessError):
            return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        return True

    def ending(self, seconds: float) -> int | None:
        """Give the process ``seconds`` to end, then kill it and what it started.

        Returns its exit status, below 0 for a signal, and None where it had to be killed.
        """
        if self.process is None:
            return None
        deadline = time.monotonic() + seconds
        while not (ended := self.ended()) and time.monotonic() < deadline:
            time.sleep(_ROUND)
        self._kill()
        code = self.process.wait()
        return code if ended else None

    def _kill(self) -> None:
        # Once the process was waited for, its number may be another one's.
        if self.process is not None and self.process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def end(self, *, at_once: bool = False) -> None:
        """End the process and what it started, and remove its folder; harmless when repeated."""
        opened = list(self._group)
        for gateway in () if at_once else opened:
            with suppress(OSError):
                gateway.exit()
        self.ending(0 if at_once else _SECONDS_TO_END)
        for end in self._ends:
            end.close()
        with suppress(OSError):
            self._group.terminate(timeout=_SECONDS_TO_END)
        if not opened and self.process is not None:
            # No thread of execnet's reads from it, and would close its pipes.
            with suppress(OSError), self.process:
                pass
        self._temporary.cleanup()
