"""Growth: at which step the latents left the envelope, and how the difference developed from there."""

from __future__ import annotations

import math

from harness.baselines.baseline import Baseline
from harness.explanation import evidence as e
from harness.judgement import bits
from harness.judgement.calibration.limits import calibrated_limits
from harness.judgement.calibration.spread import distance
from harness.judgement.metrics import statistic_deviation
from harness.measurement.measurement import Measurement

# If a step multiplies the previous step's difference by more than this, the step itself is the cause.
# Rounding grows by a factor of 1.0 to 1.3 per step in the shipped cases, and by up to 3 in their last steps.
_JUMP = 5.0


def differences(measured: Measurement, baseline: Baseline) -> tuple[e.StepDifference, ...]:
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
        ranked = deviations
        if envelope is not None:
            ranked = {name: _ratio(value, envelope.get(name, 0.0)) for name, value in deviations.items()}
        figure = max(ranked, key=lambda name: _nan_first(ranked[name]))
        excess = None if envelope is None else ranked[figure]
        found.append(e.StepDifference(theirs.step, ours.timestep, figure, deviations[figure], excess))
    return tuple(found)


def numerics(measured: Measurement, baseline: Baseline) -> e.Evidence | None:
    """Return where and how the latents diverged from the baseline's.

    Returns None if all have its bits, or if the two measurements have no steps in common.
    """
    change = bits.first_changed_step(measured, baseline.measurement)
    if change is None:
        return None
    steps = differences(measured, baseline)
    if not steps:
        return None
    calibration = baseline.calibration
    if calibration is None or steps[0].excess is None:
        largest = max(steps, key=lambda step: _nan_first(step.deviation))
        return e.WithoutEnvelope(change, largest, calibration is not None)
    # NaN is within no limit.
    excesses = [0.0 if step.excess is None else step.excess for step in steps]
    first = next((i for i, excess in enumerate(excesses) if not excess <= calibration.factor), None)
    if first is None:
        return e.WithinEnvelope(change, max(excesses), calibration.factor)
    before, excess, last = excesses[first - 1] if first else None, excesses[first], steps[-1]
    jump = before is not None and not excess <= _JUMP * before  # NaN jumps
    final = last.excess if first < len(steps) - 1 and math.isfinite(excess) else None
    return e.LeavesEnvelope(steps[first], last.step, before, jump, final)


def _ratio(deviation: float, envelope: float) -> float:
    if envelope > 0:
        return deviation / envelope
    return 0.0 if deviation == 0 else math.inf


def _nan_first(value: float) -> float:
    return math.inf if math.isnan(value) else value
