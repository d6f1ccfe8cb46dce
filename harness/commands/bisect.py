"""`harness bisect`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from harness.cases.selection import one_case
from harness.commands import options, releases
from harness.commands.options import File, Texts, check_baseline_dir, option
from harness.commands.settings import Setting, check_destinations, remedied, write
from harness.errors import UsageError
from harness.operations.bisect_commits import bisect_commits
from harness.operations.bisect_releases import ReleaseRange, bisect_releases
from harness.operations.running import Running
from harness.reporting.bisection import BisectionDisplay, change_json, show_change

_VERSIONS = "those between, as 2.7.2,2.8.0; may be repeated (default: the package index is asked)"
_PYTHONS = "an environment that exists, in place of those made; may be repeated"


def bisect(
    path: options.OneCase,
    good: Annotated[str, option("--good", "X", "mindspore==2.7.0, or a commit")],
    bad: Annotated[str, option("--bad", "Y", "mindspore==2.10.0, or a commit")],
    versions: Annotated[Texts, option("--releases", "VERSIONS", _VERSIONS)] = None,
    repo: Annotated[
        File, option("--repo", "DIR", "bisect commits of the git repository of a pipeline")
    ] = None,
    drift: Annotated[
        bool, typer.Option("--drift", help="find the first that drifts, not the first with other bits")
    ] = False,
    extras: releases.With = None,
    good_extras: Annotated[
        Texts, option("--good-with", "REQUIREMENT", "as --with, at the good end alone")
    ] = None,
    bad_extras: Annotated[
        Texts, option("--bad-with", "REQUIREMENT", "as --with, everywhere but at the good end")
    ] = None,
    python: Annotated[Texts, option("--python", "PYTHON", _PYTHONS)] = None,
    baseline_dir: options.BaselineDir = options.BASELINES,
    environments: releases.EnvironmentsDir = releases.ENVIRONMENTS,
    work: releases.WorkDir = releases.WORK,
    fresh: releases.Fresh = False,
    json_file: Annotated[File, option("--json", "FILE", "write what was found as JSON")] = None,
    device: options.Device = "CPU",
    device_id: options.DeviceId = 0,
    timeout: options.Timeout = 600.0,
    memory: options.WorkerMemory = None,
    no_user_code: options.NoUserCode = False,
) -> None:
    """Find the first release, or with --repo the first commit, under which a case's output changed.

    Runs both ends, then halves what is between them. Fails where both ends are alike.
    """
    check_baseline_dir(baseline_dir, needed=False)
    check_destinations(json_file)
    if repo is not None and (versions or extras or good_extras or bad_extras or len(python or ()) > 1):
        raise UsageError("--repo bisects commits under one interpreter: leave --releases and --with out")
    case = one_case(path)
    # Of interpreters none is named: it is another one in each environment.
    at = Setting.of(baseline_dir, device, device_id, timeout, memory, no_user_code=no_user_code)
    display = BisectionDisplay(Console(), at.invocation)
    with remedied(at.invocation):
        if repo is not None:
            under = at.workers.under(python[0] if python else None)
            change = bisect_commits(case, repo, (good, bad), under, at.store, display, until_drift=drift)
        else:
            asked = ReleaseRange.parse(good, bad, versions, extras, good_extras, bad_extras, python)
            running = Running(at.workers, work, fresh)
            change = bisect_releases(case, asked, environments, running, at.store, display, until_drift=drift)
    show_change(Console(), change, at.invocation)
    write(json_file, change_json, change, at.invocation)
