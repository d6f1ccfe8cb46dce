"""Findings: what a calibration says of its case in words, beside the numbers."""

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
from harness.judgement.reasons import Chaotic
from harness.judgement.tiers import Tier
from harness.judgement.wording import reason_text

# Half of an image at a bound is a dark or bright picture; of more, little is left to judge by.
_MUCH_SATURATED = 0.5


@dataclass(frozen=True)
class Finding:
    """One thing worth knowing; ``failing`` where the case cannot be held to its calibration."""

    text: str
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
    if calibration.chaos is not None:
        # Chaos is no failure where the case asks for no limits from calibration.
        held = _tiers(case, Calibrated)
        remedy = ". Give it fewer steps, or mark it `strict: true`" if held else ""
        yield Finding(reason_text(chaos_of(calibration)) + remedy, failing=bool(held))
    if len(calibration.modes) > 1:
        counts = ", ".join(map(str, calibration.modes[1:]))
        yield Finding(
            f"{len(calibration.modes)} modes: {calibration.modes[0]} of {sum(calibration.modes)} runs came "
            f"out with the baseline, the others in clusters of {counts}. Rounding alone turns one into the "
            "other; the envelope is that of the baseline's mode, and a run in another one is drift"
        )
    if calibration.stable:
        yield Finding(
            "bitwise stable: with its noise moved by one ulp the output kept all its values: the envelope "
            "is zero and `calibrated` asks for the same ones (is the output quantised, the noise not used or "
            "cast to fewer bits?)"
        )
    if calibration.saturated > _MUCH_SATURATED:
        gated = (
            "the latents of every step are gated as well, and they are not clamped"
            if calibration.steps
            else "and the pipeline shows no latents that could be gated instead"
        )
        yield Finding(
            f"{calibration.saturated:.0%} of the output's values are at the bounds of its range, where a "
            f"clamp hides drift; {gated}"
        )


def _from_limits(case: Case, baseline: Baseline, calibration: Calibration) -> Iterator[Finding]:
    for tier, limits in _tiers(case, Limits).items():
        same = tier is Tier.SAME_ENVIRONMENT
        for note in limit_notes(limits, baseline, calibration, same_environment=same):
            yield Finding(f"{tier.value}: {reason_text(note)}")


Form = TypeVar("Form", Calibrated, Limits)


def _tiers(case: Case, form: type[Form]) -> dict[Tier, Form]:
    """Return the tiers in which ``case`` is compared by tolerances of ``form``."""
    compared = [Tier.SAME_ENVIRONMENT] if case.strict else list(Tier)
    given = {tier: getattr(case.tolerance, tier.value) for tier in compared}
    return {tier: limits for tier, limits in given.items() if isinstance(limits, form)}
