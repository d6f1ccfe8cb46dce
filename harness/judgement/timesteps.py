"""How far timesteps may be off: not at all if they are whole, by rounding if they come from sigmas."""

from __future__ import annotations

import math
from collections.abc import Iterable

# A timestep that is interpolated between logarithms of sigmas is rounded several times, and these cancel.
# Between MindSpore 2.7.0 and 2.10.0, whose powers are rounded otherwise, the largest difference was 15 ulp.
ALLOWED_ULPS = 16.0
_FRACTION = 23  # of float32, in which the sigmas are, whatever the dtype of the timesteps


def are_fractional(timesteps: Iterable[float]) -> bool:
    """Return whether any of the ``timesteps`` is no whole number: then all come from sigmas."""
    return any(math.isfinite(each) and each != math.floor(each) for each in timesteps)


def tolerance(timesteps: Iterable[float]) -> float:
    """Return by how much one of the ``timesteps`` may differ: 0, or 16 ulp of float32 at the largest."""
    known = [each for each in timesteps if math.isfinite(each)]
    if not are_fractional(known):
        return 0.0
    _, exponent = math.frexp(max(map(abs, known)))
    return math.ldexp(ALLOWED_ULPS, exponent - 1 - _FRACTION)
