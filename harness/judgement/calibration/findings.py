"""Findings: what a calibration says of its case, beside the numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from harness.baselines.baseline import Baseline
from harness.baselines.calibration import Calibration
from harness.cases.case import Case
from harness.cases.tolerance import Calibrated, Limits
from harness.judgement.calibration.explicit import limit_notes
from harness.judgement.calibration.spread import CHAOS
from harness.judgement.reasons import Chaotic, OddLimit, Reason, Saturated, SeveralModes, Stable
from harness.judgement.tiers import Tier

# Half of an image at a bound is a dark or bright picture; of more, little is left to judge by.
_MUCH_SATURATED = 0.5


@dataclass(frozen=True)
class Finding:
    """One thing worth knowing; ``failing`` where the case cannot be held to its calibration."""

    reason: Reason
    failing: bool = False


def findings(case: Case, baseline: Baseline, calibration: Calibration) -> tuple[Finding, ...]:
    """Return what ``calibration`` shows of ``case``, what fails it first."""
    found = [*_from_spread(case, calibration), *_from_limits(case, baseline, calibration)]
    return tuple(sorted(found, key=lambda finding: not finding.failing))


def chaos_of(calibration: Calibration) -> Chaotic:
    """Return what a chaotic case cannot do."""
    gated, steps = calibration.chaotic_from, calibration.steps
    assert gated is not None
    chaotic = partial(Chaotic, gated, len(steps), most=CHAOS)
    if gated == len(steps):
        return chaotic(calibration.metrics["relative_l2"], step=None, first=None, last=None)
    grown = steps[gated]
    return chaotic(grown.largest, step=grown.step, first=steps[0].step, last=steps[-1].step)


def _from_spread(case: Case, calibration: Calibration) -> Iterator[Finding]:
    if calibration.chaotic_from is not None:
        # Chaos is no failure where the case asks for no limits from calibration.
        yield Finding(chaos_of(calibration), failing=bool(_tiers(case, Calibrated)))
    if len(calibration.modes) > 1:
        yield Finding(SeveralModes(calibration.modes))
    if calibration.stable:
        yield Finding(Stable())
    if calibration.saturated > _MUCH_SATURATED:
        yield Finding(Saturated(calibration.saturated, bool(calibration.steps)))


def _from_limits(case: Case, baseline: Baseline, calibration: Calibration) -> Iterator[Finding]:
    for tier, limits in _tiers(case, Limits).items():
        same = tier is Tier.SAME_ENVIRONMENT
        for note in limit_notes(limits, baseline, calibration, same_environment=same):
            yield Finding(OddLimit(tier.value, note))


Form = TypeVar("Form", Calibrated, Limits)


def _tiers(case: Case, form: type[Form]) -> dict[Tier, Form]:
    """Return the tiers in which ``case`` is compared by tolerances of ``form``."""
    compared = [Tier.SAME_ENVIRONMENT] if case.strict else list(Tier)
    given = {tier: getattr(case.tolerance, tier.value) for tier in compared}
    return {tier: limits for tier, limits in given.items() if isinstance(limits, form)}
