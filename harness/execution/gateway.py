"""A process behind an execnet gateway, in a folder of its own; both are gone when it has ended."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import execnet
from execnet import gateway_bootstrap, gateway_io

_SECONDS_TO_END = 1.0
_CHANGE_FOLDER = "import os; os.chdir(channel.receive())"


class WorkerGateway:
    """A process that runs what it is sent; :meth:`end` it, however far :meth:`open` came.

    ``folder`` is a temporary one whose name begins with ``prefix``. The process runs in it: MindSpore leaves
    folders such as rank_0 where it runs. ``process`` is there once it was started.
    """

    def __init__(self, prefix: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=prefix))
        self.process: subprocess.Popen[bytes] | None = None
        self._group = execnet.Group()

    def open(self, python: str) -> Any:
        """Start the interpreter ``python`` and return its gateway.

        Raises OSError or EOFError where it does not start.
        """
        # As execnet's makegateway does it. That keeps the process to itself until it has answered, and so
        # leaves it behind where an interrupt comes before.
        spec = execnet.XSpec(f"popen//python={shlex.quote(python)}")
        self._group.allocate_id(spec)
        spec.execmodel = self._group.remote_execmodel.backend
        channel_io = gateway_io.create_io(spec, execmodel=self._group.execmodel)
        self.process = channel_io.popen
        gateway = gateway_bootstrap.bootstrap(channel_io, spec)
        gateway.spec = spec
        self._group._register(gateway)
        channel = gateway.remote_exec(_CHANGE_FOLDER)
        channel.send(str(self.folder))
        channel.waitclose()
        return gateway

    def end(self) -> None:
        """End the process and remove its folder; harmless when repeated."""
        with suppress(OSError):
            self._group.terminate(timeout=_SECONDS_TO_END)
        if self.process is not None and self.process.poll() is None:
            # Its end closes the pipes and waits for it.
            with suppress(OSError), self.process:
                self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
