"""Where the cases of a call run, how it reports progress, and how it fails."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console

from harness.baselines.store import BaselineStore
from harness.errors import HarnessError, Interrupted, UsageError
from harness.foreign_text import LINES, printable
from harness.operations.progress import Progress
from harness.operations.workers import Workers
from harness.reporting.commands import Invocation, error_text

_DEVICES = ("CPU", "Ascend", "CUDA")
# The bounds that the options of the commands have.
_NUMBERS, _NPUS, _PROCESSES = (0.001, 1e6), (0, 2**31), (1, 64)


@dataclass(frozen=True)
class Place:
    """Where cases run, and the store of their baselines. ``invocation`` spells both in suggested commands."""

    workers: Workers
    store: BaselineStore
    invocation: Invocation

    @classmethod
    def of(
        cls,
        baseline_dir: str | os.PathLike[str],
        device: str,
        device_id: int,
        python: str | os.PathLike[str] | None,
        timeout: float,
        worker_memory: float | None,
        user_code: bool,
        processes: int = 1,
        *,
        baselines_needed: bool = False,
    ) -> Place:
        """Return the place that these arguments describe; raise :class:`UsageError` for invalid ones.

        A user's pipelines are found in the current folder. ``worker_memory`` is in GiB.
        """
        if device not in _DEVICES:
            raise UsageError(f"device={device!r}: give one of {', '.join(_DEVICES)}")
        check_number("device_id", device_id, *_NPUS, whole=True)
        check_number("timeout", timeout, *_NUMBERS)
        check_number("processes", processes, *_PROCESSES, whole=True)
        if worker_memory is not None:
            check_number("worker_memory", worker_memory, *_NUMBERS)
        root = Path(baseline_dir)
        if baselines_needed and not root.is_dir():
            raise UsageError(f"baseline_dir={os.fspath(root)!r}: no such folder; harness.record makes it")
        memory = None if worker_memory is None else int(worker_memory * 2**30)
        interpreter = None if python is None else os.fspath(python)
        workers = Workers(
            device, device_id, interpreter, timeout, processes, (Path.cwd(),), user_code, memory
        )
        invocation = Invocation(str(root), device, device_id, interpreter, user_code)
        return cls(workers, BaselineStore(root), invocation)


def check_number(name: str, value: float, least: float, most: float, *, whole: bool = False) -> None:
    """Raise :class:`UsageError` unless the argument ``name`` is a (``whole``) number in these bounds."""
    number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    # Not the other way round: nan is neither.
    if not number or not least <= value <= most:
        kind = "whole number" if whole else "number"
        raise UsageError(f"{name}={value!r}: give a {kind} from {least:g} to {most:g}")


def transcript() -> Console:
    """Return a console that prints what a command does, into the text of :func:`printed`."""
    return Console(file=StringIO(), force_terminal=False, force_jupyter=False, color_system=None, width=200)


def printed(console: Console) -> str:
    """Return what was printed on the console of a :func:`transcript`."""
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().strip("\n")


@dataclass(frozen=True)
class Both(Progress[Any]):
    """Forwards progress to several receivers."""

    others: Sequence[Progress[Any]]

    def begin(self, doing: str, runs: int) -> None:
        """Forward the start of a stage."""
        for each in self.others:
            each.begin(doing, runs)

    def preparing(self, what: str) -> None:
        """Forward what is done before the next run."""
        for each in self.others:
            each.preparing(what)

    def started(self, name: str) -> None:
        """Forward which case runs."""
        for each in self.others:
            each.started(name)

    def advanced(self, done: int) -> None:
        """Forward the number of finished runs."""
        for each in self.others:
            each.advanced(done)

    def finished(self, result: Any) -> None:
        """Forward the result of a case or a stage."""
        for each in self.others:
            each.finished(result)

    def end(self) -> None:
        """Forward the end of the stage."""
        for each in self.others:
            each.end()


@contextmanager
def speaking(invocation: Invocation = Invocation()) -> Iterator[None]:  # noqa: B008
    """Give errors of the body the text that a command prints, and turn Ctrl-C into KeyboardInterrupt."""
    try:
        yield
    except HarnessError as error:
        error.args, error.about = (printable(error_text(error, invocation), LINES),), ()
        raise
    except Interrupted as interrupted:
        raise KeyboardInterrupt(str(interrupted)) from None
