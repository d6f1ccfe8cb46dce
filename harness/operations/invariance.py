"""Measuring invariances: run each case once more with one thing changed, and compare with its own run."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from harness.baselines.baseline import Baseline, device_key
from harness.baselines.current import load_current
from harness.baselines.errors import BaselineUnusable
from harness.baselines.invariance import MeasuredInvariance, add_invariances
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.relations import Relation
from harness.errors import FailureCause, HarnessError
from harness.execution.messages import Context
from harness.execution.runner import Runner
from harness.execution.worker_process import CaseFailed
from harness.judgement.invariance.holding import Held, Images, hold, yardstick
from harness.judgement.tiers import Tier, choose_tier
from harness.measurement.measurement import Array, Measurement
from harness.operations.deep import same_bits_in_pynative
from harness.operations.invariance_results import CaseInvariances, FoundCell, Invariance, Invariances
from harness.operations.invariance_runs import (
    Arrangement,
    Surroundings,
    Unfit,
    arranged,
    first_alone,
    own_run,
)
from harness.operations.progress import SILENT, Progress, each_case, stage
from harness.operations.trial_run import offer_of
from harness.operations.workers import Workers
from harness.promises import Holding
from harness.tracing.rows import of_images

# A run that fails for one of these is refused, which is an answer; for others it is a failure.
_REFUSALS = (FailureCause.OTHER, FailureCause.NOT_COMPILED, FailureCause.MISSING_KERNEL)


class OtherBits(HarnessError):
    """The case's own run does not have the bits of its baseline, so it says nothing about that."""


class NoRows(HarnessError):
    """The output of a run does not have the same number of rows for each image."""


def measure_invariances(
    cases: Sequence[Case],
    workers: Workers,
    store: BaselineStore,
    relations: Sequence[Relation] = tuple(Relation),
    *,
    promised: bool = False,
    cells: bool = False,
    progress: Progress[CaseInvariances] = SILENT,
) -> Invariances:
    """Try each of ``relations`` on each of ``cases``, and store what came of it with their baselines.

    With ``promised``, only those are tried that a case promises. For one that is broken, the first cell that
    gives other bits is looked for; with ``cells``, for each that is not identical. ``progress`` counts the
    relations, and gets each :class:`CaseInvariances`.
    """
    results = []
    wanted = {
        case.name: [each for each in dict.fromkeys(relations) if not promised or each in case.invariances]
        for case in cases
    }
    left = "what was measured of the cases before is stored"
    with (
        stage(progress, "measuring", len(cases) * len(relations), interrupted=left),
        ExitStack() as opened,
    ):
        lab = _Lab(workers, opened)
        for case, advanced in each_case(progress, cases, len(relations)):
            others = [each for each in cases if each is not case]
            one = _OneCase(case, lab, store, others)
            results.append(_measured(one, wanted[case.name], advanced, cells=cells))
            progress.finished(results[-1])
    return Invariances(tuple(results))


@dataclass
class _Lab:
    """The runners: one whose workers are pinned to a core, and one whose workers see all cores."""

    workers: Workers
    opened: ExitStack

    @cached_property
    def pinned(self) -> Runner:
        return self.opened.enter_context(self.workers.runner())

    @cached_property
    def unpinned(self) -> Runner:
        cores = len(offer_of(self.workers.device).cores)
        return self.opened.enter_context(replace(self.workers, cores=cores).runner())

    def runner(self, arrangement: Arrangement) -> Runner:
        """Return the runner for ``arrangement``, without a worker, and with what precedes already run."""
        runner = self.pinned if arrangement.pinned else self.unpinned
        runner.restart()
        if arrangement.before is not None:
            runner.run(arrangement.before)
        return runner


