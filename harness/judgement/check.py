"""The check of one case: run it, and hold what came out to its baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from harness.baselines import Baseline, BaselineStore, unusable
from harness.cases import Case
from harness.errors import HarnessError
from harness.judgement.record import Judgement
from harness.judgement.selection import select_baseline
from harness.judgement.verdicts import judge
from harness.measurement.record import Measurement


class CaseRunner(Protocol):
    """What a check needs of a runner."""

    def run(self, job: dict[str, Any]) -> Measurement:
        """Run one case; raises a HarnessError where it yields no measurement."""


@dataclass(frozen=True)
class Check:
    """A judgement, the measurement that was judged and the baseline it was held to.

    ``measurement`` is None where the case yielded none, ``baseline`` where there is none to hold it to.
    """

    judgement: Judgement
    measurement: Measurement | None = None
    baseline: Baseline | None = None

    def properties(self) -> list[tuple[str, str]]:
        """Return what a test report keeps of the check: verdict, tier, worst figure, statistics, cost."""
        judgement = self.judgement
        pairs = [("verdict", judgement.verdict.value)]
        if judgement.tier is not None:
            pairs.append(("tier", judgement.tier.value))
        if (worst := judgement.worst) is not None:
            pairs += [("worst", worst.name), ("worst.measured", repr(worst.measured))]
            pairs.append(("worst.limit", repr(worst.limit)))
        if judgement.margin is not None:
            pairs.append(("margin", repr(judgement.margin)))
        if self.measurement is not None:
            pairs += [
                (f"statistic.{name}", repr(value)) for name, value in self.measurement.statistics.items()
            ]
            pairs += [(f"seconds.{name}", f"{value:.3f}") for name, value in self.measurement.timings.items()]
            pairs.append(("peak_memory_mb", f"{self.measurement.peak_memory / 2**20:.0f}"))
        return pairs


def check(case: Case, runner: CaseRunner, store: BaselineStore) -> Check:
    """Run ``case`` and return the verdict; every failure to run or to find a baseline is an ``error``.

    A case without a baseline that it could be held to (none stored, or all stale or damaged) is not run.
    """
    try:
        if (found := unusable(case, store)) is not None:
            judgement = Judgement.error(case, found.message, stale=found.kind == "stale")
            return Check(judgement, baseline=found.baseline)
        measurement = runner.run(case.job())
    except HarnessError as error:
        return Check(Judgement.error(case, str(error)))
    return hold(case, measurement, store)


def hold(case: Case, measurement: Measurement, store: BaselineStore) -> Check:
    """Hold what a run of ``case`` yielded to its baseline; where there is none that is an ``error``."""
    baseline = None
    try:
        baseline = select_baseline(store, case, measurement.fingerprint)
        judgement = judge(case, measurement, baseline, options=store.options)
    except HarnessError as error:
        judgement = Judgement.error(case, str(error))
    return Check(judgement, measurement, baseline)
