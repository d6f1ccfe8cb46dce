"""Levels: where a series of figures, one per run, has a lasting change.

Runs in one environment repeat bit for bit, so most series are constant with steps. In such a series, a step
is where one constant stretch follows another, and nothing has to be estimated (:func:`_exact`).

If values do not repeat (another machine each night, a device that does not repeat), there is noise, and steps
are found by binary segmentation (Vostrikova 1981, "Detecting disorder in multidimensional random processes"):
the series is cut where the means of both sides differ most, weighted by the sizes of the sides, if that
difference is larger than chance explains, and each side is searched again. What chance explains is derived
from permutations of the series itself, as in circular binary segmentation (Olshen, Venkatraman, Lucito and
Wigler 2004, "Circular binary segmentation for the analysis of array-based DNA copy number data",
Biostatistics 5, 557-572): the test keeps its level whatever the distribution of the noise, as long as runs
are exchangeable. Extreme values are pulled in first, so that a single one hides no step. In noise, a step
needs some runs on either side: of 30 runs in random order, the highest 2 come last with a probability of
1/435, the highest 3 with 1/4060.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
import numpy.typing as npt

# A change is lasting if it has at least this many runs on both sides.
FEWEST = 2
# The largest share of series without a step in which one is found.
FALSE_ALARMS = 0.005
# Enough permutations to distinguish p from FALSE_ALARMS; the sizes of the first batch and of later ones.
_PERMUTATIONS, _FIRST, _MORE = 4000, 200, 1000
# A value further away than this many robust standard deviations is an outlier, and is pulled in to that
# distance.
_FAR = 5.0
# Factors from the median and the mean of absolute deviations to the standard deviation of normal noise
# (Iglewicz and Hoaglin 1993, "How to detect and handle outliers").
_BY_MEDIAN, _BY_MEAN = 1.4826, 1.2533

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Level:
    """A stretch of a series from ``start`` up to, but not including, ``stop``; ``value`` is its median."""

    start: int
    stop: int
    value: float


@dataclass(frozen=True)
class Levels:
    """The parts of a series.

    ``levels`` follow one another; between two of them is a step, at the ``start`` of the later one.
    ``outliers`` are single values off the level around them. ``latest`` is the index of the first of the
    newest values that are not on a level yet: an outlier or the beginning of a step, which the next run will
    show. ``exact`` means that values repeat, so that no allowance for noise was needed.
    """

    levels: tuple[Level, ...]
    outliers: tuple[int, ...] = ()
    latest: int | None = None
    exact: bool = True

    @property
    def steps(self) -> tuple[tuple[Level, Level], ...]:
        """Each level with the one that follows it."""
        return tuple(pairwise(self.levels))


def find_levels(values: Sequence[float]) -> Levels:
    """Return the levels of ``values``, oldest first; NaN is a value like any other. Deterministic."""
    if not values:
        return Levels(())
    stretches = _stretches(values)
    if _repeats(stretches):
        return _exact(stretches)
    # Near the largest float, a spread overflows to a value that is not finite; nothing is reported then.
    with np.errstate(over="ignore", invalid="ignore"):
        return _noisy(values)


def _stretches(values: Sequence[float]) -> list[Level]:
    found: list[Level] = []
    for _, group in groupby(values, key=lambda value: "nan" if math.isnan(value) else float(value)):
        members = list(group)
        start = found[-1].stop if found else 0
        found.append(Level(start, start + len(members), members[0]))
    return found


def _repeats(stretches: Sequence[Level]) -> bool:
    """Return whether the series consists of levels without noise.

    This is so if at least half of the runs repeat the one before them, and the series returns to an earlier
    level at most once: a series that alternates between values is noisy, even with just two values.
    """
    lasting = [str(each.value) for each in stretches if each.stop - each.start >= FEWEST]
    changes, pairs = len(stretches) - 1, stretches[-1].stop - 1
    return changes <= pairs / 2 and len(lasting) - len(set(lasting)) <= 1


def _exact(stretches: Sequence[Level]) -> Levels:
    lasting = [each for each in stretches if each.stop - each.start >= FEWEST]
    if not lasting:
        return Levels(tuple(stretches))
    levels = []
    for _, group in groupby(lasting, key=lambda each: str(each.value)):
        same = list(group)
        levels.append(Level(same[0].start, same[-1].stop, same[0].value))
    singles = [each.start for each in stretches if each.stop - each.start < FEWEST]
    outliers = tuple(index for index in singles if index < levels[-1].stop)
    return Levels(tuple(levels), outliers, next(iter(singles[len(outliers) :]), None))


def _noisy(values: Sequence[float]) -> Levels:
    known = [index for index, value in enumerate(values) if math.isfinite(value)]
    series = np.array([values[index] for index in known])
    levels = []
    outliers = [index for index, value in enumerate(values) if not math.isfinite(value)]
    for start, stop in pairwise([0, *_cuts(series), len(series)] if known else []):
        centre, spread = _robust(series[start:stop])
        levels.append(Level(known[start], known[stop - 1] + 1, centre))
        far = np.abs(series[start:stop] - centre) > _FAR * spread
        outliers += [known[start + int(place)] for place in np.flatnonzero(far)]
    return Levels(tuple(levels), tuple(sorted(outliers)), exact=False)


def _cuts(series: Values, offset: int = 0) -> list[int]:
    """Return the indices at which ``series`` is cut, in order; its first value has the index ``offset``."""
    if len(series) < 2 * FEWEST:
        return []
    centre, spread = _robust(series)
    if spread == 0 or not math.isfinite(spread):
        return []
    # The clipping is the same for every order of the values, so permutations stay as likely as the series. In
    # units of the spread, a series of tiny or huge numbers neither vanishes nor overflows when it is squared.
    pulled = np.clip((series - centre) / spread, -_FAR, _FAR)
    best = _scan(pulled[None])[0]
    if _chance(pulled, float(best.max())) > FALSE_ALARMS:
        return []
    cut = FEWEST + int(best.argmax())
    return [*_cuts(series[:cut], offset), offset + cut, *_cuts(series[cut:], offset + cut)]


def _scan(orders: Values) -> Values:
    """Return, for each row and each possible cut, the squared and weighted difference of both means."""
    count = orders.shape[1]
    sums = orders.cumsum(axis=1)
    left = np.arange(FEWEST, count - FEWEST + 1)
    right = count - left
    head = sums[:, FEWEST - 1 : count - FEWEST]
    difference = head / left - (sums[:, -1:] - head) / right
    scanned: Values = difference**2 * (left * right / count)
    return scanned


def _chance(pulled: Values, found: float) -> float:
    """Return how often the series in random order has a cut as good as ``found``, at least 1/4001.

    Stops early once it is often enough to rule out a finding (Besag and Clifford 1991, "Sequential Monte
    Carlo p-values").
    """
    # A separate generator with a reproducible seed, so that a repeated report gives the same result.
    generator = np.random.default_rng(len(pulled))
    # Sums in another order differ in their last digits.
    least = found * (1 - 1e-9)
    done = as_good = 0
    while done < _PERMUTATIONS and as_good <= 4 * FALSE_ALARMS * _PERMUTATIONS:
        more = min(_MORE if done else _FIRST, _PERMUTATIONS - done)
        orders = generator.permuted(np.broadcast_to(pulled, (more, len(pulled))), axis=1)
        as_good += int((_scan(orders).max(axis=1) >= least).sum())
        done += more
    return (as_good + 1) / (done + 1)


def _robust(series: Values) -> tuple[float, float]:
    """Return the median, and the standard deviation estimated from absolute deviations from it."""
    centre = float(np.median(series))
    deviations = np.abs(series - centre)
    return centre, _BY_MEDIAN * float(np.median(deviations)) or _BY_MEAN * float(deviations.mean())
