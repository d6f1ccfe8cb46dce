"""What a pipeline class is tried with: a sample of components and of arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

SEED = 0
STEPS = 2
SIZE = 32


def _generator() -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(SEED))


@dataclass(frozen=True)
class Sample:
    """Tiny components of one pipeline class and the arguments of one call.

    ``components`` are those that matter; the others that the class asks for are None. ``arguments`` are given
    beside a generator, ``num_inference_steps`` = :data:`STEPS` and ``output_type`` = ``np``, each of which is
    left out where the class does not take it, and replaced where ``arguments`` names it. ``prepare`` is
    called with the pipeline before its first call. ``generator`` makes the seeded generator of one call.
    """

    components: dict[str, Any]
    arguments: dict[str, Any] = field(default_factory=dict)
    prepare: Callable[[Any], None] | None = None
    generator: Callable[[], Any] = _generator


Samples = dict[str, Callable[[], Sample]]
