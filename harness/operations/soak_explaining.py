"""Explaining a run that deviates: the settings that it goes with, and the first cell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from harness.baselines.tally import Tallies, Tally, counted
from harness.cases.case import Case
from harness.errors import HarnessError
from harness.execution.pool import RunnerPool
from harness.execution.runner import Runner
from harness.judgement.soak.association import Association, associations
from harness.judgement.soak.proof import interval
from harness.judgement.soak.trial import EXPLAINING, Offer, Trial, draw_trial
from harness.measurement.second_call import CallBits, FirstDifference
from harness.operations.deep import same_bits_in_pynative
from harness.operations.trial_run import TrialRun
from harness.tracing.divergence import Divergence
from harness.tracing.trace import DeepTrace

# A setting is not believed before so many runs, however small its p-value.
_FEWEST_RUNS = 24
# For each further run, so many replays at most.
_REPLAYS_OF_A_RUN, _FEWEST_REPLAYS = 5, 20
# So many times as often as a deviation of the step is expected, it is looked for: it then shows with 95 %.
_PATIENCE = 3
_TRACES = 5

# Why no cell is named: the difference lies before the first step or after the last one, cells cannot be
# watched with these bits, none was seen to deviate, or every trace that was recorded deviated itself.
Unseen = Literal["before", "after", "compiled", "not seen", "no sound trace"]


@dataclass(frozen=True)
class Suspect:
    """A case of which a ``trial`` deviated from the ``reference``, after the ``runs`` up to then."""

    case: Case
    reference: CallBits
    trial: Trial
    difference: FirstDifference
    runs: Tally


@dataclass(frozen=True)
class Explained:
    """What was learnt of a deviation.

    In ``runs``, rare settings were drawn more often; ``associations`` are those that a deviation goes
    with, the surest first. ``cell`` is the first cell that gave other bits on the same inputs, found in so
    many ``replays``; ``unseen`` says why there is none. ``failure`` ended the search.
    """

    runs: Tally
    associations: tuple[Association, ...] = ()
    cell: Divergence | None = None
    replays: int = 0
    unseen: Unseen | None = None
    failure: HarnessError | None = None

    @property
    def cause(self) -> Association | None:
        """The setting with which the deviation goes, if chance does not explain it."""
        first = next(iter(self.associations), None)
        return first if first is not None and first.significant else None


def explain_deviation(
    suspect: Suspect, others: Sequence[Case], pool: RunnerPool, offer: Offer, *, runs: int, seed: int
) -> Explained:
    """Make up to ``runs`` further trials, and replay the step that deviated until a cell does.

    ``others`` are cases that may run before in the same worker, and ``offer`` is what can be varied.
    """
    total, deviating = Tally(), [suspect.trial]
    tallies: Tallies = {}
    try:
        for number in range(runs):
            generator = np.random.default_rng([seed, 1 << 40, number, *suspect.case.name.encode()])
            trial = draw_trial(generator, EXPLAINING, offer)
            bits, levels = pool.apply(TrialRun(suspect.case, trial, tuple(others))).result()
            run = Tally(1, int(suspect.reference.difference(bits) is not None))
            total, tallies = total + run, counted(tallies, levels, run)
            if run.deviating:
                deviating.append(trial)
            if number + 1 >= _FEWEST_RUNS and any(each.significant for each in associations(tallies)):
                break
        found = associations(tallies)
    except HarnessError as error:
        return Explained(total, associations(tallies), failure=error)
    try:
        most = max(_REPLAYS_OF_A_RUN * runs, _FEWEST_REPLAYS)
        seen = pool.apply(_Watching(suspect, tuple(others), tuple(deviating), total, most)).result()
    except HarnessError as error:
        return Explained(total, found, failure=error)
    return Explained(total, found, *seen)


@dataclass(frozen=True)
class _Watching:
    """Looks for the cell, on the runner that it is called with, under the trials that deviated."""

    suspect: Suspect
    others: tuple[Case, ...]
    deviating: tuple[Trial, ...]
    explaining: Tally
    most: int

    def __call__(self, runner: Runner) -> tuple[Divergence | None, int, Unseen | None]:
        """Return the cell, the number of replays, and why there is no cell."""
        case, difference = self.suspect.case, self.suspect.difference
        if difference.part in ("draw", "draws"):
            return None, 0, "before"
        if difference.part != "step" or difference.at is None:
            return None, 0, "after"
        if not same_bits_in_pynative(case):
            return None, 0, "compiled"
        trace = self._sound_trace(runner, difference.at)
        if trace is None:
            return None, 0, "no sound trace"
        replays = self._replays()
        for number in range(replays):
            # The latest trials first: they are known to deviate without what ran before by chance.
            trial = self.deviating[-1 - number % len(self.deviating)]
            run = TrialRun(case, trial, self.others)
            with run.prepared(runner):
                replay = runner.replay(run.job(case.job()), trace)
            if replay.first is not None:
                return replay.first, number + 1, None
        return None, replays, "not seen"

    def _sound_trace(self, runner: Runner, step: int) -> DeepTrace | None:
        """Return a trace of ``step`` that has the bits of the reference."""
        for _ in range(_TRACES):
            trace = runner.trace(self.suspect.case.job().alone(), step)
            if trace.after.sha256 == self.suspect.reference.steps[step].sha256:
                return trace
        return None

    def _replays(self) -> int:
        """Return how many replays show the cell with 95 %, if as few runs deviate as those seen allow."""
        seen = self.explaining if self.explaining.deviating else self.suspect.runs
        rarest, _ = interval(seen.runs, seen.deviating)
        # Each step may be the first that deviates, and only one of them is replayed.
        wanted = math.ceil(_PATIENCE * len(self.suspect.reference.steps) / rarest) if rarest else self.most
        return min(max(wanted, _FEWEST_REPLAYS), self.most)
