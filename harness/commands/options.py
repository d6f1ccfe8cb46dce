"""The options that commands share, and a short way to declare options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from harness.errors import UsageError

File = Path | None
Texts = list[str] | None


def option(name: str, metavar: str, text: str) -> Any:
    """Return the option ``name`` with the placeholder of its value and its line in the help."""
    return typer.Option(name, metavar=metavar, help=text)


Paths = Annotated[
    list[str],
    typer.Argument(
        metavar="SUITES...", help="suite files, folders of suites, or cases such as suites/x.yaml::case-id"
    ),
]
OneCase = Annotated[str, typer.Argument(metavar="SUITE.yaml::CASE", help="one case")]
# The default folder of baselines.
BASELINES = Path("baselines")
BaselineDir = Annotated[Path, option("--baseline-dir", "DIR", "folder of the stored baselines")]
Reason = Annotated[str | None, option("--reason", "TEXT", "why existing baselines change; stored in them")]
Device = Annotated[
    Literal["CPU", "Ascend", "CUDA"], typer.Option(help="device to run on; CUDA is for diffusers")
]
DeviceId = Annotated[int, typer.Option("--device-id", min=0, metavar="N", help="number of the NPU to use")]
Python = Annotated[str | None, option("--python", "PYTHON", "interpreter of the workers (default: this one)")]
Timeout = Annotated[
    float, typer.Option(min=0.001, max=1e6, metavar="SECONDS", help="time limit for one run of a case")
]
WorkerMemory = Annotated[
    float | None,
    typer.Option(
        "--worker-memory", min=0.001, max=1e6, metavar="GIB",
        help="memory limit of a worker; beyond it the worker is killed and its case fails (default: none)",
    ),
]  # fmt: skip
NoUserCode = Annotated[
    bool, typer.Option("--no-user-code", help="refuse cases whose pipeline is the user's own function")
]
Members = Annotated[int, option("--members", "K", "number of perturbed runs per case")]
Factor = Annotated[float, option("--factor", "F", "safety factor on the largest deviation")]
HistoryFile = Annotated[File, option("--history", "FILE", "append the run to this history file")]
PolicyFile = Annotated[
    File, option("--policy", "FILE", "policy file (default: every case identical or within)")
]
SheetFile = Annotated[
    File,
    option("--html", "PATH", "write a page instead: one FILE.html, or a folder with the pictures as files"),
]
Processes = Annotated[int, typer.Option("-n", min=1, max=64, metavar="N", help="number of parallel runs")]


def check_baseline_dir(folder: Path, *, needed: bool = True) -> None:
    """Raise UsageError if the folder of baselines does not exist.

    If baselines are not ``needed``, raise only for a folder that was named; the default may be missing.
    """
    if not folder.is_dir() and (needed or folder != BASELINES):
        raise UsageError(f"--baseline-dir {folder}: no such folder; `harness record` creates it")
