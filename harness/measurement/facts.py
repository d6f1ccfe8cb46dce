"""The facts of a measurement: what can be known exactly about a pipeline, beside the figures it computed.

This module does not import numpy. The values of constants are arrays, which the measurement itself holds.
"""

from __future__ import annotations

from dataclasses import dataclass, field


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
class Facts:
    """What a pipeline holds before its first step, each under ``component/path``.

    ``parameters`` maps each loaded parameter to the checksum of its dtype, shape and bytes
    (:func:`harness.pipelines.parameters.checksum`). ``unreadable`` are parameters whose values no array could
    be made of. ``dtypes`` maps each constant (:attr:`harness.measurement.measurement.Measurement.constants`)
    to the name of its own dtype, and ``large`` holds those with more values than are stored. A number that
    cells have is one constant for all cells of a model, ``unet/*.eps``, and ``places`` has the paths of these
    cells in order. It names them in reports and is not stored.
    """

    parameters: dict[str, str]
    unreadable: tuple[str, ...] = ()
    dtypes: dict[str, str] = field(default_factory=dict)
    large: dict[str, LargeTable] = field(default_factory=dict)
    places: dict[str, tuple[str, ...]] = field(default_factory=dict)
