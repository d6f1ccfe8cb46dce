"""What a number of runs proves about the share of all runs that deviate.

`harness verify` decides by it where only Python's standard library is installed.
"""

from __future__ import annotations

import math

CONFIDENCE = 0.95


def upper_bound(runs: int, deviating: int, confidence: float = CONFIDENCE) -> float:
    """Return the share of runs that deviate, at most, with this one-sided ``confidence``.

    Without a deviation that is ``1 - (1 - confidence) ** (1 / runs)``, and otherwise the upper limit of
    Clopper and Pearson (1934, "The use of confidence or fiducial limits illustrated in the case of the
    binomial", Biometrika 26). Without a run it is 1.
    """
    _check(runs, deviating, confidence)
    if deviating == runs:
        return 1.0
    if deviating == 0:
        # Exact where 1 - (1 - confidence) ** (1 / runs) would cancel.
        return -math.expm1(math.log1p(-confidence) / runs)
    return _share_at(runs, deviating, 1 - confidence)


def interval(runs: int, deviating: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return Clopper and Pearson's two-sided interval for the share of runs that deviate."""
    _check(runs, deviating, confidence)
    tail = (1 - confidence) / 2
    low = 0.0 if deviating == 0 else _share_at(runs, deviating - 1, 1 - tail)
    high = 1.0 if deviating == runs else _share_at(runs, deviating, tail)
    return low, high


def runs_needed(bound: float, confidence: float = CONFIDENCE) -> int:
    """Return how many runs, none of which deviates, prove that at most the share ``bound`` does."""
    if not 0 < bound < 1:
        raise ValueError(f"a bound of {bound!r}")
    _check(0, 0, confidence)
    runs = max(math.ceil(math.log1p(-confidence) / math.log1p(-bound)), 1)
    # The logarithms round.
    while upper_bound(runs, 0, confidence) > bound:
        runs += 1
    return runs


def _share_at(runs: int, most: int, probability: float) -> float:
    """Return the share at which ``most`` or fewer of ``runs`` deviate with this probability, by bisection."""
    low, high = 0.0, 1.0
    # Down to neighbouring floats.
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if _at_most(runs, most, middle) > probability else (low, middle)
    return high


def _at_most(runs: int, most: int, share: float) -> float:
    """Return the probability that at most ``most`` of ``runs`` deviate, if this share of all runs does."""
    one, other = math.log(share), math.log1p(-share)
    ways = math.lgamma(runs + 1)
    return math.fsum(
        math.exp(ways - math.lgamma(k + 1) - math.lgamma(runs - k + 1) + k * one + (runs - k) * other)
        for k in range(most + 1)
    )


def _check(runs: int, deviating: int, confidence: float) -> None:
    if not 0 <= deviating <= runs or not 0 < confidence < 1:
        raise ValueError(f"{deviating} of {runs} runs, confidence {confidence!r}")
