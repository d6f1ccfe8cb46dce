"""Why facts decide a verdict, or what is worth knowing about them: reasons beside those of figures."""

from __future__ import annotations

from harness.judgement.reasons import Difference, Reason


class ParameterChanged(Reason):
    """A loaded parameter is not that of the recording: ``name``, and ``others`` more.

    The checksums are None on a side that has no parameter of that name.
    """

    name: str
    others: int
    measured: str | None
    baseline: str | None


class ConstantChanged(Reason):
    """A constant is not that of the recording by more than rounding: ``name``, and ``others`` likewise.

    Of the values, ``differing`` are off by more than ``allowed`` ulp of the constant's own dtype. The
    furthest off is at ``index``, and belongs to ``timestep`` if the constant is a table over timesteps; None
    for both if only the statistics of a large table are known. ``ulps`` is by how much (infinite for an
    integer, a value that is not finite, and another shape, in which case the values are None).
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


class NoFacts(Reason):
    """The baseline was recorded without facts, so neither parameters nor constants are compared."""


class NoParameters(Reason):
    """No parameter of the pipeline could be read, so none is compared; ``unreadable`` are those it has."""

    unreadable: tuple[str, ...]


class FactsAdded(Difference):
    """Only the facts, which the stored baseline lacks, are new."""


class OtherParameters(Difference):
    """Loaded parameters differ."""

    names: tuple[str, ...]


class OtherConstants(Difference):
    """Constants differ."""

    names: tuple[str, ...]
