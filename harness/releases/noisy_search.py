"""Noisy binary search: where in a line does a change begin, if runs show it only in part?

Every version of a line is run as often as it takes. A run of a version before the change shows it at one
rate, a run of a version from the change on at another, and neither rate is known. This module knows counts
alone: it says how likely each position of the change is, and which version to run next. It runs nothing.

- The position has a posterior distribution, in which both rates are integrated out. With a beta prior for
  each rate, the likelihood of a position is a product of two beta functions of counts (the beta-binomial
  model: Gelman et al., Bayesian Data Analysis, 3rd edition, section 2.4). So the runs at the ends and those
  in between inform the rates alike, and the confidence allows for what is not known about them.
- The next version to run is the one whose run tells most about the position: the largest mutual information
  (Lindley 1956; MacKay 1992). For a symmetric flake of known rate, this is the median of the posterior, the
  scheme of Horstein (1963) and of Burnashev and Zigangirov (1974). With rates of 0 and 1 it is bisection.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Counts: TypeAlias = "npt.NDArray[np.int64]"
Numbers: TypeAlias = "npt.NDArray[np.float64]"

# The priors of the rates at which a run shows the change, as the two parameters of a beta distribution: most
# runs are right, and one in five is wrong on average. They decide how many runs a case that always repeats
# takes; a case that flakes more often overrules them.
BEFORE, SINCE = (1.0, 4.0), (4.0, 1.0)
# The probability, before any run, that there is no change at all: people give ends that do not differ.
NO_CHANGE = 0.2
_STEP = 512


@dataclass(frozen=True)
class Belief:
    """What runs say about a line of n versions.

    ``positions[i]`` is the probability that the version ``i + 1`` is the first with the change; the last
    entry, for a version that the line does not have, is the probability that there is none. ``before`` and
    ``since`` are, for each of these positions, the expected rates at which runs show the change before and
    from it on.
    """

    positions: Numbers
    before: Numbers
    since: Numbers

    @property
    def first_changed(self) -> int:
        """The most likely position of the first version with the change; n if there is probably none."""
        return int(self.positions.argmax()) + 1

    @property
    def confidence(self) -> float:
        """The probability of that position."""
        return float(self.positions.max())

    @property
    def no_change(self) -> bool:
        """Whether most likely no version has the change."""
        return self.first_changed == len(self.positions)

    def rates(self) -> tuple[float, float]:
        """Return the expected rates before and since the change, if it is at the most likely position."""
        at = self.first_changed - 1
        return float(self.before[at]), float(self.since[at])


def believe(changed: Counts, same: Counts) -> Belief:
    """Return what runs say, of which ``changed[i]`` of version i showed the change and ``same[i]`` did not.

    There are at least two versions; that the first lacks the change is given.
    """
    before_changed, before_same = changed.cumsum(), same.cumsum()
    since_changed, since_same = before_changed[-1] - before_changed, before_same[-1] - before_same
    number = len(changed) - 1
    prior = np.full(number + 1, (1 - NO_CHANGE) / number)
    prior[-1] = NO_CHANGE
    log = (
        np.log(prior)
        + _log_likelihood(before_changed, before_same, BEFORE)
        + _log_likelihood(since_changed, since_same, SINCE)
    )
    before = _expected(before_changed, before_same, BEFORE)
    # If nothing changed, the one rate may be high: then no run is like another, not even at the good end.
    often = _log_likelihood(before_changed[-1:], before_same[-1:], SINCE)[0] + np.log(prior[-1])
    total = np.logaddexp(log[-1], often)
    high = _expected(before_changed[-1:], before_same[-1:], SINCE)[0]
    before[-1] += (high - before[-1]) * np.exp(often - total)
    log[-1] = total - np.log(2)
    weights = np.exp(log - log.max())
    return Belief(weights / weights.sum(), before, _expected(since_changed, since_same, SINCE))


def information(belief: Belief) -> Numbers:
    """Return how much one run of each version tells about the position, in nats.

    This is the mutual information of the run's outcome and the position: the entropy of the outcome, less
    what of it would be left if the position were known.
    """
    p, before, since = belief.positions, belief.before, belief.since
    # A version i has the change if it begins at a position up to i.
    shows = _up_to(p * since) + _after(p * before)
    left = _up_to(p * _entropy(since)) + _after(p * _entropy(before))
    told: Numbers = np.maximum(_entropy(shows) - left, 0.0)
    return told


def is_changed(runs: tuple[int, int], before: tuple[int, int], since: tuple[int, int]) -> float:
    """Return the probability that ``runs`` of something else are like those since a change.

    The alternative is that they are like those before it; both are as likely at first. Each pair counts the
    runs that showed the change and those that did not.
    """
    log = [
        float(
            _log_likelihood(np.array([counts[0] + runs[0]]), np.array([counts[1] + runs[1]]), prior)[0]
            - _log_likelihood(np.array([counts[0]]), np.array([counts[1]]), prior)[0]
        )
        for counts, prior in ((before, BEFORE), (since, SINCE))
    ]
    return float(1 / (1 + np.exp(np.clip(log[0] - log[1], -700, 700))))


def wilson_interval(successes: int, runs: int, z: float = 1.959964) -> tuple[float, float]:
    """Return the interval that a rate lies in with 95 %, by Wilson's score (Wilson 1927, JASA 22, 209-212).

    It is 0 to 1 without runs.
    """
    if not runs:
        return 0.0, 1.0
    share, square = successes / runs, z * z / runs
    middle = (share + square / 2) / (1 + square)
    half = z * float(np.sqrt(share * (1 - share) / runs + square / runs / 4)) / (1 + square)
    low = 0.0 if successes == 0 else middle - half
    return low, 1.0 if successes == runs else middle + half


def _log_likelihood(changed: Counts, same: Counts, prior: tuple[float, float]) -> Numbers:
    """Return log B(alpha + changed, beta + same) / B(alpha, beta), B being the beta function."""
    alpha, beta = prior
    return _rising(alpha, changed) + _rising(beta, same) - _rising(alpha + beta, changed + same)


def _expected(changed: Counts, same: Counts, prior: tuple[float, float]) -> Numbers:
    expected: Numbers = (prior[0] + changed) / (sum(prior) + changed + same)
    return expected


def _rising(start: float, counts: Counts) -> Numbers:
    """Return log of start (start + 1) … (start + count - 1), for each count."""
    needed = int(counts.max(initial=0)) // _STEP + 1
    return _rising_table(start, needed * _STEP)[counts]


@cache
def _rising_table(start: float, size: int) -> Numbers:
    table = np.zeros(size + 1)
    np.cumsum(np.log(start + np.arange(size)), out=table[1:])
    return table


def _up_to(values: Numbers) -> Numbers:
    """Return, for each version, the sum of ``values`` over the positions up to it."""
    sums = np.zeros(len(values))
    np.cumsum(values[:-1], out=sums[1:])
    return sums


def _after(values: Numbers) -> Numbers:
    """Return, for each version, the sum of ``values`` over the positions after it."""
    sums: Numbers = values[::-1].cumsum()[::-1]
    return sums


def _entropy(probability: Any) -> Any:
    p = np.clip(probability, 1e-300, 1 - 1e-16)
    return -(p * np.log(p) + (1 - p) * np.log1p(-p))
