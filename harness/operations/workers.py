"""The workers in which an operation runs cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.baselines.git import git_commit
from harness.cases.case import Case
from harness.execution.pool import RunnerPool
from harness.execution.runner import Runner
from harness.execution.under_way import Times, UnderWay


@dataclass(frozen=True)
class Workers:
    """Where and how cases run.

    ``python`` is the workers' interpreter (None: this one), ``timeout`` is the limit for one run in seconds,
    and ``processes`` is how many run side by side. ``import_paths`` are the folders in which users' pipelines
    are found, and ``user_code`` says whether these may run at all. ``memory`` is the number of bytes that
    each worker may take (None: no limit). ``isa`` is the widest instruction set (None: the profile's), and
    ``cores`` is how many cores a worker sees. ``watcher`` is told how far each run is while it lasts.
    """

    device: str = "CPU"
    device_id: int = 0
    python: str | None = None
    timeout: float = 600.0
    processes: int = 1
    import_paths: tuple[Path, ...] = ()
    user_code: bool = True
    memory: int | None = None
    isa: str | None = None
    cores: int = 1
    watcher: Callable[[UnderWay], None] | None = field(default=None, compare=False)

    def runner(self) -> Runner:
        """Return a runner with one worker; use it as a context manager."""
        return Runner(
            python=self.python,
            device=self.device,
            device_id=self.device_id,
            isa=self.isa,
            pinned=self.cores == 1,
            cores=self.cores,
            timeout=self.timeout,
            import_paths=self.import_paths,
            user_code=self.user_code,
            memory=self.memory,
            commit_of=_commit_of,
            watcher=self.watcher,
        )

    def pool(self) -> RunnerPool:
        """Return a pool of ``processes`` runners side by side; use it as a context manager."""
        return RunnerPool(self.runner, self.processes)

    def expected(self, cases: Sequence[Case]) -> list[float | None]:
        """Return how many seconds a run of each of ``cases`` took last time, as far as that is known."""
        times = Times(self.device)
        return [times.expected(case.job()) for case in cases]

    def under(self, python: str | None) -> Workers:
        """Return the same workers under another interpreter."""
        return replace(self, python=python)

    def runner_with(self, import_paths: Sequence[Path]) -> Runner:
        """Return a runner that finds users' pipelines only in ``import_paths``."""
        return replace(self, import_paths=tuple(import_paths)).runner()


def _commit_of(files: Sequence[Path]) -> str | None:
    commit = git_commit(files[0].parent, only=files) if files else None
    return None if commit is None else str(commit)
