"""Weights drawn from a seed for every parameter of a component, so that signals keep their size."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

# A parameter's noise repeats with this period, so that git, whose compression finds repetitions, keeps tens
# of megabytes of weights in a few. It is prime: two rows of a matrix are the same only where they are
# thousands of rows apart.
_PERIOD = 1021
# The ends of names of vectors whose values are near one: the scales of normalisations, and deviations.
_NEAR_ONE = ("weight", "running_var", "_std")


def draw(component: str, shapes: dict[str, list[int]]) -> dict[str, Array]:
    """Return float32 values for the parameters of ``component``, whose name is the seed, by their names.

    Matrices and kernels are normal with variance 1 / fan-in, scales of normalisations near 1, other vectors
    and scalars near 0.
    """
    rng = np.random.Generator(np.random.PCG64(list(component.encode())))
    return {name: _values(rng, name, tuple(shapes[name])) for name in sorted(shapes)}


def _values(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> Array:
    count = math.prod(shape)
    noise = rng.standard_normal(min(count, _PERIOD), dtype=np.float32)
    drawn = np.resize(noise, count).reshape(shape)
    if len(shape) > 1:
        return drawn / np.float32(math.sqrt(math.prod(shape[1:])))
    near = 1.0 if name.endswith(_NEAR_ONE) else 0.0
    return np.asarray(np.float32(near) + np.float32(0.02) * drawn)
