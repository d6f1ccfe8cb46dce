"""A process behind an execnet gateway, with its own folder and session; ending it leaves nothing behind."""

from __future__ import annotations

import os
import shlex
import signal
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from io import FileIO
from pathlib import Path
from subprocess import PIPE, Popen
from tempfile import TemporaryDirectory
from types import MappingProxyType, SimpleNamespace
from typing import Any

import execnet
from execnet.gateway_base import ThreadExecModel

_SECONDS_TO_START = 120.0
_SECONDS_TO_END = 1.0
# Interval in seconds between two checks whether a process has ended.
_ROUND = 0.01


class _StartedProcesses(ThreadExecModel):  # type: ignore[misc]
    """execnet's threads, and the processes that it started, each in a session of its own.

    ``Group.makegateway`` does not hand out a process before it has answered: after an interrupt during that
    time, nothing else could end the process. A process inherits ``lifeline``, and has ``variables`` besides
    this process's environment.
    """

    def __init__(self, lifeline: int, variables: Mapping[str, str]) -> None:
        self.processes: list[Popen[bytes]] = []
        self._lifeline, self._variables = lifeline, dict(variables)

    @property
    def subprocess(self) -> SimpleNamespace:
        return SimpleNamespace(PIPE=PIPE, Popen=self._start)

    def _start(self, *args: Any, **kwargs: Any) -> Popen[bytes]:
        kwargs.update(start_new_session=True, pass_fds=(self._lifeline,))
        if self._variables:
            kwargs["env"] = {**os.environ, **self._variables}
        self.processes.append(Popen(*args, **kwargs))
        return self.processes[-1]


class WorkerGateway:
    """A process that runs what it is sent; call :meth:`end` even if :meth:`open` failed halfway.

    ``folder`` is a temporary folder whose name begins with ``prefix``. The process runs in it, because
    MindSpore leaves folders such as rank_0 in its working directory. ``lifeline`` is a pipe whose reading end
    the process inherits (:mod:`harness.execution.lifeline`), given as its number and what :func:`os.fstat`
    identifies it by. The process gets ``variables`` besides this process's environment.
    """

    def __init__(self, prefix: str, variables: Mapping[str, str] = MappingProxyType({})) -> None:
        self._temporary = TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)
        self.folder = Path(self._temporary.name)
        theirs, ours = os.pipe()
        self._ends = (FileIO(theirs), FileIO(ours, "w"))
        self.lifeline = (theirs, os.fstat(theirs).st_dev, os.fstat(theirs).st_ino)
        self._started = _StartedProcesses(theirs, variables)
        self._group = execnet.Group(execmodel=self._started)

    @property
    def process(self) -> Popen[bytes] | None:
        """The process; it exists as soon as it has been started."""
        return self._started.processes[0] if self._started.processes else None

    def open(self, python: str) -> Any:
        """Start the interpreter ``python`` and return its gateway; OSError or EOFError if that fails."""
        # Nothing else limits the wait for the first answer.
        impatient = threading.Timer(_SECONDS_TO_START, self._kill)
        impatient.daemon = True
        impatient.start()
        try:
            # Code runs in the main thread, because only there can a case set signal handlers. Otherwise
            # another thread may take the second thing that is sent, and the first is chdir.
            where = f"chdir={self.folder}//execmodel=main_thread_only"
            return self._group.makegateway(f"popen//python={shlex.quote(python)}//{where}")
        finally:
            impatient.cancel()

    def ended(self) -> bool:
        """Return whether the process has ended. Its number is not reused before it is waited for."""
        if self.process is None or self.process.returncode is not None:
            return True
        with suppress(ChildProcessError):
            return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        return True

    def ending(self, seconds: float) -> int | None:
        """Give the process ``seconds`` to end, then kill it and everything that it started.

        Returns its exit status, which is negative for a signal, or None if it had to be killed.
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
        # Once the process has been waited for, its number may belong to another one.
        if self.process is not None and self.process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def end(self, *, at_once: bool = False) -> None:
        """End the process and everything that it started, and remove its folder; may be called repeatedly."""
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
            # No execnet thread reads from it, so nothing else closes its pipes.
            with suppress(OSError), self.process:
                pass
        self._temporary.cleanup()
