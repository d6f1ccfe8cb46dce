"""The figures and texts of a measurement: steps, draws, and the weights used.

This module does not import numpy. Code that collects and lists cases reads measurements without their arrays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

# The most bytes that a file of arrays may have: half a minute of video in float32.
LARGEST_ARRAYS = 4 << 30
# The largest difference, as a share of the largest value, between two ways to compute the same few operations
# in float32: two units in the last place. IEEE 754 makes halving exact and rounds the sum after it once.
HOST_LIMIT = 2.0 * 2.0**-23


@dataclass(frozen=True)
class StepRecord:
    """The figures of the latents after one denoising step.

    ``step`` counts from 0. ``timestep`` is the scheduler's, an int if it is whole. ``sha256`` is the
    :func:`harness.measurement.measurement.array_sha256` of the latents in their own dtype. ``statistics`` is
    the result of :func:`harness.measurement.statistics.moments`.
    """

    step: int
    timestep: int | float
    sha256: str
    statistics: dict[str, float]


@dataclass(frozen=True)
class Draw:
    """One entry of the ledger: one call of a method of one of the case's generators.

    ``generator`` is the index of the generator in the batch. ``sha256`` covers the bytes returned. ``site``
    is ``file:line`` of the caller; the file has no folder, so that it reads the same everywhere.
    """

    generator: int
    method: str
    shape: tuple[int, ...]
    dtype: str
    sha256: str
    site: str


@dataclass(frozen=True)
class CheckpointIdentity:
    """Which weights were used: the case's own wording, the sha256 of each file by path, the Hub revision."""

    source: str | None
    files: dict[str, str]
    revision: str | None = None


@dataclass(frozen=True)
class CodeIdentity:
    """Which code of the user's own computed a case, and with which weights that no checkpoint of it names.

    ``files`` maps each module of :func:`harness.pipelines.own_code.own_code` to the sha256 of its file; the
    names are paths below the import paths (``my_pkg/pipe.py``), the factory's module first. ``weights`` maps
    the files that the factory names, or else the cells found in its pipeline, to their sha256. ``commit`` is
    the git commit of the code, with ``-dirty`` if one of the files differs from it, and None outside git.
    """

    files: dict[str, str]
    weights: dict[str, str]
    commit: str | None = None


@dataclass(frozen=True)
class HostProcessing:
    """How the output follows from the last array of the model, by plain arithmetic on the host.

    ``source`` names that array: ``latents`` (those of the last step), or the decoder's result, such as
    ``vae.decode``. ``differences`` maps recipes of :mod:`harness.measurement.after_steps` to the largest
    difference between what the recipe makes of the array and the output, as a share of the largest value. A
    baseline keeps only the recipes that give its output.
    """

    source: str
    differences: dict[str, float]

    @property
    def giving_output(self) -> HostProcessing | None:
        """The same with only those recipes that give the output, up to rounding; None if none does."""
        found = {name: each for name, each in self.differences.items() if each <= HOST_LIMIT}
        return replace(self, differences=found) if found else None


@dataclass(frozen=True)
class DecoderDeviation:
    """How far the output moves if the decoder runs once more, by itself.

    ``inputs`` is the sha256 of the baseline's input that it decoded, None for moved copies of the run's own.
    ``max_abs`` and ``relative_l2`` compare what it gives with a
    known output; of several runs, they are the largest.
    """

    inputs: str | None
    max_abs: float
    relative_l2: float


class ProcessPart(str, Enum):
    """A part of a worker's process that one case can change for the next case."""

    MEASURING = "measuring"
    FRAMEWORK = "framework"
    SETTINGS = "settings"
    ENVIRONMENT = "environment"
    SIGNALS = "signals"
    THREADS = "threads"
    CHILDREN = "children"


@dataclass(frozen=True)
class ProcessChange:
    """What a case left changed in its worker's process: the first few ``names`` in one part."""

    part: ProcessPart
    names: tuple[str, ...]
