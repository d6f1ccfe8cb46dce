"""Runs of one test in fresh processes, whose results are compared with each other."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import sha256
from io import FileIO
from pathlib import Path

from harness.cases.case import Case
from harness.errors import HarnessError, shortened
from harness.execution.in_force import unpinned
from harness.execution.stopping import ENDING, heeding
from harness.foreign_files import ForeignFileError, read_foreign
from harness.measurement.figures import LARGEST_ARRAYS
from harness.measurement.measurement import ArraysError, Measurement
from harness.measurement.sealed import decode_sealed, encode_sealed

RUNS = 2
_LOG_BYTES = 64 << 10

# The number of the reading end of a pipe, and what os.fstat identifies the pipe by.
Lifeline = tuple[int, int, int]


class FreshRunError(HarnessError):
    """A fresh process did not give the result of this one."""


def save_run(folder: Path, case: Case, measured: Measurement) -> None:
    """Save what this process, a fresh one, ``measured`` of ``case``."""
    try:
        data = encode_sealed(measured.arrays, [case.hash(), measured.figures()])
    except (ArraysError, ValueError) as error:
        raise FreshRunError(f"{case.name}: {error}: repair the function") from None
    (folder / _file(case)).write_bytes(data)


def _file(case: Case) -> str:
    # The process may also run other tests, from other files.
    return sha256(f"{case.path}::{case.name}".encode("utf-8", "surrogateescape")).hexdigest()


class FreshRuns:
    """The two runs of one test, made when they are first requested.

    ``command`` returns the command that runs the test, given the folder for its results and the lifeline that
    the run has to :func:`harness.execution.lifeline.hold`. ``timeout`` is the limit for one run, in seconds.
    """

    def __init__(
        self, name: str, command: Callable[[Path, Lifeline], Sequence[str]], cwd: Path, timeout: float
    ) -> None:
        self._name, self._command, self._cwd, self._timeout = name, command, cwd, timeout
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def of(self, case: Case) -> list[Measurement]:
        """Return the measurement of ``case`` from each run.

        Raises :class:`FreshRunError` if a run failed, did not reach the check, or had other inputs or other
        parts.
        """
        if self._folder is None:
            made = tempfile.TemporaryDirectory(prefix="harness-fresh-")
            for number in range(RUNS):
                self._run(Path(made.name) / str(number))
            self._folder = made
        return [self._read(Path(self._folder.name) / str(number), case) for number in range(RUNS)]

    def close(self) -> None:
        """Remove the results of the runs."""
        if self._folder is not None:
            self._folder.cleanup()

    def _read(self, folder: Path, case: Case) -> Measurement:
        try:
            arrays, (case_hash, figures) = decode_sealed(
                read_foreign(folder / _file(case), limit=LARGEST_ARRAYS)
            )
        except (ForeignFileError, ArraysError, ValueError):
            raise FreshRunError(
                f"{case.name}: in a fresh process the test does not come to this check, or it returns other "
                "parts there"
            ) from None
        if case_hash != case.hash():
            raise FreshRunError(
                f"{case.name}: the function has other inputs, or returns other parts, in a fresh process: "
                "give every source of randomness a seed"
            )
        return Measurement.of(figures, arrays)

    def _run(self, folder: Path) -> None:
        folder.mkdir()
        log = folder.with_suffix(".log")
        theirs, ours = os.pipe()
        found = os.fstat(theirs)
        # However this process ends, the system closes its end of the pipe.
        with FileIO(theirs), FileIO(ours, "w"), log.open("wb") as stream, heeding(*ENDING):
            with unpinned():
                process = subprocess.Popen(
                    self._command(folder, (theirs, found.st_dev, found.st_ino)),
                    cwd=self._cwd, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream,
                    start_new_session=True, pass_fds=[theirs],
                )  # fmt: skip
            try:
                code = process.wait(self._timeout)
            except subprocess.TimeoutExpired:
                raise FreshRunError(
                    f"{self._name}: in a fresh process the test takes longer than {self._timeout:g} s "
                    "(--harness-timeout)"
                ) from None
            finally:
                # Processes that the test has started are killed too, so that they hold nothing up.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if code != 0:
            with log.open("rb") as stream:
                stream.seek(max(0, log.stat().st_size - _LOG_BYTES))
                told = shortened(stream.read().decode("utf-8", "replace").strip())
            raise FreshRunError(
                f"{self._name}: the test fails in a fresh process (exit code {code}):\n{told}"
            )
