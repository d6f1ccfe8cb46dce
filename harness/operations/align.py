"""Align a port with its original: the first place in the order of a run that computes something else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from harness.cases.case import Case
from harness.cases.job import Job
from harness.cases.reference import NoReference, reference_job, yardstick_job
from harness.errors import HarnessError, UsageError
from harness.execution.runner import Runner
from harness.explanation.hypotheses.fitting import Hypothesis
from harness.explanation.hypotheses.kinds import Lacking
from harness.explanation.hypotheses.trying import first_fit
from harness.judgement import bits
from harness.judgement.constants import constant_change
from harness.judgement.fact_reasons import ConstantChanged
from harness.judgement.reasons import NoiseChanged, Reason
from harness.judgement.yardstick import FACTOR, Distance, distances
from harness.measurement.measurement import Measurement
from harness.operations.alignment import Alignment, Conclusion, Side, Yardstick
from harness.operations.progress import SILENT, Progress, each_case, stage
from harness.operations.workers import Workers
from harness.tracing.divergence import DWARFED
from harness.tracing.observed import Observed

# What the fields of a fingerprint are called that name the original's packages.
_PACKAGES = ("diffusers", "transformers", "torch")
_RUNS = 4
_CUDA = "CUDA"
# The products of a thousand betas in float32 differ by up to 30 ulp between two libraries.
_SUMMED_ULPS = 100.0
_MOST_EXAMINED = 3


def align(
    cases: Sequence[Case],
    workers: Workers,
    *,
    python: str,
    device: str = "CPU",
    factor: float = FACTOR,
    step: int | None = None,
    progress: Progress[Alignment] = SILENT,
) -> tuple[Alignment, ...]:
    """Run each of ``cases``, of mindone, and the same on diffusers under ``python``, and compare them.

    Each case runs once, and its original twice: in the case's own dtype and in float64, which says how much
    rounding moves it. If the port is more than ``factor`` times as far from float64 as the original, the
    first such step runs once more on both sides, and each of the port's cells is given the original's inputs.
    ``step`` asks for a step to be examined whatever the distances are. ``device`` is the original's. A case
    that is not a class of mindone has failed. Raises UsageError if none is, for a device that cases of
    mindone cannot run on, and for an interpreter that cannot be used.
    """
    if workers.device == _CUDA:
        raise UsageError("mindone does not run on CUDA; give the original's device with --torch-device CUDA")
    originals = {case: _without_original(case) for case in cases}
    if originals and all(originals.values()):
        raise UsageError(str(next(iter(originals.values()))))
    found = []
    with (
        stage(progress, "aligning", len(cases) * _RUNS, interrupted="nothing was written"),
        workers.runner() as runner,
        replace(workers.under(python), device=device).runner() as other,
    ):
        for case, advanced in each_case(progress, cases, _RUNS):
            if (lacking := originals[case]) is not None:
                failed = Side.ORIGINAL
                found.append(Alignment(case, {}, failed=failed, failure=lacking, conclusion="failed"))
            else:
                found.append(_Aligning(case, runner, other, factor, advanced).found(step))
            progress.finished(found[-1])
    return tuple(found)


def _without_original(case: Case) -> NoReference | None:
    """Return why diffusers has no original of ``case``; None if it may have one."""
    try:
        reference_job(case.job())
    except NoReference as error:
        return error
    return None


def align_with(case: Case, runner: Runner, other: Runner, factor: float = FACTOR) -> Alignment:
    """Return how ``case``, run by ``runner``, compares with its original, run by ``other``."""
    return _Aligning(case, runner, other, factor, lambda _: None).found(None)


class _Failed(Exception):
    """A run that gave nothing: whose it is, and why."""

    def __init__(self, side: Side, failure: HarnessError) -> None:
        super().__init__(side, failure)
        self.side, self.failure = side, failure


class _Aligning:
    """One case being aligned: ``runner`` runs it, and ``other`` its original."""

    def __init__(
        self, case: Case, runner: Runner, other: Runner, factor: float, advanced: Callable[[int], None]
    ) -> None:
        self._case, self._runner, self._other = case, runner, other
        job = replace(case.job(), keep_latents=True, singles=False, decodings=())
        self._ours, self._theirs, self._exact = job, reference_job(job), yardstick_job(job)
        self._factor, self._advanced = factor, advanced

    def found(self, step: int | None) -> Alignment:
        """Return what aligning came to; ``step`` is examined if one is given."""
        try:
            return self._aligned(step)
        except _Failed as failed:
            failure = failed.failure
            return Alignment(self._case, {}, failed=failed.side, failure=failure, conclusion="failed")

    def _aligned(self, step: int | None) -> Alignment:
        # The original first: what it cannot run has nothing to be compared with.
        own = _run(Side.ORIGINAL, self._other, self._theirs)
        self._advanced(1)
        near, exact, yardstick = self._measured_by(own)
        self._advanced(2)
        port = _run(Side.PORT, self._runner, self._ours)
        self._advanced(3)
        measured = distances(port, near, exact, dtype=self._case.dtype, factor=self._factor)
        differing = tuple(_differing(port, own))
        constant = constant_change(port, own)
        release = {name: own.fingerprint[name] for name in _PACKAGES if name in own.fingerprint}
        alignment = Alignment(
            self._case, release, differing, _telling(constant), measured, yardstick=yardstick
        )
        indices = _steps_to_examine(measured, len(port.trace)) if step is None else [step]
        if not all(np.isfinite(each.output).all() for each in (near, exact)):
            return replace(alignment, conclusion="undefined")
        if not indices and not _all_compared(measured):
            indices = [len(port.trace)]
        for index in indices if not differing else ():
            examined = self._examined(alignment, index)
            if examined.finding is not None and examined.finding.beyond:
                alignment = examined
                break
            # Where rounding explains all of it, the first step says where it begins.
            alignment = alignment if alignment.replay is not None else examined
        return replace(alignment, conclusion=_conclusion(alignment))

    def _measured_by(self, own: Measurement) -> tuple[Measurement, Measurement, Yardstick]:
        """Return a run of the original that is as far off as rounding takes it, and what it is off from."""
        try:
            return own, self._other.run(self._exact), "float64"
        except UsageError:
            raise
        except HarnessError:
            # Some pipelines of diffusers cast to float32 in one place and not in another.
            return _run(Side.ORIGINAL, self._other, self._theirs.member(1)), own, "moved"

    def _examined(self, alignment: Alignment, index: int) -> Alignment:
        """Return the alignment with what the port's cells do in step ``index`` with the original's inputs."""
        try:
            trace = self._other.trace(self._theirs, index)
        except HarnessError as error:
            raise _Failed(Side.ORIGINAL, error) from error
        try:
            replay = self._runner.replay(self._ours, trace)
            observed = None if replay.observed is None else Observed.from_bytes(replay.observed)
        except HarnessError as error:
            raise _Failed(Side.PORT, error) from error
        mistake = None
        if replay.main is not None and replay.main.lacking:
            mistake = Hypothesis(Lacking(replay.main.lacking), 0.0)
        elif observed is not None:
            mistake = first_fit(observed)
        return replace(
            alignment,
            replay=replay,
            finding=replay.main or replay.most_sensitive,
            mistake=mistake,
            observed=observed,
        )


def _run(side: Side, runner: Runner, job: Job) -> Measurement:
    try:
        return runner.run(job)
    except UsageError:
        raise
    except HarnessError as error:
        raise _Failed(side, error) from error


def _differing(port: Measurement, own: Measurement) -> list[Reason]:
    """Return what explains a difference before anything is computed, first cause first."""
    found: list[Reason | None] = [bits.ledger_change(port, own), bits.schedule_change(port, own)]
    return [each for each in found if each is not None]


def _telling(constant: ConstantChanged | None) -> tuple[ConstantChanged, ...]:
    """Return the constant unless it may be the result of the same formula, added up in another order."""
    if constant is None or (constant.measured is not None and constant.ulps <= _SUMMED_ULPS):
        return ()
    return (constant,)


def _steps_to_examine(found: Sequence[Distance], steps: int) -> list[int]:
    """Return the first step that is too far from float64, and each that is ten times as far.

    The later ones are looked into only if rounding explains what the earlier ones do: a pipeline may have
    several models, one after the other. What follows the last step counts as the step after it.
    """
    chosen: list[Distance] = []
    for each in found:
        if not each.within and (not chosen or each.port > DWARFED * chosen[-1].port):
            chosen.append(each)
    return [steps if each.step is None else each.step for each in chosen[:_MOST_EXAMINED]]


def _conclusion(alignment: Alignment) -> Conclusion:
    if alignment.differing:
        first = alignment.differing[0]
        return "draws" if isinstance(first, NoiseChanged) else "schedule"
    if alignment.finding is not None and alignment.finding.beyond and not _within(alignment):
        return "place"
    if not _all_compared(alignment.distances):
        return "form"
    if alignment.first_beyond is None:
        return "aligned"
    return "unplaced" if alignment.finding is None else "amplified"


def _within(alignment: Alignment) -> bool:
    return alignment.first_beyond is None and _all_compared(alignment.distances)


def _all_compared(found: Sequence[Distance]) -> bool:
    """Whether the outputs could be compared: those of another shape have no distance."""
    return any(each.step is None for each in found)
