"""What the commands share: options, exit codes, and the end of what is interrupted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from harness.commands.exits import FAILED as FAILED
from harness.commands.exits import INTERRUPTED
from harness.commands.exits import end as end
from harness.errors import HarnessError, UsageError
from harness.execution.runner import Runner
from harness.reporting.commands import Invocation, error_text

Paths = Annotated[
    list[str],
    typer.Argument(metavar="SUITES...", help="suite files, folders of them, or suites/x.yaml::case-id"),
]
# The folder of baselines unless another is named.
BASELINES = Path("baselines")
BaselineDir = Annotated[
    Path, typer.Option("--baseline-dir", metavar="DIR", help="folder of the stored baselines")
]
Device = Annotated[Literal["CPU", "Ascend"], typer.Option(help="device to run on")]
DeviceId = Annotated[int, typer.Option("--device-id", min=0, metavar="N", help="number of the NPU")]
Python = Annotated[
    str | None,
    typer.Option("--python", metavar="PYTHON", help="interpreter of the workers (default: this one)"),
]
Timeout = Annotated[
    float,
    typer.Option(min=0.001, max=1e6, metavar="SECONDS", help="time that one run of a case may take"),
]
Members = Annotated[int, typer.Option("--members", metavar="K", help="perturbed runs of each case")]
Factor = Annotated[
    float, typer.Option("--factor", metavar="F", help="what the largest deviation is multiplied by")
]
HistoryFile = Annotated[
    Path | None, typer.Option("--history", metavar="FILE", help="append the run to this history")
]
Processes = Annotated[int, typer.Option("-n", min=1, max=64, metavar="N", help="runs side by side")]


def check_baseline_dir(folder: Path, *, needed: bool = True) -> None:
    """Raise UsageError where the folder of baselines is not there.

    Where baselines are not ``needed``, only for one that was named: the default one may be missing then.
    """
    if not folder.is_dir() and (needed or folder != BASELINES):
        raise UsageError(f"--baseline-dir {folder}: no such folder; `harness record` makes it")


def runners(device: str, device_id: int, python: str | None, timeout: float) -> Callable[[], Runner]:
    """Return what makes a runner with these options, which finds a user's pipelines in the current folder."""
    return partial(
        Runner, python=python, device=device, device_id=device_id, timeout=timeout, import_paths=[Path.cwd()]
    )


@contextmanager
def interruptible(outcome: str) -> Iterator[None]:
    """End what is interrupted with a word on what became of the baselines."""
    try:
        yield
    except KeyboardInterrupt:
        end(f"interrupted: {outcome}", INTERRUPTED)


@contextmanager
def remedied(invocation: Invocation) -> Iterator[None]:
    """End what fails for want of something that can be typed with the command to type."""
    try:
        yield
    except HarnessError as error:
        if error.remedy is None:
            raise
        end(f"error: {error_text(error, invocation)}", FAILED)
