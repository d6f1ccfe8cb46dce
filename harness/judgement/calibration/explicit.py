"""Explicit limits beside the envelope: which of them hide faults, and which fail sound runs."""

from __future__ import annotations

from collections.abc import Iterator

from harness.baselines import Baseline, Calibration
from harness.cases import Limits
from harness.cases.tolerance import AT_LEAST
from harness.judgement.calibration.limits import calibrated_limits
from harness.judgement.metrics import METRICS, scaled

# An explicit limit that a difference so many times the envelope would pass is called loose.
LOOSE = 100.0


def limit_notes(limits: Limits, baseline: Baseline, calibration: Calibration) -> tuple[str, ...]:
    """Return what is odd about explicit ``limits``, with the numbers; empty where they fit the envelope.

    Loose is a limit that a difference :data:`LOOSE` times the envelope would pass, tight one that rounding
    alone has exceeded. A chaotic case has no envelope to hold its limits to.
    """
    if calibration.chaotic_from is not None:
        return ()
    return tuple(_notes(limits, baseline, calibration))


def _notes(limits: Limits, baseline: Baseline, calibration: Calibration) -> Iterator[str]:
    for name in METRICS:
        limit, envelope = getattr(limits, name, None), calibration.metrics.get(name)
        if limit is not None and envelope is not None:
            at_least = name in AT_LEAST
            yield from _note(name, limit, envelope, scaled(name, envelope, LOOSE), at_least=at_least)
    given = limits.statistics
    output = calibrated_limits(baseline, calibration, 1.0).output
    envelopes = output.statistics if output is not None else None
    if given is None or not isinstance(envelopes, dict):
        return
    if not isinstance(given, dict):
        # One limit for all: it is held to the statistic that rounding moves most.
        widest = max(envelopes, key=envelopes.__getitem__)
        yield from _note("statistics", given, envelopes[widest], LOOSE * envelopes[widest])
        return
    for name in given.keys() & envelopes.keys():
        yield from _note(f"statistics.{name}", given[name], envelopes[name], LOOSE * envelopes[name])


def _note(name: str, limit: float, envelope: float, loose: float, *, at_least: bool = False) -> Iterator[str]:
    if limit < loose if at_least else limit > loose:
        yield (
            f"the limit {limit:.3g} on {name} is looser than {LOOSE:g} times the envelope {envelope:.3g}: it "
            "hides faults that `calibrated` would show"
        )
    elif limit > envelope if at_least else limit < envelope:
        yield (
            f"the limit {limit:.3g} on {name} is tighter than the envelope {envelope:.3g}: rounding alone "
            "has exceeded it, so sound runs may fail"
        )
