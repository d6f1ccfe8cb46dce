"""Bisecting commits: the first commit of a pipeline's repository that changed a case's output."""

from __future__ import annotations

import subprocess
from functools import partial
from pathlib import Path

from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.names import PIPELINES, is_class
from harness.errors import UsageError
from harness.execution.runner import interpreter
from harness.judgement.tiers import Tier
from harness.measurement.measurement import Measurement
from harness.operations.compare_runs import compare_runs
from harness.operations.foresight import Foresight, foresee
from harness.operations.progress import SILENT, Progress, stage
from harness.operations.workers import Workers
from harness.releases.attribution import FoundChange
from harness.releases.bisection import Tried
from harness.releases.noisy_bisection import Plan, bisect_by
from harness.releases.repository import Repository, Revision

_FIND = """
import importlib.util, sys
sys.path[:] = [entry for entry in sys.path if entry]
found = importlib.util.find_spec(sys.argv[1])
print((found.origin or list(found.submodule_search_locations or [""])[0]) if found else "")
"""


def bisect_commits(
    case: Case,
    repository: Path,
    ends: tuple[str, str],
    workers: Workers,
    store: BaselineStore,
    progress: Progress[Foresight | Tried] = SILENT,
    *,
    plan: Plan,
    until_drift: bool = False,
) -> FoundChange:
    """Return the commit between the good and the bad one in ``ends`` that changed the output of ``case``.

    The case and its checkpoint are the current ones. The pipeline is imported from the files of each commit:
    from the top folder of the repository, or from ``src`` in it. ``plan`` says how often they run. With
    ``until_drift``, commits are compared with the good one by the limits across releases, since the
    environment is the same.

    Raises UsageError for a case whose pipeline would not come from the repository, and the errors of
    :func:`harness.releases.noisy_bisection.bisect_by`.
    """
    progress.finished(foresee([case], store))
    with stage(progress, "bisecting", 0, interrupted="nothing was written"):
        check_own(case, interpreter(workers.python), "--repo")
        with Repository(repository) as clone:

            def run(commit: Revision) -> Measurement:
                folder = clone.checkout(commit)
                # Each gets a new process, because imported modules stay loaded.
                with workers.runner_with(
                    [each for each in (folder, folder / "src") if each.is_dir()]
                ) as runner:
                    return runner.run(case.job())

            compare = partial(compare_runs, case, store=store, tier=Tier.ACROSS_RELEASES)
            commits = clone.between(*ends)
            found = bisect_by(plan, commits, run, compare, until_drift=until_drift, tried=progress.finished)
            return FoundChange(case, found)


def own_module(case: Case) -> str:
    """Return the first part of the name of the module that the pipeline of ``case`` comes from."""
    return case.pipeline.removeprefix("mindone:").partition(":")[0].partition(".")[0]


def check_own(case: Case, python: str, option: str) -> None:
    """Raise UsageError for a pipeline that is not imported from a folder given to the worker.

    ``option`` is the one that needs such a pipeline.
    """
    if case.pipeline in PIPELINES or is_class(case.pipeline):
        raise UsageError(
            f"{case.name} runs {case.pipeline}, which comes from no repository of yours; {option} is for "
            "cases whose pipeline is your own package.module:factory. For another version of a library, give "
            "--python the interpreter of an environment that has it"
        )
    module = own_module(case)
    done = subprocess.run([python, "-c", _FIND, module], capture_output=True, text=True, check=False)
    if place := done.stdout.strip():
        raise UsageError(
            f"{module} is installed for {python} ({place}), and would run instead of each commit's version: "
            "uninstall it there, remove it from PYTHONPATH, or give another --python"
        )
