"""Computed parameters outside the environment of the baseline: how far they are off, told from sketches."""

from __future__ import annotations

import math

from harness.measurement.facts import Sketch

# Measured in docs/judging.md. Long sums of float32 and float64 are rounded at every addition. Those of the
# narrow dtypes are added in float32, so that only the last rounding differs.
ALLOWED_ULPS = {"float64": 16.0, "float32": 16.0, "float16": 4.0, "bfloat16": 4.0}


def comparable(ours: Sketch, theirs: Sketch) -> bool:
    """Return whether the elements of two parameters can be compared one by one."""
    return (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape) and theirs.dtype in ALLOWED_ULPS


def difference(ours: Sketch, theirs: Sketch) -> float:
    """Return about the L2 norm of the difference of two parameters, the root mean square of projections.

    It is exact if one element differs. If many do, its square is the true one times chi-squared / k with k
    degrees of freedom, one for each projection.
    """
    absent = (0.0,) * len(ours.projections)
    columns = zip(
        ours.projections,
        ours.remainders or absent,
        theirs.projections,
        theirs.remainders or absent,
        strict=True,
    )
    try:
        parts = [math.fsum((one, more, -other, -less)) for one, more, other, less in columns]
    except OverflowError:
        return math.inf
    return math.hypot(*parts) / math.sqrt(len(parts))


def relative_to(size: float, norm: float) -> float:
    """Return ``size`` in units of ``norm``, which may be 0."""
    if norm == 0:
        return math.inf if size else 0.0
    return size / norm
