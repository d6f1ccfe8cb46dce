"""Front door 2: the command line `harness`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer
from rich.console import Console
from rich.prompt import Prompt

import harness
from harness.baselines import BaselineStore
from harness.cases import SuiteError
from harness.cases.selection import select
from harness.errors import HarnessError
from harness.execution.doctor import examine
from harness.execution.runner import Runner
from harness.judgement.recording import Recording
from harness.reporting.examination import show_examination
from harness.reporting.listing import show_listing
from harness.reporting.recording import RecordingDisplay

FAILED, USAGE, INTERRUPTED = 1, 4, 130

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Record, list and check the baselines of MindSpore diffusion pipelines.",
)

Paths = Annotated[
    list[str],
    typer.Argument(metavar="SUITES...", help="suite files, folders of them, or suites/x.yaml::case-id"),
]
BaselineDir = Annotated[
    Path, typer.Option("--baseline-dir", metavar="DIR", help="folder of the stored baselines")
]
Device = Annotated[Literal["CPU", "Ascend"], typer.Option(help="device to run on")]
DeviceId = Annotated[int, typer.Option("--device-id", min=0, help="number of the NPU")]
Python = Annotated[
    str | None,
    typer.Option("--python", metavar="PYTHON", help="interpreter of the workers (default: this one)"),
]


def _version(wanted: bool) -> None:
    if wanted:
        print(f"harness {harness.__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    del version


@app.command()
def record(
    paths: Paths,
    baseline_dir: BaselineDir = Path("baselines"),
    reason: Annotated[
        str | None, typer.Option(help="why baselines that exist may change; goes into them")
    ] = None,
    device: Device = "CPU",
    device_id: DeviceId = 0,
    python: Python = None,
    timeout: Annotated[
        float, typer.Option(min=0.001, max=1e6, help="seconds that one run of a case may take")
    ] = 600.0,
) -> None:
    """Refresh baselines: run each case twice in fresh workers and store what repeats.

    Cases that do not repeat bitwise are refused. Baselines that exist change only with a reason.
    """
    selection = select(paths)
    console = Console()
    runner = Runner(
        python=python, device=device, device_id=device_id, timeout=timeout, import_paths=[Path.cwd()]
    )
    with _interruptible(), runner:
        recording = Recording(BaselineStore(baseline_dir))
        with RecordingDisplay(console, len(selection.cases)) as display:
            for case in selection.cases:
                display.started(case)
                display.finished(case, recording.measure(case, runner))
    display.show_table(recording)
    if recording.changed and reason is None and sys.stdin.isatty():
        reason = Prompt.ask("Why do these baselines change?", console=console).strip() or None
    display.show_result(recording.store(reason), baseline_dir)
    if not recording.complete:
        raise typer.Exit(FAILED)


@app.command(name="list")
def list_(paths: Paths, baseline_dir: BaselineDir = Path("baselines")) -> None:
    """Show the cases with the state of their baselines: ok, missing, stale, damaged, orphan."""
    show_listing(Console(), select(paths), BaselineStore(baseline_dir))


@app.command()
def doctor(device: Device = "CPU", device_id: DeviceId = 0, python: Python = None) -> None:
    """Print the profile, the fingerprint and the devices, and what is wrong with this machine."""
    with Runner(python=python, device=device, device_id=device_id) as runner:
        examination = examine(runner)
    show_examination(Console(), examination)
    if not examination.healthy:
        raise typer.Exit(FAILED)


@contextmanager
def _interruptible() -> Iterator[None]:
    """End an interrupted recording with a word on what became of the baselines: nothing did."""
    try:
        yield
    except KeyboardInterrupt:
        _end("interrupted: no baseline was written", INTERRUPTED)


def main() -> None:
    """Run the command line; exits 0 passed, 1 failed, 4 wrong usage or a suite that cannot be read."""
    try:
        app()
    except SuiteError as error:
        _end(str(error), USAGE)
    except HarnessError as error:
        _end(f"error: {error}", FAILED)
    except SystemExit as leaving:
        # The parser of the command line says 2 for wrong usage; here that is 4, as in pytest.
        sys.exit(USAGE if leaving.code == 2 else leaving.code)


def _end(message: str, code: int) -> NoReturn:
    print(message, file=sys.stderr)
    sys.exit(code)
