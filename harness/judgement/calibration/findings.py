"""Findings: what a calibration says of its case, beside the numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from harness.baselines.baseline import Baseline
from harness.baselines.calibration import Calibration
from harness.cases.case import Case
from harness.cases.tolerance import AT_LEAST, Calibrated, Limits
from harness.judgement import reasons as r
from harness.judgement.calibration.limits import calibrated_limits
from harness.judgement.calibration.spread import CHAOS
from harness.judgement.metrics import METRICS, SIMILARITIES
from harness.judgement.tiers import Tier

# Half of an image at a bound is a dark or bright picture; of more, little is left to judge by.
_MUCH_SATURATED = 0.5
# An explicit limit that a difference so many times the envelope would pass is called loose.
LOOSE = 100.0


@dataclass(frozen=True)
class Finding:
    """One thing worth knowing; ``failing`` where the case cannot be held to its calibration."""

    reason: r.Reason
    failing: bool = False


def findings(case: Case, baseline: Baseline, calibration: Calibration) -> tuple[Finding, ...]:
    """Return what ``calibration`` shows of ``case``, what fails it first."""
    found = [*_from_spread(case, calibration), *_from_limits(case, baseline, calibration)]
    return tuple(sorted(found, key=lambda finding: not finding.failing))


def chaos_of(calibration: Calibration) -> r.Chaotic:
    """Return what a chaotic case cannot do."""
    gated, steps = calibration.chaotic_from, calibration.steps
    assert gated is not None
    chaotic = partial(r.Chaotic, gated, len(steps), most=CHAOS)
    if gated == len(steps):
        return chaotic(calibration.metrics["relative_l2"], step=None, first=None, last=None)
    grown = steps[gated]
    return chaotic(grown.largest, step=grown.step, first=steps[0].step, last=steps[-1].step)


def _from_spread(case: Case, calibration: Calibration) -> Iterator[Finding]:
    if calibration.chaotic_from is not None:
        # Chaos is no failure where the case asks for no limits from calibration.
        yield Finding(chaos_of(calibration), failing=bool(_tiers(case, Calibrated)))
    if len(calibration.modes) > 1:
        yield Finding(r.SeveralModes(calibration.modes))
    if calibration.stable:
        yield Finding(r.Stable())
    if calibration.saturated > _MUCH_SATURATED:
        yield Finding(r.Saturated(calibration.saturated, bool(calibration.steps)))


def _from_limits(case: Case, baseline: Baseline, calibration: Calibration) -> Iterator[Finding]:
    for tier, limits in _tiers(case, Limits).items():
        same = tier is Tier.SAME_ENVIRONMENT
        for note in limit_notes(limits, baseline, calibration, same_environment=same):
            yield Finding(r.OddLimit(tier.value, note))


Form = TypeVar("Form", Calibrated, Limits)


def _tiers(case: Case, form: type[Form]) -> dict[Tier, Form]:
    """Return the tiers in which ``case`` is compared by tolerances of ``form``."""
    compared = [Tier.SAME_ENVIRONMENT] if case.strict else list(Tier)
    given = {tier: getattr(case.tolerance, tier.value) for tier in compared}
    return {tier: limits for tier, limits in given.items() if isinstance(limits, form)}


def limit_notes(
    limits: Limits, baseline: Baseline, calibration: Calibration, *, same_environment: bool = False
) -> tuple[r.UnfitLimit, ...]:
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


def _note(name: str, limit: float, envelope: float, loose: float, *, tight: bool) -> Iterator[r.UnfitLimit]:
    at_least, similarity = name in AT_LEAST, name in SIMILARITIES
    if limit < loose if at_least else limit > loose:
        yield r.UnfitLimit(name, limit, envelope, similarity, LOOSE)
    elif tight and (limit > envelope if at_least else limit < envelope):
        yield r.UnfitLimit(name, limit, envelope, similarity, None)