@dataclass
class _OneCase:
    """One case while its invariances are measured."""

    case: Case
    lab: _Lab
    store: BaselineStore
    others: Sequence[Case]
    _references: dict[tuple[tuple[int, ...], bool], Measurement] = field(default_factory=dict)

    @cached_property
    def own(self) -> Measurement:
        """The case's own run, in a fresh worker."""
        self.lab.pinned.restart()
        return self.lab.pinned.run(own_run(self.case))

    def reference(self, arrangement: Arrangement, *, fresh: bool) -> Measurement:
        """Return the measurement with which that of ``arrangement`` is compared; each runs once."""
        job = arrangement.reference
        if job is None:
            return self.own
        key = job.seeds, fresh
        if key not in self._references:
            if fresh:
                self.lab.pinned.restart()
            self._references[key] = self.lab.pinned.run(job)
        return self._references[key]

    @cached_property
    def baseline(self) -> Baseline | BaselineUnusable:
        """The baseline of the device on which the case ran, or why there is none."""
        try:
            return load_current(self.store, self.case, device_key(self.own.fingerprint))
        except BaselineUnusable as error:
            return error

    @cached_property
    def around(self) -> Surroundings:
        own = Context.of(own_run(self.case))
        alike = (case.job() for case in self.others)
        before = next((job for job in alike if Context.of(job) == own and not job.isolate), None)
        workers = self.lab.workers
        offer, core = offer_of(workers.device), self.lab.pinned.profile.core
        return Surroundings(offer, core, before, on_cpu=workers.device == "CPU")

    def invariance(self, relation: Relation, *, cells: bool) -> Invariance:
        """Try one relation."""
        made = Invariance(relation, self.case.invariances.get(relation))
        arrangement = arranged(relation, self.case, self.around)
        if isinstance(arrangement, Unfit):
            return replace(made, unfit=arrangement)
        try:
            reference, held = self._tried(relation, arrangement)
        except CaseFailed as error:
            refused = error.refused and error.cause in _REFUSALS
            return replace(made, refused=error) if refused else replace(made, failure=error)
        except NoRows as error:
            return replace(made, refused=error)
        except HarnessError as error:
            return replace(made, failure=error)
        made = replace(made, held=held)
        wanted = made.broken or (cells and held.holding is not Holding.IDENTICAL)
        return (
            replace(made, found=self.first_cell(relation, arrangement, reference, held)) if wanted else made
        )

    def _tried(self, relation: Relation, arrangement: Arrangement) -> tuple[Measurement, Held]:
        """Return the reference, and how the other run compares with it."""
        if arrangement.before is None and arrangement.pinned:
            # Where a worker is there already, it takes no time to start. With the same bits after other runs
            # as well, the relation holds all the more.
            with suppress(CaseFailed):
                reference = self.reference(arrangement, fresh=False)
                varied = self.lab.pinned.run(arrangement.varied)
                held = self.compared(relation, arrangement, reference, varied)
                if held.holding is Holding.IDENTICAL:
                    return reference, held
        reference = self.reference(arrangement, fresh=True)
        varied = self.lab.runner(arrangement).run(arrangement.varied)
        return reference, self.compared(relation, arrangement, reference, varied)

    def compared(
        self, relation: Relation, arrangement: Arrangement, reference: Measurement, varied: Measurement
    ) -> Held:
        """Compare the images that both runs have."""
        stored = self.baseline if isinstance(self.baseline, Baseline) else None
        whole = len(arrangement.images) == len(self.case.seeds)
        theirs = _images(reference, [pair[0] for pair in arrangement.images], _seeds(arrangement, self.case))
        ours = _images(varied, [pair[1] for pair in arrangement.images], len(arrangement.varied.seeds))
        return hold(ours, theirs, yardstick(self.case, stored, relation, whole=whole))

    def first_cell(
        self, relation: Relation, arrangement: Arrangement, reference: Measurement, held: Held
    ) -> FoundCell:
        """Look for the first cell that gives other bits on the same inputs."""
        step = held.differs_from
        if step is None or step >= len(reference.trace):
            return FoundCell(None, unseen="after")
        if relation in (Relation.GUIDANCE_BATCH, Relation.PROMPT_PADDING):
            return FoundCell(step, unseen="regrouped")
        if arrangement.varied.mode != self.case.mode or not same_bits_in_pynative(self.case):
            return FoundCell(step, unseen="compiled")
        try:
            return self._replayed(arrangement, step)
        except HarnessError as error:
            return FoundCell(step, failure=error)

    def _replayed(self, arrangement: Arrangement, step: int) -> FoundCell:
        """Replay ``step`` of one run with what the cells got in the other."""
        reference, varied = arrangement.reference or own_run(self.case), arrangement.varied
        # Pairs of an image of the run that is recorded and the same image of the run that is replayed.
        forth = [(here, there) for here, there in arrangement.images]
        back = [(there, here) for here, there in arrangement.images]
        if len(forth) < min(len(reference.seeds), len(varied.seeds)):
            # Only the first image of both batches is the same: in each it is compared with itself alone.
            alone = first_alone(own_run(self.case))
            tries = [(varied, alone, back), (reference, alone, forth)]
        elif len(reference.seeds) < len(varied.seeds):
            # The trace of more images holds what fewer images need.
            tries = [(varied, reference, back)]
        else:
            tries = [(reference, varied, forth)]
        for recorded, replayed, pairs in tries:
            self.lab.pinned.restart()
            trace = self.lab.pinned.trace(recorded, step)
            rows = [of_recorded for of_recorded, _ in sorted(pairs, key=lambda pair: pair[1])]
            if rows != list(range(len(recorded.seeds))):
                trace = of_images(trace, rows, len(recorded.seeds))
            cell = self.lab.runner(arrangement).replay(replayed, trace).first
            if cell is not None:
                return FoundCell(step, cell)
        return FoundCell(step, unseen="not seen")


