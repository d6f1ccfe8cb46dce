"""Which of the settings of many runs a deviation goes with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from harness.baselines.tally import Tallies, Tally

# Of a setting that has nothing to do with it, so small a p-value is a matter of one in ten thousand.
SIGNIFICANT = 1e-4


@dataclass(frozen=True)
class Association:
    """A ``level`` of a ``setting`` and how its runs deviate, beside all ``others``.

    ``p_value`` is that of Fisher's exact test that the share of deviating runs is larger at this level,
    multiplied by the number of levels that were tested (Bonferroni).
    """

    setting: str
    level: str
    runs: Tally
    others: Tally
    p_value: float

    @property
    def significant(self) -> bool:
        """Whether chance does not explain it."""
        return self.p_value < SIGNIFICANT


def associations(tallies: Tallies) -> tuple[Association, ...]:
    """Return the levels of all settings that deviate more often than the others, the surest first.

    A setting that had one level in all runs can tell nothing.
    """
    tested = [
        (setting, level, runs, _others(levels, level))
        for setting, levels in tallies.items()
        if len(levels) > 1
        for level, runs in levels.items()
    ]
    found = (
        Association(setting, level, runs, others, min(_fisher(runs, others) * len(tested), 1.0))
        for setting, level, runs, others in tested
        if runs.share > others.share
    )
    # Of levels that are as sure, the one that leaves the fewest sound runs to itself says the most.
    return tuple(sorted(found, key=lambda each: (each.p_value, -each.runs.share, each.setting, each.level)))


def _others(levels: Mapping[str, Tally], level: str) -> Tally:
    rest = [tally for name, tally in levels.items() if name != level]
    return Tally(sum(each.runs for each in rest), sum(each.deviating for each in rest))


def _fisher(one: Tally, other: Tally) -> float:
    """Return the p-value of Fisher's exact test (1922, J. R. Stat. Soc. 85) that ``one`` deviates more."""
    runs, deviating = one.runs + other.runs, one.deviating + other.deviating
    # Integers, so that no sum of small numbers is lost.
    ways = sum(
        math.comb(deviating, k) * math.comb(runs - deviating, one.runs - k)
        for k in range(one.deviating, min(deviating, one.runs) + 1)
    )
    return ways / math.comb(runs, one.runs)
