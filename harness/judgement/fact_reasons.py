"""Why facts decide a verdict, or what is worth knowing about them: reasons beside those of figures."""

from __future__ import annotations

from typing import Literal

from harness.judgement.reasons import Difference, Reason

# Why a parameter is compared exactly although the environment is another: the case does not call it computed,
# the baseline has no sketch of it, or it has no longer one because of NaN, Inf or another dtype.
ExactBecause = Literal["unnamed", "unsketched", "not-finite"]


class ParameterChanged(Reason):
    """A loaded parameter is not that of the recording: ``name``, and ``others`` more.

    The checksums are None on a side that has no parameter of that name. ``because`` is None in the
    environment of the baseline, where nothing else would do, and where other weights are the reason.
    """

    name: str
    others: int
    measured: str | None
    baseline: str | None
    because: ExactBecause | None


class ParameterOff(Reason):
    """A computed parameter is off by more than rounding: ``name``, furthest off, and ``others`` more.

    The L2 norm of its difference is ``ulps`` times that of the ulps of its elements, of which ``allowed`` are
    tolerated, and ``relative`` times that of its elements.
    """

    name: str
    others: int
    ulps: float
    allowed: float
    relative: float


class ParametersRounded(Reason):
    """Computed parameters are rounded otherwise than in the baseline: ``name`` most, and ``others``."""

    name: str
    others: int
    ulps: float
    allowed: float


class ConstantChanged(Reason):
    """A constant is not that of the recording by more than rounding: ``name``, and ``others`` likewise.

    Of the values, ``differing`` are off by more than ``allowed`` ulp of the constant's own dtype. The
    furthest off is at ``index``, and belongs to ``timestep`` if the constant is a table over timesteps; None
    for both if only the statistics of a large table are known. ``ulps`` is by how much (infinite for an
    integer, a value that is not finite, and another shape, in which case the values are None). ``number`` is
    whether it is a number that a model's cell or configuration holds, and no table.
    """

    name: str
    others: tuple[str, ...]
    index: tuple[int, ...] | None
    timestep: float | None
    measured: float | None
    baseline: float | None
    ulps: float
    allowed: float
    differing: int
    number: bool = False


class NoFacts(Reason):
    """The baseline was recorded without facts, so neither parameters nor constants are compared."""


class NoParameters(Reason):
    """No parameter of the pipeline could be read, so none is compared; ``unreadable`` are those it has."""

    unreadable: tuple[str, ...]


class NoSketches(Reason):
    """The baseline has no sketch of these computed parameters, so elsewhere they would have to be equal."""

    names: tuple[str, ...]


class SketchesChanged(Difference):
    """Only the sketches differ, since the case names other computed parameters than the stored baseline."""


class FactsAdded(Difference):
    """Only the facts, which the stored baseline lacks, are new."""


class OtherParameters(Difference):
    """Loaded parameters differ."""

    names: tuple[str, ...]


class OtherConstants(Difference):
    """Constants differ."""

    names: tuple[str, ...]
