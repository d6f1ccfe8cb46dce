"""How well a hypothesis explains a difference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np

from harness.explanation.hypotheses.kinds import Mistake
from harness.measurement.measurement import Array
from harness.tracing.difference import rounding_of

# The settings of a formula, each by its name, and what it gives.
Candidate = tuple[dict[str, str], Callable[[], Array]]
# A hypothesis has to leave at most this share of the difference, or what rounding leaves of a sum that is
# computed in another order.
LEFT = 0.02
_ROUNDINGS = 4


@dataclass(frozen=True)
class Hypothesis:
    """A ``mistake`` that was tried: ``left`` is the relative L2 that it does not explain."""

    mistake: Mistake
    left: float


def counts(setting: Any) -> TypeGuard[int]:
    """Return whether a setting of a cell is a number of things, such as heads or groups."""
    return isinstance(setting, int) and not isinstance(setting, bool) and setting > 0


def relative(ours: Array, theirs: Array) -> float:
    """Return the L2 norm of the difference of two arrays of one shape over that of ``theirs``."""
    norm = float(np.linalg.norm(theirs))
    distance = float(np.linalg.norm(np.asarray(ours, np.float64) - theirs))
    return distance / norm if norm else float(distance > 0)


def fitting(mistake: Mistake, predicted: Array, ours: Array, theirs: Array, dtype: str) -> Hypothesis | None:
    """Return the hypothesis that this side has ``predicted``, or None if that explains too little.

    All arrays have one shape and are of float64. ``theirs`` is the reference's.
    """
    if predicted.shape != ours.shape or not np.isfinite(predicted).all():
        return None
    found = relative(ours, theirs)
    left = relative(predicted, ours)
    if not left <= max(LEFT * found, min(_ROUNDINGS * rounding_of(dtype), found / 4)):
        return None
    return Hypothesis(mistake, left)
