"""Bits: which parts of two measurements are not the very same, and where they first part."""

from __future__ import annotations

from itertools import zip_longest

import numpy as np

from harness.judgement.reasons import (
    CheckpointChanged,
    DrawnNoise,
    LatentsDiffer,
    NoiseChanged,
    OutputDiffers,
    OutputHasAnotherForm,
    Reason,
    ScheduleHasOtherLength,
    SinglesDiffer,
    StatisticsDiffer,
    StepsDiffer,
    TimestepDiffers,
)
from harness.measurement.figures import Draw
from harness.measurement.measurement import Array, Measurement


def same_bits(a: Array | None, b: Array | None) -> bool:
    """Whether two arrays have the same dtype, shape and bytes; NaN payloads and the sign of 0 count."""
    if a is None or b is None:
        return a is b
    return a.dtype == b.dtype and a.shape == b.shape and _bytes(a) == _bytes(b)


def differing_values(a: Array, b: Array) -> int:
    """Return the number of entries whose bytes differ in two arrays of one dtype and shape."""
    unsigned = f"u{a.dtype.itemsize}"
    left, right = (np.ascontiguousarray(x).view(unsigned) for x in (a, b))
    return int(np.count_nonzero(left != right))


def changed_parts(measured: Measurement, baseline: Measurement) -> tuple[Reason, ...]:
    """Return what is not bitwise equal: output, latents, single images, statistics.

    The ledger and the checkpoint are not looked at here: in every tier they have to be equal.
    """
    parts: list[Reason] = []
    if (output := output_change(measured.output, baseline.output)) is not None:
        parts.append(output)
    if (change := first_changed_step(measured, baseline)) is not None:
        parts.append(change)
    if not same_bits(measured.singles, baseline.singles):
        parts.append(SinglesDiffer())
    names = measured.statistics.keys() | baseline.statistics.keys()
    changed = sorted(name for name in names if measured.statistics.get(name) != baseline.statistics.get(name))
    if changed:
        parts.append(StatisticsDiffer(tuple(changed)))
    return tuple(parts)


def output_change(measured: Array, baseline: Array) -> OutputDiffers | OutputHasAnotherForm | None:
    """Return how an output differs in its bits; None where it does not."""
    if same_bits(measured, baseline):
        return None
    if measured.dtype != baseline.dtype or measured.shape != baseline.shape:
        return OutputHasAnotherForm()
    only_sign = np.array_equal(measured, baseline)
    return OutputDiffers(differing_values(measured, baseline), measured.size, only_sign)


def first_changed_step(measured: Measurement, baseline: Measurement) -> LatentsDiffer | StepsDiffer | None:
    """Return the first step whose latents are not bitwise equal; None where all are."""
    total = len(baseline.trace)
    for ours, theirs in zip(measured.trace, baseline.trace, strict=False):
        if ours.sha256 != theirs.sha256:
            return LatentsDiffer(ours.step, total - 1, ours.timestep)
    if len(measured.trace) != total:
        return StepsDiffer(len(measured.trace), total)
    return None


def schedule_change(
    measured: Measurement, baseline: Measurement
) -> ScheduleHasOtherLength | TimestepDiffers | None:
    """Return how the timesteps differ, which rounding cannot explain; None where they are the same."""
    ours, theirs = ([record.timestep for record in m.trace] for m in (measured, baseline))
    if len(ours) != len(theirs):
        return ScheduleHasOtherLength(len(ours), len(theirs))
    for step, (timestep, reference) in enumerate(zip(ours, theirs, strict=True)):
        if timestep != reference:
            return TimestepDiffers(step, timestep, reference)
    return None


def checkpoint_change(measured: Measurement, baseline: Measurement) -> CheckpointChanged | None:
    """Return which files of the weights that ran differ from the baseline's; None where all are the same."""
    ours, theirs = measured.checkpoint.files, baseline.checkpoint.files
    changed = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
    if not changed:
        return None
    name = changed[0]
    source = measured.checkpoint.source
    return CheckpointChanged(source, name, len(changed) - 1, ours.get(name), theirs.get(name))


def ledger_change(measured: Measurement, baseline: Measurement) -> NoiseChanged | None:
    """Return the first draw of noise that is not the baseline's; None where all are.

    Noise is the same bits in every environment. Where in the code a draw was made does not count.
    """
    for index, (ours, theirs) in enumerate(zip_longest(measured.ledger, baseline.ledger)):
        if ours is None or theirs is None or not same_draw(ours, theirs):
            counts = len(measured.ledger), len(baseline.ledger)
            sides = [None if draw is None else drawn(draw) for draw in (ours, theirs)]
            return NoiseChanged(index, sides[0], sides[1], *counts)
    return None


def changed_operators(measured: Measurement, baseline: Measurement) -> tuple[str, ...]:
    """Return the canary operators that both ran and that gave other bits, sorted."""
    ours, theirs = measured.canaries, baseline.canaries
    return tuple(sorted(name for name in ours.keys() & theirs.keys() if ours[name] != theirs[name]))


def same_draw(ours: Draw, theirs: Draw) -> bool:
    """Whether two draws gave the same values to the same call, wherever in the code it stands."""
    return _form(ours) == _form(theirs) and ours.sha256 == theirs.sha256


def _form(draw: Draw) -> tuple[object, ...]:
    return (draw.generator, draw.method, draw.shape, draw.dtype)


def drawn(draw: Draw) -> DrawnNoise:
    """Return a draw of the ledger without what it gave."""
    return DrawnNoise(draw.generator, draw.method, draw.shape, draw.dtype, draw.site)


def _bytes(array: Array) -> bytes:
    return array.tobytes()
