"""Findings: what a calibration reveals about its case, apart from the numbers."""

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
from harness.judgement.strict_reasons import NeedsNoStrict, NeedsStrict
from harness.judgement.tiers import Tier

# With half of its values at a bound, an image is merely dark or bright. With more, little is left to judge.
_MUCH_SATURATED = 0.5
# An explicit limit is called loose if it would pass a difference this many times the envelope.
LOOSE = 100.0


@dataclass(frozen=True)
class Finding:
    """One finding about a case; ``failing`` if the case cannot be compared with its calibration."""

    reason: r.Reason
    failing: bool = False


def findings(case: Case, baseline: Baseline, calibration: Calibration) -> tuple[Finding, ...]:
    """Return what ``calibration`` reveals about ``case``, failures first."""
    found = [
        *_from_spread(case, calibration),
        *_strictness(case, calibration),
        *_from_limits(case, baseline, calibration),
    ]
    return tuple(sorted(found, key=lambda finding: not finding.failing))


def needs_strict(calibration: Calibration) -> bool | None:
    """Return whether no limits can judge the case elsewhere: it has several modes, or is chaotic.

    Returns None if rounding moved nothing, which says nothing about other environments.
    """
    if calibration.chaotic_from is not None or len(calibration.modes) > 1:
        return True
    return None if calibration.stable else False


def chaos_of(calibration: Calibration) -> r.Chaotic:
    """Return the reason that says what cannot be judged about a chaotic case."""
    gated, steps = calibration.chaotic_from, calibration.steps
    assert gated is not None
    chaotic = partial(r.Chaotic, gated, len(steps), most=CHAOS)
    if gated == len(steps):
        return chaotic(calibration.metrics["relative_l2"], step=None, first=None, last=None)
    grown = steps[gated]
    return chaotic(grown.largest, step=grown.step, first=steps[0].step, last=steps[-1].step)


def _from_spread(case: Case, calibration: Calibration) -> Iterator[Finding]:
    if calibration.chaotic_from is not None:
        # Chaos is not a failure if the case does not ask for limits from calibration.
        yield Finding(chaos_of(calibration), failing=bool(_tiers(case, Calibrated)))
    if len(calibration.modes) > 1:
        yield Finding(r.SeveralModes(calibration.modes))
    if calibration.unit is not None:
        yield Finding(r.NoiseCast(calibration.unit))
    if calibration.stable:
        yield Finding(r.Stable())
    if calibration.saturated > _MUCH_SATURATED:
        yield Finding(r.Saturated(calibration.saturated, bool(calibration.steps)))


def _strictness(case: Case, calibration: Calibration) -> Iterator[Finding]:
    needed = needs_strict(calibration)
    if needed and case.strict:
        yield Finding(NeedsStrict(calibration.chaotic_from is not None, strict=True))
    elif needed and calibration.chaotic_from is None and _tiers(case, Calibrated):
        # Chaos is a finding by itself, and limits of its own may judge a case whatever this says.
        yield Finding(NeedsStrict(chaotic=False, strict=False))
    elif needed is False and case.strict:
        yield Finding(NeedsNoStrict(sum(calibration.modes)))


def _from_limits(case: Case, baseline: Baseline, calibration: Calibration) -> Iterator[Finding]:
    for tier, limits in _tiers(case, Limits).items():
        same = tier is Tier.SAME_ENVIRONMENT
        for note in limit_notes(limits, baseline, calibration, same_environment=same):
            yield Finding(r.OddLimit(tier.value, note))


Form = TypeVar("Form", Calibrated, Limits)


def _tiers(case: Case, form: type[Form]) -> dict[Tier, Form]:
    """Return the tiers in which ``case`` is compared by a tolerance of type ``form``."""
    compared = [Tier.SAME_ENVIRONMENT] if case.strict else list(Tier)
    given = {tier: getattr(case.tolerance, tier.value) for tier in compared}
    return {tier: limits for tier, limits in given.items() if isinstance(limits, form)}


def limit_notes(
    limits: Limits, baseline: Baseline, calibration: Calibration, *, same_environment: bool = False
) -> tuple[r.UnfitLimit, ...]:
    """Return the explicit ``limits`` that do not fit the envelope; empty if all fit.

    A limit is loose if it would pass a difference :data:`LOOSE` times the envelope, and tight if rounding
    alone has exceeded it. In the same environment there is no rounding difference, so no limit is too tight.
    The envelope is that of calibrated limits with a factor of 1. A chaotic case has no such limits to compare
    with.
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
        # A single limit covers all statistics: compare it with the one that rounding moves most.
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
