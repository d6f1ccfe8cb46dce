"""What a set of members reveals about a case apart from its envelope: chaos, modes, saturation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from harness.baselines.calibration import StepEnvelope
from harness.judgement.metrics import ratio
from harness.measurement.measurement import Array

# A case counts as chaotic from this spread (relative L2) on: limits of twice that would pass images that
# anyone can tell apart. One ulp of float32 that grows to this was amplified 400,000 times.
CHAOS = 0.05
# Clusters count as modes if the gap between them is this many times the largest step inside any of them.
# Members of one mode, which differ by rounding alone, were never seen more than 4 times as far apart as
# others.
MODE_GAP = 100.0
# How far, in levels, a level of 8 bits may be off in a float. In float16 it is up to 0.06.
_ON_A_LEVEL = 0.07


def chaotic_from(steps: Sequence[StepEnvelope], output: float) -> int | None:
    """Return the index of the first of ``steps`` whose spread is at least :data:`CHAOS`.

    Returns the number of steps if only ``output``, the spread of the output, is that large: a pipeline need
    not trace its steps, and the amplification may happen after the last one. Returns None if nothing is that
    large.
    """
    spreads = [*(step.largest for step in steps), output]
    return next((index for index, spread in enumerate(spreads) if not spread < CHAOS), None)


def distance(a: Array, b: Array) -> float:
    """Return the L2 norm of ``a - b`` over that of ``b``, in float64; infinite if only ``b`` is 0."""
    size = np.linalg.norm(np.subtract(a, b, dtype=np.float64))
    return ratio(float(size), float(np.linalg.norm(np.asarray(b, np.float64))))


def clusters(outputs: Sequence[Array]) -> tuple[tuple[int, ...], ...]:
    """Return the indices of ``outputs`` grouped by mode: the first output's mode first, then by size.

    This is single linkage: starting with the nearest pair, outputs are joined as long as the next distance is
    at most :data:`MODE_GAP` times the largest distance joined so far. Outputs no further apart than rounding
    every value once are always joined. If some outputs are equal, those at least :data:`CHAOS` away from them
    form another mode. If none are equal and all are far apart, that is chaos rather than a set of clusters.
    """
    count = len(outputs)
    links = sorted(
        (distance(outputs[i], outputs[j]), i, j) for i in range(count) for j in range(i + 1, count)
    )
    shortest = next((length for length, _, _ in links if length > 0), 0.0)
    equal = bool(links) and links[0][0] == 0
    farthest = 0.0 if equal and shortest >= CHAOS else shortest
    rounding = _rounding(outputs[0])
    label = list(range(count))
    for length, i, j in links:
        if label[i] == label[j]:
            continue
        if length > max(MODE_GAP * farthest, rounding):
            break
        farthest = max(farthest, length)
        label = [label[i] if each == label[j] else each for each in label]
    modes: dict[int, list[int]] = {}
    for index, each in enumerate(label):
        modes.setdefault(each, []).append(index)
    ordered = sorted(modes.values(), key=lambda members: (0 not in members, -len(members), members))
    return tuple(map(tuple, ordered))


def _rounding(output: Array) -> float:
    """Return the distance of ``output`` from a copy in which every value is moved by one ulp."""
    if output.dtype.kind == "f":
        return float(np.finfo(output.dtype).eps)
    norm = float(np.linalg.norm(np.asarray(output, np.float64)))
    return math.sqrt(output.size) / norm if norm and output.dtype.kind in "iu" else 0.0


def quantised(output: Array) -> bool:
    """Return whether ``output`` holds whole numbers, or the 256 levels of an image in [0, 1] or [-1, 1].

    There rounding is lost in the last step, in whatever dtype the case computes.
    """
    if output.dtype.kind != "f":
        return True
    values = np.asarray(output, np.float64)
    levels = (values, values * 255, (values + 1) * 127.5)
    return any(float(np.abs(each - np.rint(each)).max(initial=0.0)) < _ON_A_LEVEL for each in levels)


def saturated(output: Array) -> float:
    """Return the share of values at the bounds of the output's range, where a clamp would hide drift.

    For integers, the range is that of their type. For other values it is [0, 1], or [-1, 1] if some are
    negative. If values lie outside that range there are no bounds, and the share is 0.
    """
    if output.size == 0:
        return 0.0
    if output.dtype.kind in "iu":
        bounds = float(np.iinfo(output.dtype).min), float(np.iinfo(output.dtype).max)
    else:
        bounds = (-1.0 if output.min() < 0 else 0.0), 1.0
    if output.min() < bounds[0] or output.max() > bounds[1]:
        return 0.0
    return float(np.count_nonzero((output == bounds[0]) | (output == bounds[1])) / output.size)
