"""Explicit limits beside the envelope: which of them hide faults, and which fail sound runs."""

from __future__ import annotations

from collections.abc import Iterator

from harness.baselines.baseline import Baseline
from harness.baselines.calibration import Calibration
from harness.cases.tolerance import AT_LEAST, Limits
from harness.judgement.calibration.limits import calibrated_limits
from harness.judgement.metrics import METRICS, SIMILARITIES
from harness.judgement.reasons import LooseLimit, TightLimit

# An explicit limit that a difference so many times the envelope would pass is called loose.
LOOSE = 100.0


def limit_notes(
    limits: Limits, baseline: Baseline, calibration: Calibration, *, same_environment: bool = False
) -> tuple[LooseLimit | TightLimit, ...]:
    """Return what is odd about explicit ``limits``; empty where they fit the envelope.

    Loose is a limit that a difference :data:`LOOSE` times the envelope would pass, tight one that rounding
    alone has exceeded; in the same environment nothing rounds otherwise, and no limit is too tight. The
    envelope is that of calibrated limits, with a factor of 1. A chaotic case has none to hold limits to.
    """
    envelope = calibrated_limits(baseline, calibration, 1.0).output
    loosest = calibrated_limits(baseline, calibration, LOOSE).output
    if envelope is None or loosest is None:
        return ()
    figures: list[tuple[str, float | None, float | None, float | None]] = [
        (name, getattr(limits, name, None), getattr(envelope, name, None), getattr(loosest, name, None))
        for name in METRICS
    ]
    given, widest, loose = limits.statistics, envelope.statistics, loosest.statistics
    assert isinstance(widest, dict)
    assert isinstance(loose, dict)
    if isinstance(given, dict):
        figures += [
            (f"statistics.{name}", limit, widest.get(name), loose.get(name)) for name, limit in given.items()
        ]
    else:
        # One limit for all: it is held to the statistic that rounding moves most.
        figures.append(("statistics", given, max(widest.values()), max(loose.values())))
    return tuple(
        note
        for name, limit, most, too_much in figures
        if limit is not None and most is not None and too_much is not None
        for note in _note(name, limit, most, too_much, tight=not same_environment)
    )


def _note(
    name: str, limit: float, envelope: float, loose: float, *, tight: bool
) -> Iterator[LooseLimit | TightLimit]:
    at_least, similarity = name in AT_LEAST, name in SIMILARITIES
    if limit < loose if at_least else limit > loose:
        yield LooseLimit(name, limit, envelope, similarity, LOOSE)
    elif tight and (limit > envelope if at_least else limit < envelope):
        yield TightLimit(name, limit, envelope, similarity)
