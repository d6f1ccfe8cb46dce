"""What determinism costs: each case with the profile, and with one of its settings off, side by side."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from enum import Enum

from harness.cases.case import Case
from harness.cases.job import Conditions, Job
from harness.errors import HarnessError, UsageError
from harness.execution.cann_settings import LEVEL_VARIABLE
from harness.execution.profile import default_isa
from harness.execution.runner import Runner
from harness.operations.progress import SILENT, Progress, each_case, stage
from harness.operations.turning import allowed_here
from harness.operations.workers import Workers

# Enough for quartiles.
PAIRS = 5
_FEWEST = 3


class ProfileSetting(str, Enum):
    """A setting of the profile that can be off in a worker."""

    ISA = "isa"
    CORES = "cores"
    LAUNCHES = "launches"
    LEVEL = "level"


class Unmeasured(str, Enum):
    """Why a setting has no cost here: it is of another device, or there is nothing else that it could be."""

    OTHER_DEVICE = "other-device"
    NOTHING_WIDER = "nothing-wider"
    ONE_CORE = "one-core"


@dataclass(frozen=True)
class Cost:
    """What one setting costs a case.

    ``on`` and ``off`` are the seconds of each pair of runs, with the whole profile and with the setting off.
    ``memory`` is how many bytes more the worker took at most with it on, and ``same_bits`` is whether both
    gave the same output. ``unmeasured`` or ``failure`` says why there is nothing.
    """

    setting: ProfileSetting
    on: tuple[float, ...] = ()
    off: tuple[float, ...] = ()
    memory: int = 0
    same_bits: bool | None = None
    unmeasured: Unmeasured | None = None
    failure: HarnessError | None = None

    @property
    def ratios(self) -> list[float]:
        """The time with the setting over that without it, pair by pair."""
        return [one / other for one, other in zip(self.on, self.off, strict=True) if other]

    @property
    def median(self) -> float | None:
        """The median of the ratios: 1.2 for a setting that costs a fifth more time."""
        return statistics.median(self.ratios) if self.ratios else None

    @property
    def quartiles(self) -> tuple[float, float] | None:
        """The first and the third quartile of the ratios."""
        if len(self.ratios) < _FEWEST:
            return None
        first, _, third = statistics.quantiles(self.ratios, n=4, method="inclusive")
        return first, third


@dataclass(frozen=True)
class CaseCosts:
    """What each setting costs ``case``; ``failure`` if it does not run with the whole profile."""

    case: Case
    costs: tuple[Cost, ...] = ()
    failure: HarnessError | None = None

    @property
    def complete(self) -> bool:
        """Whether every run gave a result."""
        return self.failure is None and not any(each.failure for each in self.costs)


@dataclass(frozen=True)
class _Off:
    """How runs without a setting are made: in other ``workers``, or under ``conditions``."""

    workers: Workers
    conditions: Conditions = field(default_factory=Conditions)

    def job(self, job: Job) -> Job:
        return replace(job, conditions=self.conditions)


def measure_costs(
    cases: Sequence[Case],
    workers: Workers,
    *,
    pairs: int = PAIRS,
    progress: Progress[CaseCosts] = SILENT,
) -> tuple[CaseCosts, ...]:
    """Run each of ``cases`` in turn with the profile and with one setting off, ``pairs`` times.

    Both workers are warm: the first run of each, which loads and compiles, does not count. ``progress``
    counts the settings, and gets each :class:`CaseCosts`. Raises UsageError for less than one pair.
    """
    if pairs < 1:
        raise UsageError(f"{pairs} pairs of runs measure nothing: give 1 or more")
    found = []
    with (
        stage(progress, "measuring", len(cases) * len(ProfileSetting), interrupted="nothing was written"),
        workers.runner() as runner,
    ):
        for case, advanced in each_case(progress, cases, len(ProfileSetting)):
            found.append(_costs(case, runner, workers, pairs, advanced))
            progress.finished(found[-1])
    return tuple(found)


def _costs(
    case: Case, runner: Runner, workers: Workers, pairs: int, advanced: Callable[[int], None]
) -> CaseCosts:
    job = replace(case.job(), keep_latents=False, singles=False)
    try:
        runner.run(job)
    except HarnessError as error:
        return CaseCosts(case, failure=error)
    costs = []
    for number, setting in enumerate(ProfileSetting, 1):
        off = _without(setting, workers)
        if isinstance(off, Unmeasured):
            costs.append(Cost(setting, unmeasured=off))
        else:
            try:
                costs.append(_cost(setting, job, runner, off, pairs))
            except HarnessError as error:
                costs.append(Cost(setting, failure=error))
        advanced(number)
    return CaseCosts(case, tuple(costs))


def _cost(setting: ProfileSetting, job: Job, runner: Runner, off: _Off, pairs: int) -> Cost:
    with ExitStack() as opened:
        other = opened.enter_context(off.workers.runner())
        other.run(off.job(job))
        on, without = [], []
        for _ in range(pairs):
            # In turn, so that what else the machine does meets both.
            on.append(runner.run(job))
            without.append(other.run(off.job(job)))
    return Cost(
        setting,
        tuple(each.timings["run"] for each in on),
        tuple(each.timings["run"] for each in without),
        max(each.peak_memory for each in on) - max(each.peak_memory for each in without),
        not any(one.call_bits.difference(other.call_bits) for one, other in zip(on, without, strict=True)),
    )


def _without(setting: ProfileSetting, workers: Workers) -> _Off | Unmeasured:
    """Return how ``setting`` is turned off, or why that is not possible."""
    if (setting is ProfileSetting.LEVEL) is (workers.device == "CPU"):
        return Unmeasured.OTHER_DEVICE
    if setting is ProfileSetting.LEVEL:
        return _Off(workers, Conditions(variables={LEVEL_VARIABLE: "0"}))
    if setting is ProfileSetting.LAUNCHES:
        return _Off(workers, Conditions(asynchronous=True))
    allowed = allowed_here()
    if setting is ProfileSetting.CORES:
        cores = allowed.cores or 1
        return _Off(replace(workers, cores=cores)) if cores > 1 else Unmeasured.ONE_CORE
    widest = allowed.isas[-1] if allowed.isas else default_isa()
    return Unmeasured.NOTHING_WIDER if widest == default_isa() else _Off(replace(workers, isa=widest))
