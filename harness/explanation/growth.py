"""Growth: at which step the latents left the envelope, and how the difference developed from there."""

from __future__ import annotations

import math

import numpy as np

from harness.baselines.baseline import Baseline
from harness.explanation import evidence as e
from harness.judgement import bits
from harness.judgement.calibration.limits import calibrated_limits
from harness.judgement.calibration.spread import distance
from harness.judgement.metrics import compare, statistic_deviation
from harness.judgement.tiers import DEVICE_FACTOR, Tier, choose_tier
from harness.measurement.measurement import Measurement

# If a step multiplies the previous step's difference by more than this, the step itself is the cause.
# Rounding grows by a factor of 1.0 to 1.3 per step in the shipped cases, and by up to 3 in their last steps.
_JUMP = 5.0
# Sound runs in another environment reached 0.6 of the limit of their tier at most (1.2 envelopes between
# releases, 3 between instruction sets or cores), and 1.5 where a library computed a convolution in an
# entirely different way (docs/false-alarms.md). More than this many times the limit is something else.
_BEYOND = 2.0
# Metrics that cannot cancel and grow with the difference itself.
_NORMS = ("max_abs", "mean_abs", "p999_abs", "relative_l2", "worst_tile")


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


def after_steps(
    measured: Measurement, baseline: Baseline, growth: e.Evidence | None
) -> e.DiffersAfterSteps | e.LeavesAfterSteps | None:
    """Return how the output left its envelope although no step did, ``growth`` being that of the latents.

    None without steps, and if the output is within the envelope, or has none.
    """
    if not measured.trace or bits.same_bits(measured.output, baseline.measurement.output):
        return None
    if growth is None:
        return e.DiffersAfterSteps()
    calibration = baseline.calibration
    found = _output_excess(measured, baseline)
    if calibration is None or found is None or not isinstance(growth, e.WithinEnvelope):
        return None
    figure, deviation, excess = found
    # A figure of the output is as far out as the latents are allowed to be, and further than they are.
    if excess <= calibration.factor or excess <= growth.most:
        return None
    return e.LeavesAfterSteps(figure, deviation, excess, growth.most)


def beyond_environment(measured: Measurement, baseline: Baseline) -> bool:
    """Whether latents or output moved further than the rounding of another environment can explain."""
    calibration = baseline.calibration
    if calibration is None:
        return False
    tier = choose_tier(measured.fingerprint, baseline.measurement.fingerprint)
    most = _BEYOND * calibration.factor * (DEVICE_FACTOR if tier is Tier.ACROSS_DEVICES else 1.0)
    excesses = [each.excess for each in differences(measured, baseline) if each.excess is not None]
    found = _output_excess(measured, baseline)
    return not all(excess <= most for excess in [*excesses, *(found[2:] if found else ())])


def _output_excess(measured: Measurement, baseline: Baseline) -> tuple[str, float, float] | None:
    """Return the metric of the output that moved furthest, its value, and the value in envelopes."""
    calibration, ours, theirs = baseline.calibration, measured.output, baseline.measurement.output
    alike = ours.shape == theirs.shape and ours.dtype == theirs.dtype
    if calibration is None or calibration.chaotic_from is not None or not alike:
        return None
    if not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
        return None
    values = compare(ours, theirs, similarity=False)
    ratios = {
        name: _ratio(value, calibration.metrics[name])
        for name, value in values.items()
        if name in _NORMS and name in calibration.metrics
    }
    figure = max(ratios, key=ratios.__getitem__, default=None)
    return None if figure is None else (figure, values[figure], ratios[figure])


def _ratio(deviation: float, envelope: float) -> float:
    if envelope > 0:
        return deviation / envelope
    return 0.0 if deviation == 0 else math.inf


def _nan_first(value: float) -> float:
    return math.inf if math.isnan(value) else value
