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
from harness.releases.noisy_bisection import Plan
from harness.reporting.bisection import BisectionDisplay, change_json, show_change

_VERSIONS = "releases in between, such as 2.7.2,2.8.0; may be repeated (default: those in the package index)"
_REPEATS = "runs of each end before the search, at least; 1: run each version once, trust that it repeats"
_CONFIDENCE = "run versions until the answer has this probability (default: 0.99)"
_MAX_RUNS = "give up after this many runs"
_PYTHONS = "interpreter of an existing environment to use; may be repeated"


def bisect(
    path: options.OneCase,
    good: Annotated[str, option("--good", "X", "good end: mindspore==2.7.0, or a commit")],
    bad: Annotated[str, option("--bad", "Y", "bad end: mindspore==2.10.0, or a commit")],
    versions: Annotated[Texts, option("--releases", "VERSIONS", _VERSIONS)] = None,
    repo: Annotated[
        File, option("--repo", "DIR", "bisect the commits of a pipeline's git repository")
    ] = None,
    drift: Annotated[
        bool, typer.Option("--drift", help="find the first drift, not the first change of bits")
    ] = False,
    repeats: Annotated[int, option("--repeats", "N", _REPEATS)] = 2,
    confidence: Annotated[float | None, option("--confidence", "C", _CONFIDENCE)] = None,
    max_runs: Annotated[int, option("--max-runs", "N", _MAX_RUNS)] = 500,
    extras: releases.With = None,
    good_extras: Annotated[
        Texts, option("--good-with", "REQUIREMENT", "like --with, at the good end only")
    ] = None,
    bad_extras: Annotated[
        Texts, option("--bad-with", "REQUIREMENT", "like --with, everywhere except at the good end")
    ] = None,
    python: Annotated[Texts, option("--python", "PYTHON", _PYTHONS)] = None,
    baseline_dir: options.BaselineDir = options.BASELINES,
    environments: releases.EnvironmentsDir = releases.ENVIRONMENTS,
    work: releases.WorkDir = releases.WORK,
    fresh: releases.Fresh = False,
    json_file: Annotated[File, option("--json", "FILE", "write the result as JSON")] = None,
    device: options.Device = "CPU",
    device_id: options.DeviceId = 0,
    timeout: options.Timeout = 600.0,
    memory: options.WorkerMemory = None,
    no_user_code: options.NoUserCode = False,
) -> None:
    """Find the first release, or with --repo the first commit, that changed a case's output.

    Runs both ends, then bisects the range between them. Versions that do not repeat run as often as the
    confidence of the answer takes. Fails if both ends agree.
    """
    if repeats == 1 and confidence is not None:
        raise UsageError("--confidence needs repeated runs: leave out --repeats 1")
    plan = Plan(repeats, 0.99 if confidence is None else confidence, max_runs)
    check_baseline_dir(baseline_dir, needed=False)
    check_destinations(json_file)
    if repo is not None and (versions or extras or good_extras or bad_extras or len(python or ()) > 1):
        raise UsageError("--repo bisects commits under one interpreter: leave out --releases and --with")
    case = one_case(path)
    # No interpreter is named, as each environment has its own.
    at = Setting.of(baseline_dir, device, device_id, timeout, memory, no_user_code=no_user_code)
    display = BisectionDisplay(Console(), at.invocation)
    workers = display.watching(at.workers, [case])
    with remedied(at.invocation):
        if repo is not None:
            under = workers.under(python[0] if python else None)
            ends = (good, bad)
            change = bisect_commits(case, repo, ends, under, at.store, display, plan=plan, until_drift=drift)
        else:
            asked = ReleaseRange.parse(good, bad, versions, extras, good_extras, bad_extras, python)
            running = Running(workers, work, fresh)
            change = bisect_releases(
                case, asked, environments, running, at.store, display, plan=plan, until_drift=drift
            )
    show_change(Console(), change, at.invocation)
    write(json_file, change_json, change, at.invocation)
