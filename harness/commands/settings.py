"""How the commands interpret the options that they share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec

from rich.console import Console
from rich.prompt import Prompt
from rich.text import Text

from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.selection import without_expected_failures
from harness.commands.exits import code_of, end, say
from harness.configuration import find_configuration
from harness.errors import HarnessError, UsageError
from harness.operations.destination import check_destination, write_result
from harness.operations.history_run import RunHistory
from harness.operations.workers import Workers
from harness.reporting.commands import Invocation, error_text
from harness.reporting.history_report import appended_text
from harness.reporting.recording import expected_failures_lines

Shown = ParamSpec("Shown")


@dataclass(frozen=True)
class Setting:
    """Where cases run, and their baselines; ``invocation`` describes both for messages."""

    workers: Workers
    store: BaselineStore
    invocation: Invocation

    @classmethod
    def of(
        cls,
        baseline_dir: Path,
        device: str,
        device_id: int,
        timeout: float,
        worker_memory: float | None,
        python: str | None = None,
        processes: int = 1,
        *,
        no_user_code: bool = False,
    ) -> Setting:
        """Return the settings for these options; ``worker_memory`` is in GiB.

        Users' pipelines are found in the current folder, and in that of the project's configuration.
        """
        memory = None if worker_memory is None else int(worker_memory * 2**30)
        project = find_configuration(Path.cwd()).file
        paths = (Path.cwd(), *([project.parent] if project is not None else []))
        workers = Workers(device, device_id, python, timeout, processes, paths, not no_user_code, memory)
        invocation = Invocation(str(baseline_dir), device, device_id, python, not no_user_code)
        return cls(workers, BaselineStore(baseline_dir), invocation)


def prompted(console: Console, question: str, choices: list[str] | None = None) -> str | None:
    """Return the answer to ``question``; None without a terminal, after Ctrl-D, or if it is empty."""
    if not sys.stdin.isatty():
        return None
    try:
        return Prompt.ask(Text(question), console=console, choices=choices).strip() or None
    except EOFError:  # Ctrl-D
        return None


def measured(cases: Sequence[Case]) -> tuple[Case, ...]:
    """Return those of ``cases`` that are not expected to fail, and name those that are."""
    left = without_expected_failures(cases)
    for line in expected_failures_lines(cases):
        say(line)
    return left


@contextmanager
def remedied(invocation: Invocation) -> Iterator[None]:
    """Turn an error into a message with the command to type, if there is one, and exit."""
    try:
        yield
    except UsageError:
        raise
    except HarnessError as error:
        end(f"error: {error_text(error, invocation)}", code_of(error))


def check_destinations(*files: Path | None) -> None:
    """Raise UsageError if one of the named files cannot be written."""
    for file in files:
        if file is not None:
            check_destination(file)


def write(
    file: Path | None, render: Callable[Shown, str | bytes], *shown: Shown.args, **how: Shown.kwargs
) -> None:
    """Write what ``render`` returns into ``file``, if one was named."""
    if file is not None:
        content = render(*shown, **how)
        write_result(file, content if isinstance(content, bytes) else content.encode())


def history_in(file: Path | None, door: str) -> RunHistory | None:
    """Return the recorder of a run for the history ``file``, or None if none was named."""
    return None if file is None else RunHistory(file, door)


def append_to(history: RunHistory | None) -> None:
    """Append the run to its history, if there is one, and say so."""
    if history is not None:
        say(appended_text(history.append()))
