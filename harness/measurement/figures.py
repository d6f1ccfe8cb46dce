"""What a measurement says in figures and texts: steps, draws, the weights that ran.

Imports no numpy: those who collect and list cases read of measurements and need no array of theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

# The bytes that a file of arrays may have: half a minute of video in float32.
LARGEST_ARRAYS = 4 << 30


@dataclass(frozen=True)
class StepRecord:
    """The latents after one denoising step, in figures.

    ``step`` counts from 0; ``timestep`` is the scheduler's, an int where it is whole; ``sha256`` is the
    latents' :func:`harness.measurement.measurement.array_sha256` in their own dtype; ``statistics`` is what
    :func:`harness.measurement.statistics.moments` gives.
    """

    step: int
    timestep: int | float
    sha256: str
    statistics: dict[str, float]


@dataclass(frozen=True)
class Draw:
    """One entry of the ledger: one call of a method of one case generator.

    ``generator`` is the index of the generator in the batch, ``sha256`` is over the bytes it gave, and
    ``site`` is ``file:line`` of the caller, the file without its folder so that it reads alike everywhere.
    """

    generator: int
    method: str
    shape: tuple[int, ...]
    dtype: str
    sha256: str
    site: str


@dataclass(frozen=True)
class CheckpointIdentity:
    """Which weights ran: the case's own words, the sha256 of each file by its path, the Hub revision."""

    source: str | None
    files: dict[str, str]
    revision: str | None = None


class ProcessPart(str, Enum):
    """A part of a worker's process that one case can change for the next."""

    MEASURING = "measuring"
    FRAMEWORK = "framework"
    SETTINGS = "settings"
    ENVIRONMENT = "environment"
    SIGNALS = "signals"
    THREADS = "threads"
    CHILDREN = "children"


@dataclass(frozen=True)
class ProcessChange:
    """What a case changed in its worker's process and left so: the ``names`` of the first few in one part."""

    part: ProcessPart
    names: tuple[str, ...]
