"""What the commands make of the options that they share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.cases.case import Case
from harness.cases.selection import without_expected_failures
from harness.commands.exits import FAILED, end
from harness.errors import HarnessError, UsageError
from harness.operations.destination import check_destination
from harness.operations.history_run import RunHistory
from harness.operations.workers import Workers
from harness.reporting.commands import Invocation, error_text
from harness.reporting.history_report import appended_text


def workers_at(
    device: str, device_id: int, python: str | None, timeout: float, processes: int = 1
) -> Workers:
    """Return workers with these options, which find a user's pipelines in the current folder."""
    return Workers(device, device_id, python, timeout, processes, (Path.cwd(),))


def invocation_of(folder: Path, workers: Workers) -> Invocation:
    """Return what the commands that are told say again: the folder of baselines, and where cases run."""
    return Invocation(str(folder), workers.device, workers.device_id, workers.python)


def measured(cases: Sequence[Case]) -> tuple[Case, ...]:
    """Return those of ``cases`` that are not expected to fail, and name those that are."""
    left = without_expected_failures(cases)
    expected = [case.name for case in cases if case.fails is not None]
    if expected:
        print(f"expected to fail, and left out: {', '.join(expected)}")
    return left


@contextmanager
def remedied(invocation: Invocation) -> Iterator[None]:
    """End what fails in the words of the reader, with the command to type where there is one."""
    try:
        yield
    except UsageError:
        raise
    except HarnessError as error:
        end(f"error: {error_text(error, invocation)}", FAILED)


def check_destinations(*files: Path | None) -> None:
    """Raise UsageError where one of the files that were named cannot be written."""
    for file in files:
        if file is not None:
            check_destination(file)


def history_in(file: Path | None, door: str) -> RunHistory | None:
    """Return what takes a run into the history ``file``; None where none was named."""
    return None if file is None else RunHistory(file, door)


def append_to(history: RunHistory | None) -> None:
    """Append the run to its history, where there is one, and say so."""
    if history is not None:
        print(appended_text(history.append()))
