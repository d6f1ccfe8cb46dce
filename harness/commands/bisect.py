"""`harness bisect`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
)
from harness.commands.releases import ENVIRONMENTS, WORK_DIR, EnvironmentsDir, Fresh, With, Work
from harness.commands.settings import check_destinations, invocation_of, remedied, workers_at
from harness.errors import UsageError
from harness.operations.bisect_commits import bisect_commits
from harness.operations.bisect_releases import ReleaseRange, bisect_releases
from harness.operations.destination import write_result
from harness.operations.running import Running
from harness.reporting.bisection import BisectionDisplay, change_json, show_change

Releases = Annotated[
    list[str] | None,
    typer.Option(
        "--releases",
        metavar="VERSIONS",
        help="those between, as 2.7.2,2.8.0; may be repeated (default: the package index is asked)",
    ),
]
Repo = Annotated[
    Path | None,
    typer.Option("--repo", metavar="DIR", help="bisect commits of the git repository of a pipeline"),
]
GoodWith = Annotated[
    list[str] | None,
    typer.Option("--good-with", metavar="REQUIREMENT", help="as --with, at the good end alone"),
]
BadWith = Annotated[
    list[str] | None,
    typer.Option("--bad-with", metavar="REQUIREMENT", help="as --with, everywhere but at the good end"),
]
Pythons = Annotated[
    list[str] | None,
    typer.Option(
        "--python",
        metavar="PYTHON",
        help="an environment that exists, in place of those made; may be repeated",
    ),
]


def bisect(
    path: Annotated[str, typer.Argument(metavar="SUITE.yaml::CASE", help="one case")],
    good: Annotated[str, typer.Option("--good", metavar="X", help="mindspore==2.7.0, or a commit")],
    bad: Annotated[str, typer.Option("--bad", metavar="Y", help="mindspore==2.10.0, or a commit")],
    releases: Releases = None,
    repo: Repo = None,
    drift: Annotated[
        bool, typer.Option("--drift", help="find the first that drifts, not the first with other bits")
    ] = False,
    extras: With = None,
    good_extras: GoodWith = None,
    bad_extras: BadWith = None,
    python: Pythons = None,
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
    check_destinations(json_file)
    pythons = tuple(python or ())
    if repo is not None and (releases or extras or good_extras or bad_extras or len(pythons) > 1):
        raise UsageError("--repo bisects commits under one interpreter: leave --releases and --with out")
    case = one_case(path)
    # Of interpreters none is named: it is another one in each environment.
    workers = workers_at(device, device_id, None, timeout)
    store, invocation = BaselineStore(baseline_dir), invocation_of(baseline_dir, workers)
    display = BisectionDisplay(Console(), invocation)
    with remedied(invocation):
        if repo is not None:
            under = workers.under(pythons[0] if pythons else None)
            change = bisect_commits(case, repo, (good, bad), under, store, display, until_drift=drift)
        else:
            asked = ReleaseRange.parse(
                good,
                bad,
                releases or (),
                extras=tuple(extras or ()),
                good_extras=tuple(good_extras or ()),
                bad_extras=tuple(bad_extras or ()),
                pythons=pythons,
            )
            running = Running.of(workers, work, fresh=fresh)
            change = bisect_releases(case, asked, environments, running, store, display, until_drift=drift)
    show_change(Console(), change, invocation)
    if json_file is not None:
        write_result(json_file, change_json(change, invocation).encode())
