"""The facts of a measurement: what can be known exactly about a pipeline, beside the figures it computed.

This module does not import numpy. The values of constants are arrays, which the measurement itself holds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

# The number of projections in a sketch.
PROJECTIONS = 8


@dataclass(frozen=True)
class LargeTable:
    """A constant with more values than are stored.

    ``checksum`` covers its dtype, shape and bytes. ``statistics`` are
    :func:`harness.measurement.statistics.moments` of its values.
    """

    dtype: str
    shape: tuple[int, ...]
    checksum: str
    statistics: dict[str, float]


@dataclass(frozen=True)
class Sketch:
    """What a baseline knows about the values of a parameter that is computed after loading.

    ``projections`` are the sums of its elements with the signs of
    :func:`harness.measurement.sketching.sketch_of`. ``remainders`` are what float64 cannot hold of them; only
    those of float64 have any. ``l2`` is the L2 norm of the elements, and ``ulp_l2`` that of their ulps in
    ``dtype``. Raises ValueError for numbers that no parameter has.
    """

    dtype: str
    shape: tuple[int, ...]
    projections: tuple[float, ...]
    remainders: tuple[float, ...]
    l2: float
    ulp_l2: float

    def __post_init__(self) -> None:
        if len(self.projections) != PROJECTIONS:
            raise ValueError(f"a sketch has {PROJECTIONS} projections, this one {len(self.projections)}")
        if len(self.remainders) != (PROJECTIONS if self.dtype == "float64" else 0):
            raise ValueError(f"a sketch of {self.dtype} does not have {len(self.remainders)} remainders")
        if not all(map(math.isfinite, (*self.projections, *self.remainders, self.l2, self.ulp_l2))):
            raise ValueError("a number of a sketch is not finite")
        if self.l2 < 0 or self.ulp_l2 < 0:
            raise ValueError("a norm in a sketch is negative")


@dataclass(frozen=True)
class Facts:
    """What a pipeline holds before its first step, each under ``component/path``.

    ``parameters`` maps each loaded parameter to the checksum of its dtype, shape and bytes
    (:func:`harness.pipelines.parameters.checksum`). ``unreadable`` are parameters whose values no array could
    be made of. ``dtypes`` maps each constant (:attr:`harness.measurement.measurement.Measurement.constants`)
    to the name of its own dtype, and ``large`` holds those with more values than are stored. A number that
    cells have is one constant for all cells of a model, ``unet/*.eps``, and ``places`` has the paths of these
    cells in order. It names them in reports and is not stored. ``sketches`` has the parameters that the case
    calls computed. None stands for one that rounding cannot change, such as integers, or whose sketch is not
    finite. Raises ValueError for a sketch of what is no parameter.
    """

    parameters: dict[str, str]
    unreadable: tuple[str, ...] = ()
    dtypes: dict[str, str] = field(default_factory=dict)
    large: dict[str, LargeTable] = field(default_factory=dict)
    places: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sketches: dict[str, Sketch | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if unknown := sorted(self.sketches.keys() - self.parameters.keys()):
            raise ValueError(f"there is a sketch of {unknown[0]}, which is no parameter")
