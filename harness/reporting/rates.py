"""How often runs show a change, in words."""

from __future__ import annotations

import math

from harness.counting import count
from harness.releases.bisection import RunsOf
from harness.releases.noisy_search import wilson_interval


def tally_words(tally: RunsOf) -> str:
    """Return how often a version showed the change, and the interval that its rate lies in."""
    low, high = wilson_interval(tally.changed, tally.runs)
    return f"{tally.changed} of {count(tally.runs, 'run')} ({low:.0%} to {high:.0%})"


def ends_words(ends: tuple[RunsOf, RunsOf]) -> str:
    """Return how often both ends showed the change."""
    good, bad = ends
    return f"runs that show the change: good end {tally_words(good)}, bad end {tally_words(bad)}"


def percent_down(probability: float) -> str:
    """Return a confidence, never rounded up to certainty."""
    return f"{math.floor(probability * 1000) / 10:g}%"
