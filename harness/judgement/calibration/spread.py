"""What a set of members shows about a case beside its envelope: chaos, modes, saturation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.baselines import StepEnvelope
from harness.judgement.images import data_range
from harness.measurement.record import Array

# A spread of the latents, relative L2, from which on a case counts as chaotic: limits of twice that pass
# images that anyone can tell apart. One ulp of float32 grown to this was amplified 400,000 times.
CHAOS = 0.05
# Clusters are modes where the gap between them is so many times the largest step inside any of them. Members
# of one mode, rounding alone, were never seen more than 4 times as far apart as others.
MODE_GAP = 100.0


def chaotic_from(steps: Sequence[StepEnvelope]) -> int | None:
    """Return the first step whose spread is :data:`CHAOS` or more; None where there is none."""
    return next((step.step for step in steps if not step.largest < CHAOS), None)


def distance(a: Array, b: Array) -> float:
    """Return the L2 norm of the difference over that of ``b``, in float64; infinite where only ``b`` is 0."""
    difference = np.subtract(a, b, dtype=np.float64)
    norm = float(np.linalg.norm(np.asarray(b, np.float64)))
    size = float(np.linalg.norm(difference))
    if norm == 0:
        return 0.0 if size == 0 else float("inf")
    return size / norm


def clusters(outputs: Sequence[Array]) -> tuple[tuple[int, ...], ...]:
    """Return the indices of ``outputs`` by mode, that of the first output first, then by size.

    Single linkage: from the nearest pair on, outputs are joined as long as the next distance is at most
    :data:`MODE_GAP` times the largest that joined others. Equal outputs are joined whatever the others do.
    """
    count = len(outputs)
    links = sorted(
        (distance(outputs[i], outputs[j]), i, j) for i in range(count) for j in range(i + 1, count)
    )
    label = list(range(count))
    farthest = next((length for length, _, _ in links if length > 0), 0.0)
    for length, i, j in links:
        if label[i] == label[j]:
            continue
        if length > MODE_GAP * farthest:
            break
        farthest = max(farthest, length)
        label = [label[i] if each == label[j] else each for each in label]
    modes: dict[int, list[int]] = {}
    for index, each in enumerate(label):
        modes.setdefault(each, []).append(index)
    ordered = sorted(modes.values(), key=lambda members: (0 not in members, -len(members), members))
    return tuple(map(tuple, ordered))


def saturated(output: Array) -> float:
    """Return the part of the values at the bounds of the output's range, where a clamp would hide drift.

    For outputs within [0, 1] and for integers; 0 for others, which have no bounds.
    """
    if output.size == 0:
        return 0.0
    low, high = float(output.min()), float(output.max())
    if output.dtype.kind in "iu":
        low, high = (float(bound) for bound in (np.iinfo(output.dtype).min, np.iinfo(output.dtype).max))
    elif low < 0 or high > 1 or data_range(output) != 1:
        return 0.0
    else:
        low, high = 0.0, 1.0
    return float(np.count_nonzero((output == low) | (output == high)) / output.size)
