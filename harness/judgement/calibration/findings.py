"""Findings: what a calibration says of its case in words, beside the numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.baselines import Baseline, Calibration
from harness.cases import Case, Limits
from harness.judgement.calibration.explicit import limit_notes
from harness.judgement.calibration.spread import CHAOS

# Half of an image at a bound is a dark or bright picture; of more, little is left to judge by.
_MUCH_SATURATED = 0.5


@dataclass(frozen=True)
class Finding:
    """One thing worth knowing; ``failing`` where the case cannot be held to its calibration."""

    text: str
    failing: bool = False


def findings(case: Case, baseline: Baseline, calibration: Calibration) -> tuple[Finding, ...]:
    """Return what ``calibration`` shows of ``case``, what fails it first."""
    found = [*_from_spread(calibration), *_from_limits(case, baseline, calibration)]
    return tuple(sorted(found, key=lambda finding: not finding.failing))


def chaos_text(calibration: Calibration) -> str:
    """Return what a chaotic case cannot do, in words."""
    first = calibration.chaotic_from
    at = next(step for step in calibration.steps if step.step == first)
    gated = f"the {first} steps before it are gated" if first else "no step before it is left to gate"
    return (
        f"chaotic from step {first} on (of 0 to {calibration.steps[-1].step}): one ulp of noise has grown to "
        f"{at.largest:.2g} of the latents there ({CHAOS:g} is the most that can be judged). No limit tells a "
        f"fault from rounding after that, so across environments {gated}, its output is not"
    )


def _from_spread(calibration: Calibration) -> Iterator[Finding]:
    if calibration.chaotic_from is not None:
        yield Finding(chaos_text(calibration), failing=True)
    if len(calibration.modes) > 1:
        counts = ", ".join(map(str, calibration.modes[1:]))
        yield Finding(
            f"{len(calibration.modes)} modes: {calibration.modes[0]} of {sum(calibration.modes)} runs came "
            f"out with the baseline, the others in clusters of {counts}. Rounding alone turns one into the "
            "other; the envelope is that of the baseline's mode, and a run in another one is drift"
        )
    if calibration.stable:
        yield Finding(
            "bitwise stable: with its noise moved by one ulp the output kept all its bits: the envelope "
            "is zero and `calibrated` asks for the same bits (is the output quantised, the noise not used?)"
        )
    if calibration.saturated > _MUCH_SATURATED:
        yield Finding(
            f"{calibration.saturated:.0%} of the output's values are at the bounds of its range, where a "
            "clamp hides drift; the latents of every step are gated as well, and they are not clamped"
        )


def _from_limits(case: Case, baseline: Baseline, calibration: Calibration) -> Iterator[Finding]:
    tolerance = case.tolerance
    for tier in ("across_releases", "across_devices"):
        limits = getattr(tolerance, tier)
        if isinstance(limits, Limits):
            for note in limit_notes(limits, baseline, calibration):
                yield Finding(f"{tier}: {note}")
