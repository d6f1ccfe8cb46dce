"""Constants are compared in float64, in every tier: each value may be a few ulp of its own dtype off."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from harness.judgement import fact_reasons as f
from harness.judgement import timesteps
from harness.judgement.bits import same_bits
from harness.measurement.facts import LargeTable
from harness.measurement.measurement import Array, Measurement

# A table is the result of a few operations, each of them rounded correctly or a little worse.
ALLOWED_ULPS = 4.0
# The bits of the fraction of each dtype; whole numbers have no rounding.
_FRACTION = {"float64": 52, "float32": 23, "float16": 10, "bfloat16": 7}
# A table that others are computed from is named before these.
_SOURCES = ("betas", "alphas", "alphas_cumprod")
# Tables whose values are compared with 1.
_CANCELLING = ".alphas_cumprod"
# Logarithms of the ratio of signal and noise: differences of two logarithms, which cancel near 0.
_LOGARITHMS = ("lambda", "log")
# What schedulers call their timesteps, and what models call those that they are given.
_TIMESTEPS = ("timesteps", "timestep", "t")
# Above the largest beta of any schedule that is not rescaled, 0.999.
_ALMOST_ONE = 0.9999


@dataclass(frozen=True)
class _Off:
    """How far a table is off: the index of the furthest value, by how many ulp, and how many are off."""

    index: tuple[int, ...] | None
    ulps: float
    differing: int
    allowed: float = ALLOWED_ULPS


def constant_change(measured: Measurement, baseline: Measurement) -> f.ConstantChanged | None:
    """Return the first constant that is off by more than :data:`ALLOWED_ULPS`; None if there is none.

    Constants that only one side has are not compared: they are other libraries' own. Nor are the numbers of
    cells if there are more or fewer of these cells.
    """
    if measured.facts is None or baseline.facts is None:
        return None
    found = {
        name: off
        for name in sorted(measured.constants.keys() & baseline.constants.keys(), key=_order)
        if _comparable(name, measured, baseline) and (off := _off(name, measured, baseline)) is not None
    }
    large = measured.facts.large.keys() & baseline.facts.large.keys()
    for name in sorted(large):
        if _large_differ(measured.facts.large[name], baseline.facts.large[name]):
            found[name] = _Off(None, math.inf, 0)
    if not found:
        return None
    (name, off), *others = found.items()
    ours = theirs = timestep = None
    index = off.index
    if index is not None:
        ours, theirs = (float(each.constants[name][index]) for each in (measured, baseline))
        timestep = timestep_of(name, index, baseline)
    named = tuple(other for other, _ in others)
    is_number = _is_number(name)
    if index is not None and name in measured.facts.places:
        model, _, number = name.partition("*.")
        place = measured.facts.places[name][index[0]]
        name, index = f"{model}{place}{'.' * bool(place)}{number}", ()
    sizes = off.ulps, off.allowed, off.differing
    return f.ConstantChanged(name, named, index, timestep, ours, theirs, *sizes, is_number)


def _is_number(name: str) -> bool:
    """Whether a constant holds numbers of a model: those of its cells, or one of its configuration."""
    return "/*." in name or "/config." in name


def _comparable(name: str, measured: Measurement, baseline: Measurement) -> bool:
    return "/*." not in name or measured.constants[name].shape == baseline.constants[name].shape


def other_constants(one: Measurement, other: Measurement) -> tuple[str, ...]:
    """Return the constants of both runs that do not have the same bits."""
    if one.facts is None or other.facts is None:
        return ()
    both = sorted(one.constants.keys() & other.constants.keys())
    names = [name for name in both if not same_bits(one.constants[name], other.constants[name])]
    large = sorted(one.facts.large.keys() & other.facts.large.keys())
    return (*names, *(name for name in large if one.facts.large[name] != other.facts.large[name]))


class Derived(NamedTuple):
    """A constant in which a table's values cancel: off by ``size`` at ``timestep``, relative to its size.

    ``name`` is ``one_minus_alpha`` or ``log_snr``.
    """

    name: str
    timestep: float
    size: float


def derived_differences(
    measured: Measurement, baseline: Measurement
) -> dict[str, tuple[float, tuple[Derived, ...]]]:
    """Return what differs by more than rounding although the table it comes from does not, by that table.

    Each with the ulps by which the table is off at most, and with the constants that differ: 1 - alpha is 0
    but for rounding where alpha is nearly 1, so its last bit is a large part of it. That is no drift by
    itself, because the table is right to its last bits, but it is a cause of one.
    """
    found = {}
    if measured.facts is None or baseline.facts is None:
        return {}
    for name in sorted(measured.constants.keys() & baseline.constants.keys()):
        ours, theirs = measured.constants[name], baseline.constants[name]
        dtype = baseline.facts.dtypes.get(name, "")
        if not name.endswith(_CANCELLING) or ours.shape != theirs.shape or dtype not in _FRACTION:
            continue
        apart = float(ulps_apart(ours, theirs, dtype).max(initial=0.0))
        if 0 < apart <= ALLOWED_ULPS:
            limit = ALLOWED_ULPS * 2.0 ** -_FRACTION[dtype]
            pairs = zip(_derived(ours), _derived(theirs), strict=True)
            derived = [_furthest(key, one, other, name, baseline) for (key, one), (_, other) in pairs]
            if over := tuple(each for each in derived if each.size > limit):
                found[name] = apart, over
    return found


def _derived(alphas: Array) -> list[tuple[str, Array]]:
    alpha = alphas.astype(np.float64)
    with np.errstate(all="ignore"):
        return [("one_minus_alpha", 1 - alpha), ("log_snr", np.log(alpha) - np.log1p(-alpha))]


def _furthest(key: str, ours: Array, theirs: Array, table: str, of: Measurement) -> Derived:
    # The logarithm of a ratio is relative already.
    scale = np.abs(theirs) if key == "one_minus_alpha" else np.maximum(np.abs(theirs), 1.0)
    with np.errstate(all="ignore"):
        sizes = np.abs(ours - theirs) / scale
    sizes = np.where(np.isfinite(sizes), sizes, 0.0)
    at = int(sizes.argmax())
    timestep = timestep_of(table, (at,), of)
    return Derived(key, float(at) if timestep is None else timestep, float(sizes.flat[at]))


def timestep_of(name: str, index: tuple[int, ...], of: Measurement) -> float | None:
    """Return the timestep that a value of a scheduler's table belongs to; None for other constants."""
    if "/" in name or len(index) != 1:
        return None
    (at,), size = index, of.constants[name].size
    visited = of.constants.get(f"{name.rpartition('.')[0]}.timesteps")
    if visited is not None and size in (visited.size, visited.size + 1):
        return float(visited[at]) if at < visited.size else None
    return float(at)


