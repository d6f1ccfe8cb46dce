"""`harness bisect`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from harness.baselines.store import BaselineStore
from harness.cases.selection import one_case
from harness.commands.options import (
    BASELINES,
    BaselineDir,
    Device,
    DeviceId,
    Timeout,
    check_baseline_dir,
    interruptible,
)
from harness.commands.releases import (
    ENVIRONMENTS,
    WORK_DIR,
    EnvironmentsDir,
    Fresh,
    With,
    Work,
    runners_of,
    subject_maker,
)
from harness.errors import UsageError
from harness.operations.bisect_commits import bisect_commits
from harness.operations.bisect_releases import ReleaseLine, bisect_releases
from harness.operations.running import Running
from harness.releases.bisection import Bisected
from harness.releases.environments import Environments
from harness.releases.kept import Sources
from harness.releases.requirements import Release
from harness.reporting.baselines import warn_of_baselines
from harness.reporting.bisection import BisectionDisplay, bisected_json, show_bisected
from harness.reporting.commands import Invocation
from harness.reporting.destination import check_destination, write_result


def bisect(
    path: Annotated[str, typer.Argument(metavar="SUITE.yaml::CASE", help="one case")],
    good: Annotated[str, typer.Option("--good", metavar="X", help="mindspore==2.7.0, or a commit")],
    bad: Annotated[str, typer.Option("--bad", metavar="Y", help="mindspore==2.10.0, or a commit")],
    releases: Annotated[
        list[str] | None,
        typer.Option(
            "--releases",
            metavar="VERSIONS",
            help="those between, as 2.7.2,2.8.0; may be repeated (default: the package index is asked)",
        ),
    ] = None,
    repo: Annotated[
        Path | None,
        typer.Option("--repo", metavar="DIR", help="bisect commits of the git repository of a pipeline"),
    ] = None,
    drift: Annotated[
        bool, typer.Option("--drift", help="find the first that drifts, not the first with other bits")
    ] = False,
    extras: With = None,
    good_extras: Annotated[
        list[str] | None,
        typer.Option("--good-with", metavar="REQUIREMENT", help="as --with, at the good end alone"),
    ] = None,
    bad_extras: Annotated[
        list[str] | None,
        typer.Option("--bad-with", metavar="REQUIREMENT", help="as --with, everywhere but at the good end"),
    ] = None,
    python: Annotated[
        list[str] | None,
        typer.Option(
            "--python",
            metavar="PYTHON",
            help="an environment that exists, in place of those made; may be repeated",
        ),
    ] = None,
    baseline_dir: BaselineDir = BASELINES,
    environments: EnvironmentsDir = ENVIRONMENTS,
    work: Work = WORK_DIR,
    fresh: Fresh = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="write what was found as JSON")
    ] = None,
    device: Device = "CPU",
    device_id: DeviceId = 0,
    timeout: Timeout = 600.0,
) -> None:
    """Find the first release, or with --repo the first commit, under which a case's output changed.

    Runs both ends, then halves what is between them. Fails where both ends are alike.
    """
    check_baseline_dir(baseline_dir, needed=False)
    if json_file is not None:
        check_destination(json_file)
    pythons = python or []
    made = releases or extras or good_extras or bad_extras
    if repo is not None and (made or len(pythons) > 1):
        raise UsageError("--repo bisects commits under one interpreter: leave --releases and --with out")
    if pythons and made:
        raise UsageError("--python gives environments as they are: leave --releases and --with out")
    case = one_case(path)
    # Of interpreters none is named: it is another one in each environment.
    store = BaselineStore(baseline_dir)
    invocation = Invocation(str(baseline_dir), device, device_id)
    console = Console()
    warn_of_baselines(Console(stderr=True), [case], store, invocation)
    outcome = "nothing was written" if repo else "what has run is kept, the same command goes on from there"
    found: Bisected[Any]
    attribution = None
    with interruptible(outcome), BisectionDisplay(console) as display:
        if repo is not None:
            found = bisect_commits(
                case,
                repo,
                (good, bad),
                runners_of(device, device_id, pythons[0] if pythons else None, timeout),
                store,
                python=pythons[0] if pythons else None,
                until_drift=drift,
                progress=display.ran,
            )
        else:
            ends = Release.parse(good), Release.parse(bad)
            if pythons:
                line = ReleaseLine.given(*ends, pythons)
            else:
                between = [Release.parse(f"{ends[0].package}=={each}") for each in _versions(releases or [])]
                line = ReleaseLine.made(
                    *ends,
                    between,
                    extras or [],
                    Environments(environments),
                    display.preparing,
                    good_extras=good_extras or [],
                    bad_extras=bad_extras or [],
                )
            running = Running(
                subject_maker(device, device_id, timeout, [Path.cwd()]),
                work,
                Sources([Path.cwd()]),
                fresh=fresh,
            )
            result = bisect_releases(case, line, running, store, until_drift=drift, progress=display.ran)
            found, attribution = result.bisected, result.attribution
    show_bisected(console, case, found, attribution, invocation)
    if json_file is not None:
        write_result(json_file, bisected_json(case, found, attribution, invocation).encode())


def _versions(texts: list[str]) -> list[str]:
    return [version for text in texts for version in text.split(",") if version]