def _measured(one: _OneCase, relations: Sequence[Relation], advanced: Any, *, cells: bool) -> CaseInvariances:
    try:
        one.own  # noqa: B018  it runs here
    except HarnessError as error:
        return CaseInvariances(one.case, failure=error)
    found = []
    for number, relation in enumerate(relations, 1):
        found.append(one.invariance(relation, cells=cells))
        advanced(number)
    result = CaseInvariances(one.case, tuple(found))
    return _stored(one, result)


def _stored(one: _OneCase, result: CaseInvariances) -> CaseInvariances:
    """Store what was measured if the baseline is of this environment, and has the bits of the case's run."""
    if not isinstance(one.baseline, Baseline):
        return replace(result, unstored=one.baseline)
    tier = choose_tier(one.own.fingerprint, one.baseline.measurement.fingerprint)
    if tier is not Tier.SAME_ENVIRONMENT:
        return replace(result, unstored=tier)
    if one.baseline.measurement.call_bits.difference(one.own.call_bits) is not None:
        return replace(result, unstored=OtherBits("the case's own run drifts; run harness explain"))
    baseline = one.baseline

    def measured(each: Invariance) -> MeasuredInvariance | None:
        if each.held is None:
            return None
        by = yardstick(one.case, baseline, each.relation, whole=True)
        return MeasuredInvariance(each.held.holding.value, each.held.used, "", None if by is None else by.key)

    # What does not apply here may apply elsewhere, and what was measured there stays.
    new = {each.relation.value: measured(each) for each in result.invariances if each.unfit is None}
    try:
        add_invariances(one.store, one.baseline, new)
    except HarnessError as error:
        return replace(result, unstored=error)
    return replace(result, stored=True)


def _seeds(arrangement: Arrangement, case: Case) -> int:
    return len(case.seeds if arrangement.reference is None else arrangement.reference.seeds)


def _images(measurement: Measurement, indices: Sequence[int], images: int) -> Images:
    """Return what ``measurement``, of a batch of so many ``images``, has of those of ``indices``."""
    steps = _steps(measurement, images)
    latents = None if steps is None else tuple(_rows(each, indices, images) for each in steps)
    output = measurement.output
    if output.ndim == 0 or output.shape[0] % images:
        if images > 1:
            raise NoRows(f"the output {list(output.shape)} has no rows for each of {images} images")
        return Images(output, measurement.output_dtype, latents)
    return Images(_rows(output, indices, images), measurement.output_dtype, latents)


def _steps(measurement: Measurement, images: int) -> list[Array] | None:
    """Return the latents of each step, if they have rows for each image."""
    latents = measurement.latents
    # With two axes, they are flat because their shape changes between stages.
    if latents is None or (images > 1 and (latents.ndim < 3 or latents.shape[1] % images)):
        return None
    return list(latents)


def _rows(array: Array, indices: Sequence[int], images: int) -> Array:
    """Return the rows of these images; an image has as many, one after the other, as any other."""
    if images == 1:
        return array
    each = array.shape[0] // images
    return np.concatenate([array[index * each : (index + 1) * each] for index in indices])
