"""Growth: the first step outside the envelope, and whether it jumped there or crept."""

from dataclasses import replace

import numpy as np
import pytest
from samples import make_baseline, make_calibration, make_measurement

from harness.baselines.calibration import StepEnvelope
from harness.explanation.growth import differences, numerics
from harness.measurement.trace import StepTrace
from harness.reporting.causes import cause_details, cause_title

STEPS = 6
# What rounding does to the latents in these cases; large beside the rounding of float32 itself.
SIZE = 1e-4
NAMES = ("abs_sum", "mean", "std", "min", "max", "l2")


def traced(factors=(), keep=True):
    """A measurement whose latents after step i are too large, by ``factors[i]`` envelopes."""
    # Of one magnitude, so that a factor moves every statistic of them by as much.
    sound = np.random.default_rng(3).choice([-1.0, 1.0], (1, 3, 8, 8)).astype(np.float32)
    factors = [*factors, *[0.0] * (STEPS - len(factors))]
    trace = StepTrace(keep=keep)
    for step, factor in enumerate(factors):
        latents = (sound.astype(np.float64) * (1 + factor * SIZE)).astype(np.float32)
        trace(None, step, 900 - step, {"latents": latents})
    return replace(make_measurement(), trace=trace.records, latents=trace.latents)


def calibrated(size=SIZE, chaotic_from=None, factor=2.0, keep=True, steps=STEPS):
    envelope = tuple(
        StepEnvelope(step, dict.fromkeys(NAMES, size), median=size, largest=size) for step in range(steps)
    )
    calibration = make_calibration(steps=envelope, chaotic_from=chaotic_from, factor=factor)
    return replace(make_baseline(measurement=traced(keep=keep)), calibration=calibration)


def test_the_same_bits_are_no_growth():
    assert numerics(traced(), calibrated()) is None


def test_a_jump_is_told_from_the_step_before():
    growth = numerics(traced([0, 0.1, 100, 100, 100, 100]), calibrated())
    assert cause_title(growth).startswith(
        "the latents leave the envelope at step 2 (of 0 to 5, timestep 898): "
    )
    assert "times what rounding does there" in cause_title(growth)
    assert cause_details(growth)[0].startswith("a jump: the previous step was at 0.1 times")
    assert cause_details(growth)[1].startswith("from there it stays: ")


def test_a_slow_amplification_is_told_by_the_step_before():
    growth = numerics(traced([0.3, 0.6, 1.2, 2.4, 4.8, 9.6]), calibrated())
    assert "at step 3 " in cause_title(growth)
    assert cause_details(growth)[0].startswith("a slow amplification: the previous step was already at 1.2")
    assert cause_details(growth)[1].startswith("from there it grows: 9.6")


def test_what_is_there_from_the_first_step_on_and_shrinks():
    growth = numerics(traced([1000, 100, 100, 10, 10, 10]), calibrated())
    assert "at step 0 " in cause_title(growth)
    assert cause_details(growth)[0] == "it is present from the first step on"
    assert cause_details(growth)[1].startswith("from there it shrinks: ")


def test_the_last_step_alone_has_no_trend():
    growth = numerics(traced([0, 0, 0, 0, 0, 10000]), calibrated())
    assert "at step 5 " in cause_title(growth)
    assert len(cause_details(growth)) == 1


def test_within_the_envelope_is_said_with_its_share():
    growth = numerics(traced([0, 0.5]), calibrated(factor=2.0))
    assert cause_title(growth).startswith("the latents differ from step 1 on")
    assert (
        "no step leaves the envelope of rounding (at most 0.5 times its size; 2 times is allowed)"
        in cause_title(growth)
    )


def test_the_factor_decides_what_is_outside():
    measured = traced([2.5])
    assert "leave the envelope at step 0" in cause_title(numerics(measured, calibrated(factor=2.0)))
    assert "no step leaves the envelope" in cause_title(numerics(measured, calibrated(factor=3.0)))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_not_a_number_is_outside_any_envelope(bad):
    measured = traced([0, 0, 0.1])
    latents = measured.latents.copy()
    latents[3, 0, 0, 0, 0] = bad
    trace = StepTrace(keep=True)
    with np.errstate(invalid="ignore"):
        for step, array in enumerate(latents):
            trace(None, step, 900 - step, {"latents": array})
    measured = replace(measured, trace=trace.records, latents=latents)
    with np.errstate(invalid="ignore"):
        growth = numerics(measured, calibrated())
        uncalibrated = numerics(measured, replace(calibrated(), calibration=None))
    assert "leave the envelope at step 3 " in cause_title(growth)
    assert cause_details(growth)[0].startswith("a jump: ")
    assert "largest after step 3: " in cause_details(uncalibrated)[0]


def test_without_a_calibration_the_largest_is_named():
    baseline = replace(calibrated(), calibration=None)
    growth = numerics(traced([0, 1, 1000, 10]), baseline)
    assert cause_title(growth) == "the latents differ from step 1 on (of 0 to 5, timestep 899)"
    assert cause_details(growth)[0].startswith("largest after step 2: ")
    assert "`harness calibrate` shows" in cause_details(growth)[0]


def test_a_case_that_is_chaotic_from_the_start_has_no_envelope():
    growth = numerics(traced([0, 1000]), calibrated(chaotic_from=0))
    assert cause_title(growth).startswith("the latents differ from step 1 on")
    assert "largest after step 1" in cause_details(growth)[0]
    assert "harness calibrate" not in cause_details(growth)[0]


def test_chaotic_steps_are_not_held_to_anything():
    baseline = calibrated(chaotic_from=3)
    assert [step.excess is None for step in differences(traced([1000] * STEPS), baseline)] == [
        False, False, False, True, True, True,
    ]  # fmt: skip
    growth = numerics(traced([0, 0, 0, 1000]), baseline)
    assert "no step leaves the envelope" in cause_title(growth)
    outside = numerics(traced([0, 100, 100, 1000, 1000, 1000]), baseline)
    assert "at step 1 " in cause_title(outside)
    assert len(cause_details(outside)) == 1  # the last step has no envelope, so no trend


def test_steps_that_only_one_side_has_are_not_compared():
    measured, baseline = traced([0, 100]), calibrated()
    short = replace(measured, trace=measured.trace[:3], latents=measured.latents[:3])
    assert len(differences(short, baseline)) == 3
    assert "at step 1 (of 0 to 2" in cause_title(numerics(short, baseline))


def test_a_run_without_any_steps():
    assert numerics(replace(traced(), trace=(), latents=None), calibrated()) is None


def test_without_latents_the_statistics_tell():
    measured = traced([0, 0, 1000], keep=False)
    (step,) = [s for s in differences(measured, calibrated(keep=False)) if s.deviation > 0]
    assert step.figure in NAMES
    assert "at step 2 " in cause_title(numerics(measured, calibrated(keep=False)))


def test_a_figure_without_any_envelope_is_outside_however_little_it_moves():
    """Members that all agreed leave an envelope of 0: what moves there is no rounding they ever showed."""
    growth = numerics(traced([0, 0.1]), calibrated(size=0.0))
    assert "leave the envelope at step 1 " in cause_title(growth)
    assert "inf times" in cause_title(growth)
