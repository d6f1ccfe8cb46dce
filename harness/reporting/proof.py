"""What a number of runs proves, in words."""

from __future__ import annotations

from harness.baselines.tally import Tally
from harness.judgement.soak.proof import CONFIDENCE, interval, upper_bound
from harness.reporting.figures import figure


def bound_text(runs: Tally, confidence: float = CONFIDENCE) -> str:
    """Return what runs prove: ``at most 0.1 % of all runs deviate (95 % confidence)``."""
    sure = f"({percent(confidence)} confidence)"
    if runs.deviating:
        low, high = (percent(each) for each in interval(runs.runs, runs.deviating, confidence))
        return f"{runs.deviating} of {runs.runs} runs deviate: {low} to {high} of all runs do {sure}"
    return f"at most {percent(upper_bound(runs.runs, 0, confidence))} of all runs deviate {sure}"


def percent(share: float) -> str:
    """Return a share in percent, in three digits."""
    return f"{figure(100 * share)} %"
