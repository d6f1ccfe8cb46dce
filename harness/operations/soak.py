"""Soaking: run cases many times under settings that should not matter, and compare the bits of every run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from harness.baselines.baseline import Baseline, device_key
from harness.baselines.current import load_current
from harness.baselines.errors import BaselineUnusable
from harness.baselines.soak import SoakRecord, add_soak, read_soak
from harness.baselines.store import BaselineStore
from harness.baselines.tally import Tallies, Tally, counted
from harness.cases.case import Case
from harness.errors import HarnessError, UsageError
from harness.execution.messages import Context
from harness.execution.pool import RunnerPool
from harness.judgement.soak.trial import SOAKING, Offer, Trial, draw_trial
from harness.judgement.tiers import Tier, choose_tier
from harness.measurement.second_call import CallBits
from harness.operations.progress import SILENT, Progress, stage
from harness.operations.soak_explaining import Suspect, explain_deviation
from harness.operations.soak_results import Demand, Deviation, Foreseen, Soak, SoakedCase, SoFar
from harness.operations.trial_run import TrialRun, offer_of
from harness.operations.workers import Workers

_LONGEST = 24 * 3600.0
# What trials take on average, beside a run in a warm worker: some are in fresh processes or beside load.
_SECONDS_OF_A_PROCESS, _SLOWER = 4.0, 1.1
_INTERRUPTED = "the runs that are finished are stored with their baselines, and count the next time"
# How often the next run is of a pipeline that is loaded: a worker keeps few of them.
_STAYS = 0.95
# Seconds between two times that the runs are stored, and that progress is told.
_STORED_EVERY, _TOLD_EVERY = 60.0, 1.0


@dataclass
class _Soaking:
    """A case while it is soaked."""

    case: Case
    reference: CallBits
    baseline: Baseline | None
    unstored: HarnessError | Tier | None
    to_run: int
    seconds_of_a_run: float
    # How many runs earlier soaks made with the same seed: their settings are not drawn again.
    skipped: int
    anew: bool
    started: int = 0
    runs: Tally = field(default_factory=Tally)
    tallies: Tallies = field(default_factory=dict)
    unsaved: SoakRecord | None = None
    proven: SoakRecord | None = None
    deviation: Deviation | None = None
    trial: Trial | None = None
    failure: HarnessError | None = None
    seconds: float = 0.0

    @property
    def wanting(self) -> bool:
        """Whether another run of it is to start."""
        return self.failure is None and self.deviation is None and self.started < self.to_run

    def count(self, trial: Trial, levels: dict[str, str], bits: CallBits, seed: int) -> None:
        """Count a run, and keep it if it is the first that deviates."""
        difference = self.reference.difference(bits)
        run = Tally(1, int(difference is not None))
        self.runs += run
        if self.baseline is not None:
            one = SoakRecord(self.baseline.identity, run, counted({}, levels, run), {str(seed): 1})
            self.unsaved = one if self.unsaved is None else self.unsaved + one
        if difference is not None and self.deviation is None:
            self.trial = trial
            self.deviation = Deviation(self.runs.runs, levels, difference, self.reference, bits)

    def save(self, store: BaselineStore) -> None:
        """Store the runs that are not stored yet."""
        if self.baseline is not None and self.unsaved is not None:
            self.proven = add_soak(store, self.baseline, self.unsaved, anew=self.anew)
            self.unsaved, self.anew = None, False

    def result(self) -> SoakedCase:
        return SoakedCase(
            self.case, self.runs, self.seconds, self.proven, self.unstored, self.deviation, self.failure
        )


def soak(
    cases: Sequence[Case],
    workers: Workers,
    store: BaselineStore,
    demand: Demand,
    progress: Progress[Any] = SILENT,
) -> Soak:
    """Run each of ``cases`` until a run deviates, or until ``demand`` is met; explain what deviates.

    A case with a baseline of this environment is compared with it, and its runs are stored beside it, added
    to those of earlier soaks; other cases are compared with their own first run. ``progress`` gets a
    :class:`Foreseen`, a :class:`SoFar` now and then, and each :class:`SoakedCase`.

    Raises UsageError, before most runs, if it would take longer than a day.
    """
    found: list[_Soaking | SoakedCase] = []
    with (
        stage(progress, "soaking", 0, interrupted=_INTERRUPTED),
        workers.pool() as pool,
    ):
        for case in cases:
            progress.started(case.name)
            found.append(_begun(case, pool, store, demand))
        soaking = [each for each in found if isinstance(each, _Soaking)]
        offer = offer_of(workers.device)
        progress.finished(_foreseen(soaking, workers.processes, offer))
        try:
            _run(soaking, pool, store, demand, workers.processes, offer, progress)
        finally:
            for each in soaking:
                each.save(store)
        results = []
        for begun in found:
            if isinstance(begun, _Soaking):
                progress.started(begun.case.name)
                _explain(begun, soaking, pool, demand, offer)
            results.append(begun.result() if isinstance(begun, _Soaking) else begun)
            progress.finished(results[-1])
    return Soak(tuple(results), demand)


def _begun(case: Case, pool: RunnerPool, store: BaselineStore, demand: Demand) -> _Soaking | SoakedCase:
    """Measure ``case`` once, and find what its bits are compared with."""
    try:
        measured = pool.run(case.job())
    except HarnessError as error:
        return SoakedCase(case, Tally(), 0.0, None, failure=error)
    bits, baseline = measured.call_bits, None
    unstored: HarnessError | Tier | None = None
    before = SoakRecord("")
    try:
        stored = load_current(store, case, device_key(measured.fingerprint))
        tier = choose_tier(measured.fingerprint, stored.measurement.fingerprint)
        baseline, unstored = (stored, None) if tier is Tier.SAME_ENVIRONMENT else (None, tier)
    except BaselineUnusable as error:
        unstored = error
    if baseline is not None and not demand.anew:
        try:
            before = read_soak(store, baseline)
        except HarnessError as error:
            return SoakedCase(case, Tally(), 0.0, None, failure=error)
    reference = bits if baseline is None else baseline.measurement.call_bits
    begun = _Soaking(
        case, reference, baseline, unstored, demand.left(before.runs), measured.timings.get("run", 0.0),
        before.streams.get(str(demand.seed), 0), demand.anew,
    )  # fmt: skip
    if baseline is not None:
        begun.proven = replace(before, identity=baseline.identity)
    if reference.difference(bits) is not None:
        # A first run that does not have the baseline's bits is a run that deviates, in a fresh process.
        first = Trial(fresh=True)
        begun.count(first, first.levels(None), bits, demand.seed)
    return begun


def _foreseen(soaking: Sequence[_Soaking], processes: int, offer: Offer) -> Foreseen:
    """Return how long it all takes; raises UsageError if that is more than a day."""
    each = [(one, one.seconds_of_a_run * _SLOWER + SOAKING.fresh * _SECONDS_OF_A_PROCESS) for one in soaking]
    runs = sum(one.to_run for one in soaking)
    seconds = sum(one.to_run * took for one, took in each) / processes
    if seconds > _LONGEST:
        slowest = max(each, key=lambda pair: pair[0].to_run * pair[1])[0]
        raise UsageError(
            f"{runs:,} runs would take about {seconds / 3600:,.0f} hours, most of them for "
            f"{slowest.case.name} ({slowest.seconds_of_a_run:.1f} s a run), and a soak may take a day: give "
            "a larger --bound, fewer cases, or more workers with -n; or give --runs, every night, because "
            "runs add up"
        )
    return Foreseen(runs, seconds, offer.fixed)


def _run(
    soaking: Sequence[_Soaking],
    pool: RunnerPool,
    store: BaselineStore,
    demand: Demand,
    processes: int,
    offer: Offer,
    progress: Progress[Any],
) -> None:
    """Make the trials, in an order that is drawn, so that the case that ran before is another each time."""
    pending: dict[Future[tuple[CallBits, dict[str, str]]], tuple[_Soaking, Trial, float]] = {}
    order = np.random.default_rng([demand.seed, sum(each.skipped for each in soaking)])
    stored = told = time.monotonic()
    done = 0
    chosen: _Soaking | None = None
    while True:
        while len(pending) < processes and (wanting := [each for each in soaking if each.wanting]):
            chosen = _next(wanting, chosen, order)
            # A stream of its own for each run, so that a soak goes on where the last one ended.
            number = chosen.skipped + chosen.started
            generator = np.random.default_rng([demand.seed, number, *chosen.case.name.encode()])
            trial = draw_trial(generator, SOAKING, offer)
            chosen.started += 1
            making = pool.apply(TrialRun(chosen.case, trial, _predecessors(chosen, soaking)))
            pending[making] = chosen, trial, time.monotonic()
        if not pending:
            return
        for future in wait(pending, return_when=FIRST_COMPLETED).done:
            each, trial, since = pending.pop(future)
            each.seconds += time.monotonic() - since
            try:
                bits, levels = future.result()
                each.count(trial, levels, bits, demand.seed)
            except HarnessError as error:
                each.failure = each.failure or error
            done += 1
            progress.advanced(done)
            if time.monotonic() - told > _TOLD_EVERY:
                told = time.monotonic()
                progress.finished(SoFar(each.case, each.runs, each.to_run))
        if time.monotonic() - stored > _STORED_EVERY:
            stored = time.monotonic()
            for each in soaking:
                each.save(store)


def _next(wanting: Sequence[_Soaking], last: _Soaking | None, order: np.random.Generator) -> _Soaking:
    """Return the case to run after ``last``: mostly one of the same checkpoint, which is still loaded."""
    loaded = [
        each
        for each in wanting
        if last is not None
        and (each.case.pipeline, each.case.checkpoint) == (last.case.pipeline, last.case.checkpoint)
    ]
    among = loaded if loaded and order.random() < _STAYS else wanting
    return among[int(order.integers(len(among)))]


def _predecessors(chosen: _Soaking, soaking: Sequence[_Soaking]) -> tuple[Case, ...]:
    """Return the cases that can run before ``chosen`` in the same worker."""
    context = Context.of(chosen.case.job())
    others = (each.case for each in soaking if each is not chosen)
    return tuple(case for case in others if Context.of(case.job()) == context)


def _explain(
    each: _Soaking, soaking: Sequence[_Soaking], pool: RunnerPool, demand: Demand, offer: Offer
) -> None:
    """Look for what a deviation goes with, and for the first cell that deviates."""
    if each.deviation is None or each.trial is None:
        return
    explained = explain_deviation(
        Suspect(each.case, each.reference, each.trial, each.deviation.difference, each.runs),
        _predecessors(each, soaking),
        pool,
        offer,
        runs=demand.explaining,
        seed=demand.seed,
    )
    each.deviation = replace(each.deviation, explained=explained)
