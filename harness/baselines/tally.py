"""Counts of runs, and of those that deviate, by the settings under which they ran."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Tally:
    """How many runs there were, and how many of them deviate."""

    runs: int = 0
    deviating: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.runs + other.runs, self.deviating + other.deviating)

    @property
    def share(self) -> float:
        """The share of the runs that deviates; 0 without a run."""
        return self.deviating / self.runs if self.runs else 0.0


# By setting and level: "process" -> "fresh" -> its runs.
Tallies = dict[str, dict[str, Tally]]


def counted(tallies: Mapping[str, Mapping[str, Tally]], levels: Mapping[str, str], run: Tally) -> Tallies:
    """Return ``tallies`` with one more ``run``, which had these ``levels`` of the settings."""
    return merged(tallies, {setting: {level: run} for setting, level in levels.items()})


def merged(one: Mapping[str, Mapping[str, Tally]], other: Mapping[str, Mapping[str, Tally]]) -> Tallies:
    """Return the sums of two tallies."""
    found: Tallies = {setting: dict(levels) for setting, levels in one.items()}
    for setting, levels in other.items():
        own = found.setdefault(setting, {})
        for level, tally in levels.items():
            own[level] = own.get(level, Tally()) + tally
    return found
