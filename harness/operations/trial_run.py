"""One trial of a soak, on a runner: what precedes it, the load beside it, and the run itself."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

from harness.cases.case import Case
from harness.cases.job import Conditions, Job
from harness.execution.proc import tells_of_this_process
from harness.execution.runner import Runner
from harness.judgement.soak.trial import Offer, Trial
from harness.measurement.second_call import CallBits
from harness.operations.busy import busy

# What is added to the seeds of a case for a run before it that is not its own.
_OTHER_SEEDS = 1_000_003


def offer_of(device: str) -> Offer:
    """Return what can be varied on ``device``: the cores of this process, and, on a CPU, how operators start.

    On an NPU, operators are launched asynchronously, and the host's core matters to no operator.
    """
    on_cpu = device == "CPU"
    # A run is moved by the threads that /proc lists.
    movable = on_cpu and tells_of_this_process()
    cores = sorted(os.sched_getaffinity(0)) if movable else []
    return Offer(tuple(cores), launches=on_cpu)


@dataclass(frozen=True)
class TrialRun:
    """Runs a trial of ``case`` on the runner that it is called with; one of ``others`` may precede it."""

    case: Case
    trial: Trial
    others: tuple[Case, ...] = ()

    def __call__(self, runner: Runner) -> tuple[CallBits, dict[str, str]]:
        """Return the bits, and the level of each setting under which the run was."""
        with self.prepared(runner):
            bits, before = runner.bits(self.job(self.case.job().for_bits(self.trial.conditions)))
        return bits, self.trial.levels(before, runner.profile.core)

    def job(self, job: Job) -> Job:
        """Return ``job`` as it runs in this trial."""
        under = replace(job, conditions=self.trial.conditions)
        return under.alone() if self.trial.fresh else under

    def prepared(self, runner: Runner) -> AbstractContextManager[None]:
        """Run what precedes, and return a context in which the run's core is as busy as was drawn."""
        if self.trial.preceded is not None:
            runner.bits(self._before(self.trial.preceded))
        core = self.trial.conditions.core
        return busy(runner.profile.core if core is None else core) if self.trial.busy else nullcontext()

    def _before(self, number: int) -> Job:
        if self.others:
            return self.others[number % len(self.others)].job().for_bits(Conditions())
        job = self.case.job().for_bits(Conditions())
        seeds = tuple(seed + _OTHER_SEEDS for seed in job.seeds)
        return replace(job, seeds=seeds, name=f"{job.name} with other seeds")
