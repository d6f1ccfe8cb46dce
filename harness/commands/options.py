"""The options that commands share, and the short way to write those of one command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from harness.errors import UsageError

File = Path | None
Texts = list[str] | None


def option(name: str, metavar: str, told: str) -> Any:
    """Return the option ``name`` with the placeholder of its value and its line in the help."""
    return typer.Option(name, metavar=metavar, help=told)


Paths = Annotated[
    list[str],
    typer.Argument(metavar="SUITES...", help="suite files, folders of them, or suites/x.yaml::case-id"),
]
OneCase = Annotated[str, typer.Argument(metavar="SUITE.yaml::CASE", help="one case")]
# The folder of baselines unless another is named.
BASELINES = Path("baselines")
BaselineDir = Annotated[Path, option("--baseline-dir", "DIR", "folder of the stored baselines")]
Device = Annotated[Literal["CPU", "Ascend"], typer.Option(help="device to run on")]
DeviceId = Annotated[int, typer.Option("--device-id", min=0, metavar="N", help="number of the NPU")]
Python = Annotated[str | None, option("--python", "PYTHON", "interpreter of the workers (default: this one)")]
Timeout = Annotated[
    float, typer.Option(min=0.001, max=1e6, metavar="SECONDS", help="time that one run of a case may take")
]
WorkerMemory = Annotated[
    float | None,
    typer.Option(
        "--worker-memory", min=0.001, max=1e6, metavar="GIB",
        help="memory that a worker may take, before it is killed and its case fails (default: any)",
    ),
]  # fmt: skip
NoUserCode = Annotated[
    bool, typer.Option("--no-user-code", help="refuse cases whose pipeline is a user's own function")
]
Members = Annotated[int, option("--members", "K", "perturbed runs of each case")]
Factor = Annotated[float, option("--factor", "F", "what the largest deviation is multiplied by")]
HistoryFile = Annotated[File, option("--history", "FILE", "append the run to this history")]
Processes = Annotated[int, typer.Option("-n", min=1, max=64, metavar="N", help="runs side by side")]


def check_baseline_dir(folder: Path, *, needed: bool = True) -> None:
    """Raise UsageError where the folder of baselines is not there.

    Where baselines are not ``needed``, only for one that was named: the default one may be missing then.
    """
    if not folder.is_dir() and (needed or folder != BASELINES):
        raise UsageError(f"--baseline-dir {folder}: no such folder; `harness record` makes it")
