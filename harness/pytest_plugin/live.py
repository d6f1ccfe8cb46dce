"""The running case in a terminal, with -v: its step, its time, and about how long it still takes.

Other projects load this module, too, so it imports nothing slow.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import HarnessError
from harness.foreign_files import read_foreign
from harness.foreign_text import printable

if TYPE_CHECKING:
    from harness.execution.under_way import UnderWay

_NAME, _FOLDER = "harness-live", "harness_live"
# Interval in seconds at which xdist's workers say how far they are, and what is shown of that is renewed.
_ROUND = 0.3
# Bytes of what a worker says.
_LONGEST = 1000


class LiveLine:
    """Shows text behind what pytest has printed last; under xdist, about all workers.

    The text ends before pytest prints the next word. The cursor stays where it is.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        # While a test runs, pytest captures the output of this process.
        self._terminal = os.dup(sys.stdout.fileno())
        self._shown = ""
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._folder: Path | None = None
        self._thread: threading.Thread | None = None
        # Seconds that the cases that have not ended took last time.
        self._left: dict[str, float] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Look up how long the cases took."""
        found: list[Any] = [item for item in session.items if hasattr(item, "harness_checked")]
        cases = {item.nodeid: item.case for item in found}
        if cases:
            from harness.operations.workers import Workers

            times = Workers(self._config.getoption("harness_device")).expected(list(cases.values()))
            self._left = {name: took for name, took in zip(cases, times, strict=True) if took is not None}

    def watch(self, run: UnderWay) -> None:
        """Show how far the case is that runs in this process, and about what is left of all."""
        from harness.reporting.under_way import left_text, under_way_text

        text = under_way_text(run)
        if len(self._left) > 1:
            everything = sum(self._left.values()) - min(run.seconds, run.expected or 0.0)
            text += f" ({left_text(everything)} of all)"
        self._show(text)

    def folder(self) -> str:
        """Return the folder in which xdist's workers say how far they are, and begin to show that."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="harness-live-"))
            self._thread = threading.Thread(target=self._follow, args=(self._folder,), daemon=True)
            self._thread.start()
        return str(self._folder)

    def _follow(self, folder: Path) -> None:
        while not self._ended.wait(_ROUND):
            told = []
            for file in sorted(folder.glob("gw*")):
                with suppress(HarnessError, ValueError):
                    told.append(f"{file.name} {printable(read_foreign(file, limit=_LONGEST).decode())}")
            reporter = self._config.pluginmanager.getplugin("terminalreporter")
            if told and reporter is not None:
                with self._lock:
                    reporter.ensure_newline()
                    self._show("; ".join(told))

    def _show(self, text: str) -> None:
        if text == self._shown:
            return
        terminal = getattr(self._config.pluginmanager.getplugin("terminalreporter"), "_tw", None)
        if terminal is None:
            return  # it was left out, and somebody else prints
        room = terminal.fullwidth - terminal.width_of_current_line - 1
        self._write(f"\x1b7\x1b[K{text[: max(room, 0)]}\x1b8")
        self._shown = text

    def _clear(self) -> None:
        if self._shown:
            self._write("\x1b[K")
            self._shown = ""

    def _write(self, text: str) -> None:
        with suppress(OSError):
            os.write(self._terminal, text.encode(errors="replace"))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logstart(self) -> Generator[None, Any, Any]:
        """Take the text away while pytest prints."""
        with self._lock:
            self._clear()
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logfinish(self) -> Generator[None, Any, Any]:
        """Do the same."""
        with self._lock:
            self._clear()
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None, Any, Any]:
        """Do the same; the case has ended."""
        self._left.pop(report.nodeid, None)
        if self._folder is not None and hasattr(report, "node"):
            (self._folder / report.node.gateway.id).unlink(missing_ok=True)
        with self._lock:
            self._clear()
            return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """End."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._clear()

    def pytest_unconfigure(self) -> None:
        """Give the terminal back."""
        os.close(self._terminal)


def show_live(config: pytest.Config) -> None:
    """Show the running case if this is a run with -v in a terminal."""
    with suppress(OSError, ValueError, AttributeError):  # a stdout of another kind
        if config.option.verbose > 0 and os.isatty(sys.stdout.fileno()):
            config.pluginmanager.register(LiveLine(config), _NAME)


def tell_worker(node: Any) -> None:
    """Tell a worker of xdist where to say how far it is, if that is shown."""
    if (live := node.config.pluginmanager.getplugin(_NAME)) is not None:
        node.workerinput[_FOLDER] = live.folder()


def watcher_of(config: pytest.Config) -> Callable[[UnderWay], None] | None:
    """Return what is to be told how far a case is; None if nobody asks."""
    if (live := config.pluginmanager.getplugin(_NAME)) is not None:
        watch: Callable[[UnderWay], None] = live.watch
        return watch
    given = getattr(config, "workerinput", {})
    return _teller(Path(given[_FOLDER], given["workerid"])) if _FOLDER in given else None


def _teller(file: Path) -> Callable[[UnderWay], None]:
    told = 0.0

    def tell(run: UnderWay) -> None:
        nonlocal told
        if time.monotonic() - told < _ROUND:
            return
        told = time.monotonic()
        from harness.reporting.under_way import under_way_text

        # On another host there is no such folder.
        with suppress(OSError):
            new = file.with_name(f".{file.name}")
            new.write_text(f"{run.name} {under_way_text(run)}")
            new.replace(file)

    return tell
