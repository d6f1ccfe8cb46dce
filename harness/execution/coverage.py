"""Which of mindone's pipeline classes run on a device: each is tried in a worker process, one after another.

A class that crashes or hangs ends its worker, not the report: the next one gets a fresh worker.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import execnet

import harness
from harness.errors import UsageError
from harness.execution.bootstrap import LOAD_HARNESS
from harness.execution.cores import claim_core
from harness.execution.gateway import WorkerGateway
from harness.execution.profile import Profile
from harness.execution.runner import RunError, interpreter

# mindone's import alone takes a quarter of a minute on one core.
_START_TIMEOUT = 300.0

_SERVE = """
sys.path[:] = [entry for entry in sys.path if entry]
from harness.execution.coverage_worker import serve
serve(channel, settings)
"""
_BOOTSTRAP = LOAD_HARNESS + _SERVE

Outcome = Literal["runs", "kernel", "package", "fails", "crashes", "hangs", "unknown"]


@dataclass(frozen=True)
class Row:
    """What became of one pipeline class; ``detail`` says which kernel, which package, or why it failed."""

    name: str
    outcome: Outcome
    detail: str = ""
    shape: tuple[int, ...] = ()
    repeats: bool | None = None
    sha256: str | None = None
    kernels: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Coverage:
    """What became of each pipeline class on ``device``, with the versions that decide it."""

    device: str
    mindspore: str
    mindone: str
    rows: tuple[Row, ...]

    def count(self, outcome: Outcome) -> int:
        """Return how many classes ended so."""
        return sum(row.outcome == outcome for row in self.rows)


def examine_pipelines(
    patterns: Sequence[str] = (),
    *,
    python: str | None = None,
    device: str = "CPU",
    device_id: int = 0,
    timeout: float = 300.0,
    progress: Callable[[Row], None] = lambda _: None,
) -> Coverage:
    """Try mindone's pipeline classes, all of them or those whose names hold one of ``patterns``.

    Case does not matter in patterns, and one that is a class's whole name means that class alone. ``timeout``
    are the seconds that one class may take; ``progress`` is called with each row as it is known. Raises
    :class:`RunError` where no worker starts, with the command to install mindone where it is missing, and
    :class:`UsageError` for a pattern that no class matches.
    """
    claim = claim_core()
    profile = Profile(device=device, device_id=device_id, core=claim.core)
    try:
        worker = _Worker(interpreter(python), profile, timeout)
        opening = worker.opening
        rows = []
        try:
            for name in _chosen(opening["classes"], patterns):
                if not worker.alive:
                    worker = _Worker(interpreter(python), profile, timeout)
                rows.append(worker.examine(name))
                progress(rows[-1])
        finally:
            worker.close()
    finally:
        claim.release()
    return Coverage(device, opening["mindspore"], opening["mindone"], tuple(rows))


def _chosen(names: Sequence[str], patterns: Sequence[str]) -> list[str]:
    chosen: set[str] = set() if patterns else set(names)
    for pattern in patterns:
        exact = {name for name in names if name.lower() == pattern.lower()}
        found = exact or {name for name in names if pattern.lower() in name.lower()}
        if not found:
            close = difflib.get_close_matches(pattern, names, n=3)
            like = f"; the nearest: {', '.join(close)}" if close else ""
            raise UsageError(f"mindone has no pipeline class with {pattern!r} in its name{like}")
        chosen |= found
    return [name for name in names if name in chosen]


class _Worker:
    """One worker process behind its gateway; it has answered the opening when it is made."""

    def __init__(self, python: str, profile: Profile, timeout: float) -> None:
        self._timeout = timeout
        self._gateway = WorkerGateway("harness-coverage-")
        self._log = self._gateway.folder / "worker.log"
        self._ended: type[Exception] = execnet.gateway_base.Channel.TimeoutError
        self.alive = True
        settings = {"profile": profile.to_wire(), "limit": timeout, "log": str(self._log)}
        try:
            self._channel = self._gateway.open(python).remote_exec(_BOOTSTRAP)
            self._channel.send((str(Path(harness.__file__).parent), settings))
            kind, answer = self._channel.receive(timeout=_START_TIMEOUT)
        except (OSError, EOFError, self._ended, execnet.RemoteError) as error:
            self.close()
            raise RunError(f"{python}: the worker did not start: {error}") from None
        except BaseException:
            self.close()
            raise
        if kind == "error":
            self.close()
            raise RunError(str(answer))
        self.opening: dict[str, Any] = answer

    def examine(self, name: str) -> Row:
        """Return the row of the class ``name``; the worker is no longer alive if it crashed or hung."""
        try:
            self._channel.send(name)
            _, row = self._channel.receive(timeout=self._timeout)
        except self._ended:
            self.close()
            return Row(name, "hangs", f"no result after {self._timeout:g} s")
        except (EOFError, OSError, execnet.RemoteError) as error:
            detail = self._last_words() or " ".join(str(error).split()) or "its process ended"
            self.close()
            return Row(name, "crashes", detail)
        return Row(**{**row, "shape": tuple(row.get("shape", ()))})

    def close(self) -> None:
        """End the process; harmless when repeated."""
        self.alive = False
        self._gateway.end()

    def _last_words(self) -> str:
        """Return the last line of the log that is not blank."""
        with suppress(OSError):
            lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
            return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "")
        return ""
