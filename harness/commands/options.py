"""The options that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from harness.errors import UsageError

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
