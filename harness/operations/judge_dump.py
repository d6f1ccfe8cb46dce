"""Judging two dumps of msprobe: of one step each, on the same rank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.baselines.baseline import Baseline
from harness.baselines.current import load_current, unusable
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.dumps.comparing import DumpComparison, aligned, compare_dumps
from harness.dumps.dump import Dump, DumpError, read_dump
from harness.dumps.places import Place, dumps_in
from harness.errors import HarnessError, UsageError
from harness.judgement.calibration.limits import StepLimits, calibrated_limits
from harness.judgement.dumps import DumpJudgement, InputLimit, judge_dumps
from harness.judgement.metrics import statistic_deviation
from harness.judgement.tiers import DEVICE_FACTOR
from harness.measurement.figures import StepRecord
from harness.measurement.measurement import Array
from harness.measurement.statistics import moments
from harness.operations.progress import SILENT, Progress, stage
from harness.remedy import Action

# Another step or case is off by far more than a hundred limits, a drift of this case by far less.
_SAME_LATENTS = 100.0


@dataclass(frozen=True)
class Calibrated:
    """Whose calibration limits what the pipeline passes to its model: a case, and the device of its baseline.

    ``device`` is None if the case has a baseline of one device alone. ``across_devices`` is whether the two
    dumps are of two kinds of device, whose limits are wider.
    """

    case: Case
    store: BaselineStore
    device: str | None = None
    across_devices: bool = False


@dataclass(frozen=True)
class JudgedDumps:
    """Two dumps, and the judgement on them: ``ours`` against ``theirs``, the reference.

    ``limit`` is what a case's calibration gave, for ``case``; both are None if none was asked for. ``limit``
    is None for the first step, too, before which nothing is computed.
    """

    ours: Place
    theirs: Place
    frameworks: tuple[str, str]
    comparison: DumpComparison
    judgement: DumpJudgement
    case: str | None = None
    limit: InputLimit | None = None


def judge(
    ours: Path,
    theirs: Path,
    *,
    step: int | None = None,
    rank: int | None = None,
    calibrated: Calibrated | None = None,
    progress: Progress[Any] = SILENT,
) -> JudgedDumps:
    """Judge the dump in the folder ``ours`` against the one in ``theirs``, the reference.

    ``step`` and ``rank`` choose among several. Raises :class:`HarnessError` if a dump cannot be read, or not
    be compared with the other one, and UsageError if there are several to choose from.
    """
    left, right = _pair(ours, theirs, step, rank)
    mine, other = read_dump(left), read_dump(right)
    limit = None if calibrated is None else _limit(calibrated, mine, other)
    with stage(progress, "comparing", len(mine.calls), interrupted="nothing was written"):
        comparison = None
        for done, each in enumerate(compare_dumps(mine, other), 1):
            if isinstance(each, DumpComparison):
                comparison = each
            else:
                progress.started(each.path)
                progress.advanced(done)
    assert comparison is not None
    judgement = judge_dumps(comparison, limit)
    case = None if calibrated is None else calibrated.case.name
    return JudgedDumps(left, right, (mine.framework, other.framework), comparison, judgement, case, limit)


def _pair(ours: Path, theirs: Path, step: int | None, rank: int | None) -> tuple[Place, Place]:
    left, right = (_chosen(path, dumps_in(path), step, rank) for path in (ours, theirs))
    if len(left) == len(right) == 1:
        (one,), (other,) = left, right
        if None not in (one.step, other.step) and one.step != other.step:
            raise DumpError(
                f"{one.folder} is of step {one.step}, {other.folder} of step {other.step}: "
                "name two dumps of the same step"
            )
        return one, other
    named = {(each.step, each.rank): each for each in right}
    pairs = [(each, named[each.step, each.rank]) for each in left if (each.step, each.rank) in named]
    if not pairs:
        raise DumpError(
            f"{ours} and {theirs} have no step and rank in common: name two folders step<N>/rank<M>"
        )
    if len(pairs) > 1:
        told = ", ".join(f"step {each.step} {each.rank}".strip() for each, _ in pairs[:8])
        raise UsageError(
            f"{ours} and {theirs} have several dumps in common ({told}): add --step N or --rank M"
        )
    return pairs[0]


def _chosen(path: Path, places: Sequence[Place], step: int | None, rank: int | None) -> list[Place]:
    chosen = [each for each in places if step in (None, each.step)]
    if rank is not None:
        chosen = [each for each in chosen if each.rank == f"rank{rank}"]
    if not chosen:
        there = ", ".join(sorted({f"step {each.step} {each.rank}".strip() for each in places})[:8])
        raise UsageError(f"{path}: it has no dump of that step and rank, but of {there}")
    folders = {(each.step, each.rank): each for each in chosen}
    if len(folders) < len(chosen):
        raise UsageError(f"{path}: several processes left dumps of one step: name the folder of one of them")
    return chosen


def _limit(calibrated: Calibrated, ours: Dump, theirs: Dump) -> InputLimit | None:
    """Return the limit on the latents before the step of the dumps; None for the first step."""
    case, step = calibrated.case, theirs.place.step
    if step is None:
        raise UsageError(
            f"{theirs.place.folder}: no name says which step this is, so no limit of {case.name} belongs to "
            "it; name a folder step<N>/rank<M>"
        )
    baseline = _baseline(calibrated)
    calibration = baseline.calibration
    if calibration is None:
        raise HarnessError(
            f"{case.name}: its baseline for {baseline.device} is not calibrated",
            remedy=case.remedy(Action.CALIBRATE),
        )
    if step == 0:
        return None
    factor = calibration.factor * (DEVICE_FACTOR if calibrated.across_devices else 1.0)
    steps = {each.step: each for each in calibrated_limits(baseline, calibration, factor).steps}
    if step - 1 not in steps:
        known = f"the last is of step {max(steps) + 1}" if steps else "there is none"
        raise HarnessError(
            f"{case.name}: its calibration has no limit on what goes into step {step} ({known}); leave out "
            "--calibration"
        )
    before = next(each for each in baseline.measurement.trace if each.step == step - 1)
    _, calls = aligned(ours, theirs)
    latents = [
        (key, tensor.label)
        for key, call in calls.items()
        for tensor in call.inputs
        if call.parent is None and _are_latents(theirs.array(tensor), before, steps[step - 1])
    ]
    if not latents:
        raise HarnessError(
            f"{theirs.place.folder}: no input of its model is what {case.name} has before step {step}: the "
            "dump is of another case or step, or the scheduler scales the latents; leave out --calibration"
        )
    return InputLimit(step, steps[step - 1].relative_l2, tuple(latents))


def _baseline(calibrated: Calibrated) -> Baseline:
    case, store, device = calibrated.case, calibrated.store, calibrated.device
    if device is None:
        devices = store.devices(case.suite, case.id)
        if len(devices) > 1:
            told = ", ".join(devices)
            raise UsageError(
                f"{case.name} has baselines for {told}: add --for-device {devices[0]}, or another"
            )
        if (error := unusable(case, store)) is not None:
            raise error
        (device,) = devices
    return load_current(store, case, device)


def _are_latents(array: Array, record: StepRecord, limits: StepLimits) -> bool:
    """Whether ``array`` is the latents of ``record``, once or twice (for guidance), but for a drift."""
    if array.dtype.kind != "f" or array.ndim < 2 or not array.size:
        return False
    halves = [array, *([array[: len(array) // 2]] if len(array) % 2 == 0 else [])]
    return any(_near(moments(half), record.statistics, limits.statistics) for half in halves)


def _near(found: Mapping[str, float], told: Mapping[str, float], limits: Mapping[str, float]) -> bool:
    return all(
        statistic_deviation(name, found[name], told) <= _SAME_LATENTS * limits.get(name, 0.0) for name in told
    )
