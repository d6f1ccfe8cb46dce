"""Growth: at which step the latents left the envelope, and how the difference went on from there."""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.baselines.baseline import Baseline
from harness.judgement import bits
from harness.judgement.calibration.limits import calibrated_limits
from harness.judgement.calibration.spread import distance
from harness.judgement.deviations import statistic_deviation
from harness.judgement.wording import reason_text
from harness.measurement.measurement import Measurement

# A step that makes the difference so many times larger than the one before it did that by itself. Rounding
# grows by a factor of 1.0 to 1.3 a step in the shipped cases, up to 3 in their last ones.
_JUMP = 5.0


@dataclass(frozen=True)
class StepDifference:
    """The difference of the latents after one step: of which figure, by how much, and in envelopes.

    ``figure`` is the statistic (or ``relative_l2`` where latents are kept) that moved most, ``deviation`` by
    how much; ``excess`` is that over the largest deviation that rounding alone caused there, None where the
    case was not calibrated or is chaotic at that step.
    """

    step: int
    timestep: int | float
    figure: str
    deviation: float
    excess: float | None


@dataclass(frozen=True)
class Growth:
    """How the latents parted from the baseline's: in a line, then in detail."""

    title: str
    details: tuple[str, ...]


def differences(measured: Measurement, baseline: Baseline) -> tuple[StepDifference, ...]:
    """Return the difference of the latents after each step that both measurements have."""
    stored, calibration = baseline.measurement, baseline.calibration
    envelopes = {}
    if calibration is not None:
        limits = calibrated_limits(baseline, calibration, 1.0)
        envelopes = {step.step: {**step.statistics, "relative_l2": step.relative_l2} for step in limits.steps}
    found = []
    for index, (ours, theirs) in enumerate(zip(measured.trace, stored.trace, strict=False)):
        deviations = {
            name: statistic_deviation(name, value, theirs.statistics)
            for name, value in ours.statistics.items()
        }
        if measured.latents is not None and stored.latents is not None:
            deviations["relative_l2"] = distance(measured.latents[index], stored.latents[index])
        envelope = envelopes.get(theirs.step)
        if envelope is None:
            figure = max(deviations, key=lambda name: _nan_first(deviations[name]))
            excess = None
        else:
            ratios = {name: _ratio(value, envelope.get(name, 0.0)) for name, value in deviations.items()}
            figure = max(ratios, key=lambda name: _nan_first(ratios[name]))
            excess = ratios[figure]
        found.append(StepDifference(theirs.step, ours.timestep, figure, deviations[figure], excess))
    return tuple(found)


def numerics(measured: Measurement, baseline: Baseline) -> Growth | None:
    """Return where and how the latents parted from the baseline's; None where all have its bits."""
    if bits.first_changed_step(measured, baseline.measurement) is None:
        return None
    steps = differences(measured, baseline)
    if not steps:
        return None
    calibration = baseline.calibration
    if calibration is None or steps[0].excess is None:
        return _uncalibrated(measured, baseline, steps)
    factor = calibration.factor
    first = next((i for i, step in enumerate(steps) if not _within(step.excess, factor)), None)
    if first is None:
        most = max(step.excess or 0.0 for step in steps)
        changed = bits.first_changed_step(measured, baseline.measurement)
        assert changed is not None
        return Growth(
            f"{reason_text(changed)}; no step leaves the envelope of rounding (at most {most:.2g} times its "
            f"size, {factor:g} are allowed)",
            ("the order or the precision of operations changed, or a change too small to tell from that",),
        )
    return _outside(steps, first)


def _outside(steps: tuple[StepDifference, ...], first: int) -> Growth:
    step = steps[first]
    title = (
        f"the latents leave the envelope at step {step.step} (of 0 to {steps[-1].step}, timestep "
        f"{step.timestep}): {step.figure} is off by {step.deviation:.2g}, {step.excess:.3g} times what "
        "rounding does there"
    )
    before = (steps[first - 1].excess or 0.0) if first else 0.0
    excess = step.excess or 0.0
    if first == 0:
        how = "it is there from the first step on"
    elif not excess <= _JUMP * before:  # NaN jumps
        how = f"a jump: the step before it was at {before:.2g} times the envelope"
    else:
        how = f"a slow amplification: the step before it was at {before:.2g} times the envelope already"
    last = steps[-1]
    details = [how]
    if first < len(steps) - 1 and last.excess is not None and math.isfinite(excess):
        trend = "grows" if last.excess > 2 * excess else "shrinks" if last.excess < excess / 2 else "stays"
        details.append(f"from there it {trend}: {last.excess:.3g} times the envelope after the last step")
    return Growth(title, tuple(details))


def _uncalibrated(measured: Measurement, baseline: Baseline, steps: tuple[StepDifference, ...]) -> Growth:
    changed = bits.first_changed_step(measured, baseline.measurement)
    largest = max(steps, key=lambda step: _nan_first(step.deviation))
    detail = f"largest after step {largest.step}: {largest.figure} is off by {largest.deviation:.2g}"
    if baseline.calibration is None:
        detail += "; `harness calibrate` would tell whether that is more than rounding"
    assert changed is not None
    return Growth(reason_text(changed), (detail,))


def _within(excess: float | None, factor: float) -> bool:
    return excess is None or excess <= factor


def _ratio(deviation: float, envelope: float) -> float:
    if envelope > 0:
        return deviation / envelope
    return 0.0 if deviation == 0 else math.inf


def _nan_first(value: float) -> float:
    return math.inf if math.isnan(value) else value
