"""A process behind an execnet gateway, in a folder of its own; both are gone when it has ended."""

from __future__ import annotations

import shlex
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE, Popen
from types import SimpleNamespace
from typing import Any

import execnet
from execnet.gateway_base import ThreadExecModel

_SECONDS_TO_END = 1.0


class _StartedProcesses(ThreadExecModel):  # type: ignore[misc]
    """execnet's threads, and the processes that it started.

    ``Group.makegateway`` keeps a process to itself until it has answered: where an interrupt comes before, no
    one else could end it.
    """

    def __init__(self) -> None:
        self.processes: list[Popen[bytes]] = []

    @property
    def subprocess(self) -> SimpleNamespace:
        return SimpleNamespace(PIPE=PIPE, Popen=self._start)

    def _start(self, *args: Any, **kwargs: Any) -> Popen[bytes]:
        self.processes.append(Popen(*args, **kwargs))
        return self.processes[-1]


class WorkerGateway:
    """A process that runs what it is sent; :meth:`end` it, however far :meth:`open` came.

    ``folder`` is a temporary one whose name begins with ``prefix``. The process runs in it: MindSpore leaves
    folders such as rank_0 where it runs.
    """

    def __init__(self, prefix: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=prefix))
        self._started = _StartedProcesses()
        self._group = execnet.Group(execmodel=self._started)

    @property
    def process(self) -> Popen[bytes] | None:
        """The process, from when it was started on."""
        return self._started.processes[0] if self._started.processes else None

    def open(self, python: str) -> Any:
        """Start the interpreter ``python`` and return its gateway; OSError or EOFError if it does not."""
        return self._group.makegateway(f"popen//python={shlex.quote(python)}//chdir={self.folder}")

    def end(self) -> None:
        """End the process and remove its folder; harmless when repeated."""
        with suppress(OSError):
            self._group.terminate(timeout=_SECONDS_TO_END)
        if self.process is not None and self.process.poll() is None:
            # Its end closes the pipes and waits for it.
            with suppress(OSError), self.process:
                self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
