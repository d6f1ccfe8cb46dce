"""Bisecting commits: the first commit of a pipeline's repository that changed a case's output."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.names import MINDONE_CLASS_PATTERN, PIPELINES
from harness.errors import UsageError
from harness.execution.runner import Runner, interpreter
from harness.judgement.tiers import Tier
from harness.measurement.measurement import Measurement
from harness.operations.compare_runs import compare_runs
from harness.releases.bisection import Bisected, Progress, bisect
from harness.releases.repository import Repository, Revision

# Makes a runner that imports users' pipelines from these folders.
MakeRunner = Callable[[Sequence[Path]], Runner]

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
    make_runner: MakeRunner,
    store: BaselineStore,
    *,
    python: str | None = None,
    until_drift: bool = False,
    progress: Progress = lambda *_: None,
) -> Bisected[Revision]:
    """Return the commit, from the good one of ``ends`` to the bad, that changed the output of ``case``.

    The case and its checkpoint are those of today, the pipeline is imported from each commit's files: from
    the top folder of the repository, or from ``src`` in it. With ``until_drift`` commits are held to the good
    one by the limits across releases, since the environment is the same.

    Raises UsageError for a case whose pipeline would not come from the repository, and what
    :func:`harness.releases.bisection.bisect` raises.
    """
    _check_own(case, interpreter(python))

    with Repository(repository) as clone:

        def run(commit: Revision) -> Measurement:
            folder = clone.checkout(commit)
            # A fresh process each: modules that are imported stay as they are.
            with make_runner([each for each in (folder, folder / "src") if each.is_dir()]) as runner:
                return runner.run(case.job())

        compare = partial(compare_runs, case, store=store, tier=Tier.ACROSS_RELEASES)
        return bisect(clone.between(*ends), run, compare, until_drift=until_drift, progress=progress)


def _check_own(case: Case, python: str) -> None:
    """Raise UsageError for a pipeline that is not imported from a folder given to the worker."""
    if case.pipeline in PIPELINES or re.fullmatch(MINDONE_CLASS_PATTERN, case.pipeline):
        raise UsageError(
            f"{case.name} runs {case.pipeline}, which no repository of yours holds; --repo is for "
            "cases with a pipeline of your own, package.module:factory"
        )
    module = case.pipeline.removeprefix("mindone:").partition(":")[0].partition(".")[0]
    done = subprocess.run([python, "-c", _FIND, module], capture_output=True, text=True, check=False)
    if place := done.stdout.strip():
        raise UsageError(
            f"{module} is installed for {python} ({place}), and would be run in place of every commit's: "
            "uninstall it there, take it out of PYTHONPATH, or give another --python"
        )
