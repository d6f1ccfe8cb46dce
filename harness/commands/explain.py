"""`harness explain`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from harness.cases.selection import one_case
from harness.commands import options, releases
from harness.commands.exits import leave, say
from harness.commands.options import File, Texts, check_baseline_dir, option
from harness.commands.settings import Setting, check_destinations, remedied, write
from harness.errors import UsageError
from harness.operations.atlas import atlases_in
from harness.operations.explain import explain as explain_case
from harness.operations.export_dump import check_export
from harness.operations.knobs import MOST_RUNS, explain_settings
from harness.reporting.explanation import explanation_json, explanation_text
from harness.reporting.progress import ProgressBar
from harness.reporting.settings import SettingsDisplay, settings_json, settings_text

_OTHER = "compare with a run under this interpreter instead of the baseline"
_KNOBS = "find the settings that cause the drift: turn back those that differ, one by one, then sets of them"
_WITH_PYTHON = (
    "with --knobs: an interpreter with packages of the other side, before one is made; may be repeated"
)
_WITH = "with --knobs: install this package, too, in environments that are made; may be repeated"
_MAX_RUNS = "with --knobs: the most runs with settings turned back"
_ENVIRONMENTS = "with --knobs: folder for environments that are made"
_ATLAS = "an atlas of either environment, or a folder of atlases (harness atlas); may be repeated"
_EXPORT = "also write what the cells did in that step as dumps that msprobe reads, to this new folder"
_CODE = "compare with a run of the project's own code at this git revision instead of the baseline"


def explain(
    path: options.OneCase,
    python: Annotated[str | None, option("--python", "OTHER", _OTHER)] = None,
    code: Annotated[str | None, option("--code", "REV", _CODE)] = None,
    atlas: Annotated[list[Path] | None, option("--atlas", "FILE", _ATLAS)] = None,
    export_msprobe: Annotated[Path | None, option("--export-msprobe", "DIR", _EXPORT)] = None,
    against: Annotated[
        Literal["baseline"] | None, typer.Option(help="compare with the baseline (the default)")
    ] = None,
    step: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="denoising step to examine, from 0")
    ] = None,
    knobs: Annotated[bool, typer.Option("--knobs", help=_KNOBS)] = False,
    with_python: Annotated[Texts, option("--with-python", "PYTHON", _WITH_PYTHON)] = None,
    extras: Annotated[Texts, option("--with", "REQUIREMENT", _WITH)] = None,
    environments: Annotated[File, option("--environments", "DIR", _ENVIRONMENTS)] = None,
    max_runs: Annotated[
        int | None, typer.Option(min=1, metavar="N", help=f"{_MAX_RUNS} (default: {MOST_RUNS})")
    ] = None,
    baseline_dir: options.BaselineDir = options.BASELINES,
    device: options.Device = "CPU",
    device_id: options.DeviceId = 0,
    timeout: options.Timeout = 600.0,
    memory: options.WorkerMemory = None,
    no_user_code: options.NoUserCode = False,
    json_file: Annotated[File, option("--json", "FILE", "also write the explanation as JSON")] = None,
) -> None:
    """Explain why a case drifted: the causes, and the first cell that computes something else.

    Runs the case here and compares its cells with the deep trace of its baseline (harness record --deep), or
    with a run under another interpreter or of the code of another revision. Exits with 0 if the drift is
    explained, otherwise with 1: also if nothing differs any more, or the case does not repeat.

    With --knobs, turns settings of the environment back instead (ISA, visible cores, launch mode, mode, jit,
    packages), and names those that bring the bits of the other side.
    """
    case = one_case(path)
    cells = {"--code": code, "--step": step, "--atlas": atlas, "--export-msprobe": export_msprobe}
    if knobs and (misplaced := [name for name, given in cells.items() if given is not None]):
        raise UsageError(f"--knobs turns settings back: leave out {misplaced[0]}")
    own = {
        "--with-python": with_python,
        "--with": extras,
        "--environments": environments,
        "--max-runs": max_runs,
    }
    if not knobs and (misplaced := [name for name, given in own.items() if given is not None]):
        raise UsageError(f"{misplaced[0]} goes with --knobs")
    for name, given in (("--python", python), ("--code", code)):
        if given is not None and against is not None:
            raise UsageError(f"{name} and --against exclude each other: give only one of them")
    check_baseline_dir(baseline_dir, needed=python is None and code is None)
    check_destinations(json_file)
    if export_msprobe is not None:
        check_export(export_msprobe)
    atlases = atlases_in(atlas or [])
    # Recording uses the current interpreter, not the other one.
    at = Setting.of(baseline_dir, device, device_id, timeout, memory, no_user_code=no_user_code)
    display = (SettingsDisplay if knobs else ProgressBar)(Console(stderr=True), at.invocation)
    workers = display.watching(at.workers, [case])
    if knobs:
        folder, most = environments or releases.ENVIRONMENTS, max_runs or MOST_RUNS
        with remedied(at.invocation):
            found = explain_settings(
                case, workers, at.store, python=python, others=with_python or (), environments=folder,
                extras=extras or (), most=most, progress=display,
            )  # fmt: skip
        say(settings_text(found))
        write(json_file, settings_json, found)
        leave(passed=found.explained)
        return
    with remedied(at.invocation):
        explanation = explain_case(
            case, workers, at.store, python=python, code=code, step=step, atlases=atlases,
            export=export_msprobe, progress=display,
        )  # fmt: skip
    say(explanation_text(explanation, at.invocation))
    write(json_file, explanation_json, explanation, at.invocation)
    leave(passed=explanation.explained)
