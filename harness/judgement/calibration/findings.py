"""Findings: what a calibration says of its case in words, beside the numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from harness.baselines.baseline import Baseline
from harness.baselines.calibration import Calibration
from harness.cases.case import Case
from harness.cases.tolerance import Calibrated, Limits
from harness.judgement.calibration.explicit import limit_notes
from harness.judgement.calibration.spread import CHAOS
from harness.judgement.tiers import Tier

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


def chaos_text(calibration: Calibration) -> str:
    """Return what a chaotic case cannot do, in words."""
    first, steps = calibration.chaotic_from, calibration.steps
    assert first is not None
    if first < len(steps):
        grown = f"{steps[first].largest:.2g} of the latents there"
        where = f"{calibration.chaos} (of {steps[0].step} to {steps[-1].step})"
    else:
        grown = f"{calibration.metrics['relative_l2']:.2g} of it"
        where = str(calibration.chaos)
    few = {0: "no step is left to gate", 1: "only the step before it is gated"}
    gated = few.get(first, f"the {first} steps before it are gated")
    return (
        f"chaotic {where}: one ulp of noise has grown to {grown} ({CHAOS:g} is the most that can be judged). "
        f"No limit tells a fault from rounding after that, so across environments {gated}, its output is not"
    )


def _from_spread(case: Case, calibration: Calibration) -> Iterator[Finding]:
    if calibration.chaos is not None:
        # Chaos is no failure where the case asks for no limits from calibration.
        held = _tiers(case, Calibrated)
        remedy = ". Give it fewer steps, or mark it `strict: true`" if held else ""
        yield Finding(chaos_text(calibration) + remedy, failing=bool(held))
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
            yield Finding(f"{tier.value}: {note}")


Form = TypeVar("Form", Calibrated, Limits)


def _tiers(case: Case, form: type[Form]) -> dict[Tier, Form]:
    """Return the tiers in which ``case`` is compared by tolerances of ``form``."""
    compared = [Tier.SAME_ENVIRONMENT] if case.strict else list(Tier)
    given = {tier: getattr(case.tolerance, tier.value) for tier in compared}
    return {tier: limits for tier, limits in given.items() if isinstance(limits, form)}
