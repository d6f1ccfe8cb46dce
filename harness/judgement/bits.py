"""Bitwise comparison: which parts of two measurements differ, and where they first diverge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import zip_longest

import numpy as np

from harness.judgement import reasons as r
from harness.judgement.timesteps import tolerance
from harness.measurement.figures import Draw
from harness.measurement.measurement import Array, Measurement


def same_bits(a: Array | None, b: Array | None) -> bool:
    """Whether two arrays have the same dtype, shape and bytes. NaN payloads and the sign of 0 count."""
    if a is None or b is None:
        return a is b
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def differing_keys(a: Mapping[str, object], b: Mapping[str, object]) -> tuple[str, ...]:
    """Return the sorted keys that are missing from one of two mappings or have different values."""
    return tuple(sorted(key for key in a.keys() | b.keys() if a.get(key) != b.get(key)))


def differing_values(a: Array, b: Array) -> int:
    """Return the number of entries whose bytes differ between two arrays of the same dtype and shape."""
    unsigned = f"u{a.dtype.itemsize}"
    left, right = (np.ascontiguousarray(x).view(unsigned) for x in (a, b))
    return int(np.count_nonzero(left != right))


def changed_parts(measured: Measurement, baseline: Measurement) -> tuple[r.Reason, ...]:
    """Return the parts that are not bitwise equal: output, latents, single images, statistics.

    The ledger and the checkpoint are not compared here, because they must be equal in every tier.
    """
    statistics = differing_keys(measured.statistics, baseline.statistics)
    parts: tuple[r.Reason | None, ...] = (
        output_change(measured.output, baseline.output),
        first_changed_step(measured, baseline),
        None if same_bits(measured.singles, baseline.singles) else r.SinglesDiffer(),
        r.StatisticsDiffer(statistics) if statistics else None,
    )
    return tuple(part for part in parts if part is not None)


def output_change(measured: Array, baseline: Array) -> r.OutputDiffers | r.OutputHasAnotherForm | None:
    """Return how the bits of an output differ, or None if they are the same."""
    if same_bits(measured, baseline):
        return None
    if measured.dtype != baseline.dtype or measured.shape != baseline.shape:
        return r.OutputHasAnotherForm()
    only_sign = np.array_equal(measured, baseline)
    return r.OutputDiffers(differing_values(measured, baseline), measured.size, only_sign)


def first_changed_step(
    measured: Measurement, baseline: Measurement
) -> r.LatentsDiffer | r.StepsDiffer | None:
    """Return the first step whose latents are not bitwise equal, or None if all are."""
    total = len(baseline.trace)
    for ours, theirs in zip(measured.trace, baseline.trace, strict=False):
        if ours.sha256 != theirs.sha256:
            return r.LatentsDiffer(ours.step, total - 1, ours.timestep)
    if len(measured.trace) != total:
        return r.StepsDiffer(len(measured.trace), total)
    return None


def schedule_change(
    measured: Measurement, baseline: Measurement
) -> r.ScheduleHasOtherLength | r.TimestepDiffers | None:
    """Return how the timesteps differ, or None if they are the same.

    Rounding can only explain a difference between timesteps that are computed from sigmas.
    """
    ours, theirs = ([record.timestep for record in m.trace] for m in (measured, baseline))
    if len(ours) != len(theirs):
        return r.ScheduleHasOtherLength(len(ours), len(theirs))
    allowed = tolerance([*ours, *theirs])
    for step, (timestep, reference) in enumerate(zip(ours, theirs, strict=True)):
        if timestep != reference and not abs(timestep - reference) <= allowed:
            return r.TimestepDiffers(step, timestep, reference)
    return None


def checkpoint_change(measured: Measurement, baseline: Measurement) -> r.CheckpointChanged | None:
    """Return which of the weight files used differ from the baseline's, or None if all are the same."""
    ours, theirs = measured.checkpoint.files, baseline.checkpoint.files
    if not (changed := differing_keys(ours, theirs)):
        return None
    sides = ours.get(changed[0]), theirs.get(changed[0])
    return r.CheckpointChanged(measured.checkpoint.source, changed[0], len(changed) - 1, *sides)


def parts_not_covered(measured: Measurement) -> tuple[r.CodePart, ...]:
    """Return what of a user's own pipeline has no hash in the measurement: ``code``, ``weights``."""
    if measured.code is None:
        return ()
    weights = measured.code.weights or measured.checkpoint.files
    hashed: tuple[tuple[r.CodePart, object], ...] = (("code", measured.code.files), ("weights", weights))
    return tuple(part for part, hashes in hashed if not hashes)


def ledger_change(measured: Measurement, baseline: Measurement) -> r.NoiseChanged | None:
    """Return the first noise draw that differs from the baseline's, or None if all are the same.

    Noise has the same bits in every environment. The place in the code where a draw was made does not count.
    """
    for index, (ours, theirs) in enumerate(zip_longest(measured.ledger, baseline.ledger)):
        if ours is None or theirs is None or not same_draw(ours, theirs):
            counts = len(measured.ledger), len(baseline.ledger)
            sides = [None if draw is None else drawn(draw) for draw in (ours, theirs)]
            return r.NoiseChanged(index, sides[0], sides[1], *counts)
    return None


def changed_operators(measured: Measurement, baseline: Measurement) -> tuple[str, ...]:
    """Return the sorted names of the canary operators that ran on both sides and gave different bits."""
    both = measured.canaries.keys() & baseline.canaries.keys()
    return tuple(name for name in differing_keys(measured.canaries, baseline.canaries) if name in both)


def same_draw(ours: Draw, theirs: Draw) -> bool:
    """Whether two draws are the same call and returned the same values, wherever the call is in the code."""
    return replace(ours, site=theirs.site) == theirs


def drawn(draw: Draw) -> r.DrawnNoise:
    """Return a draw of the ledger without the values it returned."""
    return r.DrawnNoise(draw.generator, draw.method, draw.shape, draw.dtype, draw.site)