def ulps_apart(measured: Array, baseline: Array, dtype: str, least: float = 0.0) -> Array:
    """Return by how many ulp of ``dtype`` each value is off, in float64; infinite where nothing is tolerated.

    The ulp is that of the baseline's value, or of ``least`` if that is larger. Two values that are both NaN,
    or the same infinity, are equal.
    """
    ours, theirs = measured.astype(np.float64), baseline.astype(np.float64)
    equal = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    if dtype not in _FRACTION:
        return np.where(equal, 0.0, np.inf)
    with np.errstate(all="ignore"):
        _, exponent = np.frexp(np.maximum(np.abs(theirs), least))
        ulp = np.ldexp(1.0, exponent - 1 - _FRACTION[dtype])
        apart = np.abs(ours - theirs) / ulp
    return np.where(equal, 0.0, np.where(np.isfinite(apart), apart, np.inf))


def _off(name: str, measured: Measurement, baseline: Measurement) -> _Off | None:
    ours, theirs = measured.constants[name], baseline.constants[name]
    assert baseline.facts is not None
    if same_bits(ours, theirs):
        return None
    if ours.shape != theirs.shape:
        return _Off(None, math.inf, 0)
    dtype = baseline.facts.dtypes.get(name, str(theirs.dtype))
    if _are_rounded_timesteps(name, ours, theirs):
        largest = float(np.abs(theirs[np.isfinite(theirs)]).max(initial=0.0))
        apart, allowed = ulps_apart(ours, theirs, "float32", largest), timesteps.ALLOWED_ULPS
    else:
        apart, allowed = ulps_apart(ours, theirs, dtype, _least(name, theirs)), ALLOWED_ULPS
    over = apart > allowed
    if not over.any():
        return None
    index = tuple(map(int, np.unravel_index(int(apart.argmax()), apart.shape)))
    return _Off(index, float(apart[index]), int(np.count_nonzero(over)), allowed)


def _are_rounded_timesteps(name: str, ours: Array, theirs: Array) -> bool:
    if name.rpartition(".")[2] not in _TIMESTEPS or theirs.dtype.kind != "f":
        return False
    return timesteps.are_fractional(map(float, [*ours.reshape(-1), *theirs.reshape(-1)]))


def _least(name: str, theirs: Array) -> float:
    """Return the size below which a value has no smaller ulp, because what it was computed from is larger."""
    if "/" in name:  # a table of sines, say, which cross 0
        sizes = np.abs(theirs.astype(np.float64))
        return float(sizes[np.isfinite(sizes)].max(initial=0.0))
    own = name.rpartition(".")[2]
    # Betas that reach 1 were computed as 1 - alpha, to have no signal left at the last timestep.
    of_alphas = own == "betas" and bool((theirs > _ALMOST_ONE).any())
    return 1.0 if of_alphas or own.startswith(_LOGARITHMS) else 0.0


def _large_differ(ours: LargeTable, theirs: LargeTable) -> bool:
    if ours.checksum == theirs.checksum:
        return False
    if ours.shape != theirs.shape or ours.statistics.keys() != theirs.statistics.keys():
        return True
    # Each statistic moves by no more than the values do. Sums are compared with themselves.
    largest = max(abs(theirs.statistics.get(name, 0.0)) for name in ("min", "max"))
    return any(
        bool(
            ulps_apart(
                np.array(ours.statistics[name]),
                np.array(value),
                theirs.dtype,
                0.0 if name in ("abs_sum", "l2") else largest,
            )
            > ALLOWED_ULPS
        )
        for name, value in theirs.statistics.items()
    )


def _order(name: str) -> tuple[bool, int, str]:
    own = name.rpartition(".")[2]
    return "/" in name, _SOURCES.index(own) if own in _SOURCES else len(_SOURCES), name
