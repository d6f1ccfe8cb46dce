"""Front door 2: the command line `harness`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer
from rich.console import Console
from rich.prompt import Prompt

import harness
from harness.baselines import DEFAULT_FACTOR, BaselineStore
from harness.cases import Case, SuiteError
from harness.cases.selection import one_case, select
from harness.errors import HarnessError, UsageError
from harness.execution.coverage import examine_pipelines
from harness.execution.doctor import examine
from harness.execution.pool import RunnerPool
from harness.execution.runner import Runner
from harness.explanation.deep import Recorded, record_deep
from harness.explanation.explain import explain_against_baseline, explain_against_python
from harness.judgement.calibration.run import MEMBERS, Settings
from harness.judgement.calibration.run import calibrate as calibrate_case
from harness.judgement.power.examination import chosen_faults
from harness.judgement.power.examination import examine as examine_case
from harness.judgement.power.record import PowerReport
from harness.judgement.power.vacuity import vacuous_cases
from harness.judgement.recording import Recording
from harness.reporting.calibration import CalibrationDisplay
from harness.reporting.commands import runner_options
from harness.reporting.coverage import CoverageProgress, coverage_json, show_coverage
from harness.reporting.destination import check_destination, write_result
from harness.reporting.examination import show_examination
from harness.reporting.explanation import explanation_json, explanation_text, show_deep
from harness.reporting.html.run import render_again
from harness.reporting.listing import show_listing
from harness.reporting.power import PowerDisplay
from harness.reporting.power_picture import check_format, power_picture
from harness.reporting.recording import RecordingDisplay, show_vacuous

FAILED, USAGE, INTERRUPTED = 1, 4, 130

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Record, calibrate, list and check the baselines of MindSpore diffusion pipelines.",
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
Timeout = Annotated[float, typer.Option(min=0.001, max=1e6, help="seconds that one run of a case may take")]
Members = Annotated[int, typer.Option("--members", metavar="K", help="perturbed runs of each case")]
Factor = Annotated[
    float, typer.Option("--factor", metavar="F", help="what the largest deviation is multiplied by")
]
Processes = Annotated[int, typer.Option("-n", min=1, max=64, metavar="N", help="runs side by side")]


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
    timeout: Timeout = 600.0,
    calibrate: Annotated[bool, typer.Option("--calibrate", help="calibrate what is stored")] = False,
    members: Members = MEMBERS,
    factor: Factor = DEFAULT_FACTOR,
    processes: Processes = 1,
    deep: Annotated[
        bool, typer.Option("--deep", help="store what every cell did in one step, for harness explain")
    ] = False,
    deep_step: Annotated[
        int, typer.Option("--deep-step", min=0, metavar="N", help="the step that --deep stores")
    ] = 0,
) -> None:
    """Refresh baselines: run each case twice in fresh workers and store what repeats.

    Cases that do not repeat bitwise are refused. Baselines that exist change only with a reason, and lose
    their calibration then: --calibrate makes it anew. --deep stores megabytes beside each baseline, which
    are not for version control.
    """
    settings = Settings(members, factor)
    selection = select(paths)
    console = Console()
    make = partial(
        Runner, python=python, device=device, device_id=device_id, timeout=timeout, import_paths=[Path.cwd()]
    )
    store = BaselineStore(baseline_dir, options=runner_options(device, python, device_id))
    with _interruptible("no baseline was written"), make() as runner:
        recording = Recording(store)
        with RecordingDisplay(console, len(selection.cases)) as display:
            for case in selection.cases:
                display.started(case)
                display.finished(case, recording.measure(case, runner))
    display.show_table(recording)
    if recording.changed and reason is None and sys.stdin.isatty():
        reason = Prompt.ask("Why do these baselines change?", console=console).strip() or None
    display.show_result(recording.store(reason), baseline_dir)
    passed = recording.complete
    if calibrate:
        passed &= _calibrate(console, recording.stored_cases, make, processes, store, settings)
    if deep:
        with _interruptible("the baselines are written, not all deep traces"), make() as runner:
            passed &= show_deep(console, recording.stored_cases, partial(_deep, runner, store, deep_step))
    passed &= show_vacuous(console, vacuous_cases(recording.stored_cases, store))
    if not passed:
        raise typer.Exit(FAILED)


@app.command()
def calibrate(
    paths: Paths,
    baseline_dir: BaselineDir = Path("baselines"),
    members: Members = MEMBERS,
    factor: Factor = DEFAULT_FACTOR,
    processes: Processes = 1,
    device: Device = "CPU",
    device_id: DeviceId = 0,
    python: Python = None,
    timeout: Timeout = 600.0,
) -> None:
    """Measure tolerances: run each case with its noise moved by one ulp, store how far that moves the output.

    Goes on where an interrupted calibration stopped. Fails for cases that cannot be held to any limits.
    """
    settings = Settings(members, factor)
    selection = select(paths)
    make = partial(
        Runner, python=python, device=device, device_id=device_id, timeout=timeout, import_paths=[Path.cwd()]
    )
    store = BaselineStore(baseline_dir, options=runner_options(device, python, device_id))
    console = Console()
    passed = _calibrate(console, selection.cases, make, processes, store, settings)
    passed &= show_vacuous(console, vacuous_cases(selection.cases, store))
    if not passed:
        raise typer.Exit(FAILED)


def _deep(runner: Runner, store: BaselineStore, step: int, case: Case) -> Recorded:
    return record_deep(case, runner, store, step)


def _calibrate(
    console: Console,
    cases: Sequence[Case],
    make: Callable[[], Runner],
    processes: int,
    store: BaselineStore,
    settings: Settings,
) -> bool:
    """Calibrate ``cases`` and show what came of it; return whether every one of them can be judged by it."""
    kept = "what has run is kept, the same command goes on from there"
    display = CalibrationDisplay(console, len(cases), settings.members)
    members = []
    with _interruptible(kept), RunnerPool(make, processes) as pool, display:
        for case in cases:
            display.started(case)
            try:
                result = calibrate_case(case, pool, store, settings, display.member_done)
                members.append(result.kept)
                display.finished(result)
            except HarnessError as error:
                display.refused(case, str(error))
    for each in members:
        each.clear()
    display.show()
    return not display.failed


@app.command()
def power(
    paths: Paths,
    baseline_dir: BaselineDir = Path("baselines"),
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="write what was found as JSON")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE", help="draw what was found, as .png or .svg")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="only reference sizes: one run per fault")] = False,
    fault: Annotated[
        list[str] | None, typer.Option("--fault", metavar="NAME", help="only this fault; may be repeated")
    ] = None,
    processes: Processes = 1,
    device: Device = "CPU",
    device_id: DeviceId = 0,
    python: Python = None,
    timeout: Timeout = 600.0,
) -> None:
    """Put known faults into each case: which are caught at the tolerance across releases, and how small.

    Fails for cases that would pass whatever goes wrong, and for those that cannot be examined.
    """
    faults = chosen_faults(fault or [])
    if picture is not None:
        check_format(picture)
    for file in filter(None, (json, picture)):
        check_destination(file)
    selection = select(paths)
    make = partial(
        Runner, python=python, device=device, device_id=device_id, timeout=timeout, import_paths=[Path.cwd()]
    )
    store = BaselineStore(baseline_dir, options=runner_options(device, python, device_id))
    display = PowerDisplay(Console(), len(selection.cases), len(faults))
    found = []
    with _interruptible("no file was written"):
        with RunnerPool(make, processes) as pool, display:
            for case in selection.cases:
                display.started(case)
                found.append(
                    examine_case(case, pool, store, faults, quick=quick, progress=display.fault_done)
                )
                display.finished(found[-1])
        report = PowerReport.of(found, faults, quick=quick)
        display.show(report)
        if json is not None:
            write_result(json, report.text().encode())
        if picture is not None:
            write_result(picture, power_picture(report, picture.suffix))
    if not report.sound:
        raise typer.Exit(FAILED)


@app.command(name="list")
def list_(paths: Paths, baseline_dir: BaselineDir = Path("baselines")) -> None:
    """Show the cases with the state of their baselines: ok, missing, stale, damaged, orphan."""
    show_listing(Console(), select(paths), BaselineStore(baseline_dir))


@app.command()
def explain(
    path: Annotated[str, typer.Argument(metavar="SUITE.yaml::CASE", help="one case")],
    python: Annotated[
        str | None,
        typer.Option(
            "--python", metavar="OTHER", help="hold it to a run under this interpreter, not to its baseline"
        ),
    ] = None,
    against: Annotated[
        Literal["baseline"] | None, typer.Option(help="hold it to its baseline (the default)")
    ] = None,
    step: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="denoising step to look into, from 0")
    ] = None,
    baseline_dir: BaselineDir = Path("baselines"),
    device: Device = "CPU",
    device_id: DeviceId = 0,
    timeout: Timeout = 600.0,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="write the explanation there too")
    ] = None,
) -> None:
    """Say why a case drifted: what differs, first cause first, and the first cell that computes otherwise.

    Runs the case here. Its cells are held to the deep trace beside its baseline (harness record --deep), or
    to those of a run under another interpreter. Exits 0 when the drift is explained or there is none, else 1.
    """
    case = one_case(path)
    if python is not None and against is not None:
        raise UsageError("give --python or --against, not both: a case is held to one reference")
    if json_file is not None:
        check_destination(json_file)
    make = partial(Runner, device=device, device_id=device_id, timeout=timeout, import_paths=[Path.cwd()])
    # What is recorded is what runs here, not the other interpreter.
    store = BaselineStore(baseline_dir, options=runner_options(device, None, device_id))
    with _interruptible("nothing was written"), ExitStack() as runners:
        runner = runners.enter_context(make())
        if python is None:
            explanation = explain_against_baseline(case, runner, store, step=step)
        else:
            other = runners.enter_context(make(python=python))
            explanation = explain_against_python(case, runner, other, store, name=python, step=step)
    print(explanation_text(explanation))
    if json_file is not None:
        write_result(json_file, explanation_json(explanation).encode())
    if not explanation.explained:
        raise typer.Exit(FAILED)


@app.command()
def doctor(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAMES...", help="with --mindone: only classes with one of these in their names"
        ),
    ] = None,
    device: Device = "CPU",
    device_id: DeviceId = 0,
    python: Python = None,
    mindone: Annotated[
        bool, typer.Option("--mindone", help="try mindone's pipeline classes on tiny components instead")
    ] = False,
    timeout: Annotated[
        float, typer.Option(min=0.001, max=1e6, help="seconds that one class may take")
    ] = 300.0,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="with --mindone: write the rows there too")
    ] = None,
) -> None:
    """Print the profile, the fingerprint and the devices, and what is wrong with this machine.

    With --mindone: which pipeline classes of mindone run on the device, and which need which kernel.
    """
    if mindone:
        if json_file is not None:
            check_destination(json_file)
        with CoverageProgress(Console(stderr=True)) as progress:
            coverage = examine_pipelines(
                names or (),
                python=python,
                device=device,
                device_id=device_id,
                timeout=timeout,
                progress=progress.show,
            )
        show_coverage(Console(), coverage)
        if json_file is not None:
            write_result(json_file, coverage_json(coverage).encode())
        return
    if names or json_file is not None:
        raise UsageError("names of pipeline classes and --json go with --mindone")
    with Runner(python=python, device=device, device_id=device_id) as runner:
        examination = examine(runner)
    show_examination(Console(), examination)
    if not examination.healthy:
        raise typer.Exit(FAILED)


@app.command()
def report(
    data: Annotated[
        Path, typer.Argument(metavar="REPORT", help="folder that pytest --harness-report wrote into")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", metavar="DIR", help="folder of the page (default: REPORT)")
    ] = None,
) -> None:
    """Write the HTML page of a run again, from the report.json that the run left."""
    print(render_again(data, output))


@contextmanager
def _interruptible(outcome: str) -> Iterator[None]:
    """End what is interrupted with a word on what became of the baselines."""
    try:
        yield
    except KeyboardInterrupt:
        _end(f"interrupted: {outcome}", INTERRUPTED)


def main() -> None:
    """Run the command line; exits 0 passed, 1 failed, 4 wrong usage or a suite that cannot be read."""
    try:
        app()
    except (SuiteError, UsageError) as error:
        _end(str(error), USAGE)
    except HarnessError as error:
        _end(f"error: {error}", FAILED)
    except SystemExit as leaving:
        # The parser of the command line says 2 for wrong usage; here that is 4, as in pytest.
        sys.exit(USAGE if leaving.code == 2 else leaving.code)


def _end(message: str, code: int) -> NoReturn:
    print(message, file=sys.stderr)
    sys.exit(code)
