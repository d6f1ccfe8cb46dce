"""The mistakes that can be recognised in the numbers of one cell."""

from __future__ import annotations

from dataclasses import field
from enum import Enum

from harness.codec import Tagged


class Family(str, Enum):
    """Formulas that are easily confused."""

    ACTIVATION = "activation"
    GATE = "gate"
    NORMALISATION = "normalisation"
    TIMESTEP = "timestep-embedding"
    ATTENTION = "attention"


class Mistake(Tagged):
    """What this side does otherwise; see each class."""


class Factor(Mistake):
    """Every value is ``value`` times the reference's."""

    value: float


class Offset(Mistake):
    """Every value is ``value`` more than the reference's."""

    value: float


class ChannelOffset(Mistake):
    """The difference is one number per index of ``axis``: a bias that is missing, or another one."""

    axis: int


class ChannelFactor(Mistake):
    """The quotient is one number per index of ``axis``: a scale that is missing, or another one."""

    axis: int


class Summand(Mistake):
    """``times`` the tensor ``name``, which the cell was given, is added: -1 for a sum that lacks it."""

    name: str
    times: float


class Coefficients(Mistake):
    """The sum of ``names`` with the coefficients ``ours``; the reference's has ``theirs``."""

    names: tuple[str, ...]
    ours: tuple[float, ...]
    theirs: tuple[float, ...]


class Permuted(Mistake):
    """The reference's values with its axes in the order ``axes``, in the same shape."""

    axes: tuple[int, ...]


class Regrouped(Mistake):
    """The reference's values as if ``axis`` were split into ``parts`` and put together the other way."""

    axis: int
    parts: int


class PartsNotMoved(Mistake):
    """The reference's values as if the ``parts`` of ``axis`` had stayed before the axis that precedes it.

    So it is with heads of an attention that are put together without moving them beside their channels.
    """

    axis: int
    parts: int


class Reversed(Mistake):
    """The reference's values in reverse order along ``axis``."""

    axis: int


class Swapped(Mistake):
    """The reference's values with the two halves of ``axis`` swapped: cos and sin, or guidance's pair."""

    axis: int


class Rolled(Mistake):
    """The reference's values moved by ``places`` along ``axis``."""

    axis: int
    places: int


class Clipped(Mistake):
    """The reference's values clipped to ``low`` and ``high``."""

    low: float
    high: float


class Unclipped(Mistake):
    """This side's values, clipped to ``low`` and ``high``, are the reference's."""

    low: float
    high: float


class Rounded(Mistake):
    """A tensor of ``dtype``, or values that it has, where the reference has more digits."""

    dtype: str


class RoundedInside(Mistake):
    """As far off as if something inside were computed in ``dtype``; the values are not of it."""

    dtype: str


class Variant(Mistake):
    """Another formula of a ``family``: the settings in ``ours`` that differ from the reference's.

    Values are names, such as ``gelu-tanh`` for ``function``, or numbers.
    """

    family: Family
    ours: dict[str, str] = field(hash=False)
    theirs: dict[str, str] = field(hash=False)


class Border(Mistake):
    """Only values at the border of the last two axes differ, or there are more or fewer: another padding."""


class Lacking(Mistake):
    """The reference passes ``names``, which this side does not."""

    names: tuple[str, ...]


class Part(Mistake):
    """Only the indices ``first`` to ``last`` of ``axis``, of ``size``, differ."""

    axis: int
    first: int
    last: int
    size: int
