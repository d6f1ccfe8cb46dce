"""From members to the envelope: the largest deviation, figure by figure, of the members that count."""

import dataclasses
import math
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
from members import image_of, members_of, sampled
from samples import make_measurement, refused

from harness import __version__
from harness.judgement.calibration.envelope import CalibrationError, Member, make_calibration
from harness.judgement.metrics import compare, statistic_deviation
from harness.measurement.figures import StepRecord
from harness.measurement.statistics import summarise

BASE = sampled()
RUNS = [sampled(seed) for seed in range(1, 6)]
NAME = "guide/two-steps"


def calibration(runs=RUNS, base=BASE, factor=2.0):
    return make_calibration(members_of(base, runs), base, factor, NAME)


def test_metrics_are_the_worst_of_the_members():
    made = calibration()
    each = [compare(run.output, BASE.output) for run in RUNS]
    for name in ("mean_abs", "relative_l2", "cosine_distance", "worst_tile", "brightness_shift"):
        values = [figures[name] for figures in each]
        assert made.metrics[name] == max(values) > min(values), name
    for name in ("psnr", "ssim", "ssim_worst"):
        assert made.metrics[name] == min(figures[name] for figures in each), name
    assert made.metrics["psnr"] < max(figures["psnr"] for figures in each)
    assert made.metrics.keys() == each[0].keys()


def test_statistics_are_the_largest_deviations_of_the_members():
    made = calibration()
    assert made.statistics.keys() == BASE.statistics.keys()
    for name in ("abs_sum", "mean", "q25", "channel1.std"):
        deviations = [statistic_deviation(name, run.statistics[name], BASE.statistics) for run in RUNS]
        assert made.statistics[name] == max(deviations) > 0


def test_every_step_has_its_envelope_and_its_place_on_the_growth_curve():
    made = calibration(
        [sampled(seed, step=lambda latents: latents**2) for seed in range(1, 6)],
        sampled(step=lambda latents: latents**2),
    )
    assert [step.step for step in made.steps] == [0, 1, 2]
    assert made.steps[0].statistics.keys() == BASE.trace[0].statistics.keys()
    # Squaring doubles the relative deviation of each value; the largest values come to dominate.
    assert made.steps[0].largest == pytest.approx(2e-5, rel=1e-3)
    assert made.steps[2].largest == pytest.approx(8e-5, rel=1e-3)
    unlike = calibration([sampled(seed, size=size) for seed, size in ((1, 1e-5), (2, 4e-5), (3, 3e-5))])
    assert unlike.steps[1].median == pytest.approx(3e-5, rel=1e-3)
    assert unlike.steps[1].largest == pytest.approx(4e-5, rel=1e-3)


def test_what_was_asked_for_is_kept():
    made = calibration(factor=3.5)
    assert (made.members, made.factor, made.modes) == ((1, 2, 3, 4, 5), 3.5, (6,))
    assert made.chaotic_from is made.chaos is None
    assert not made.stable
    assert made.harness_version == __version__
    made_at = datetime.fromisoformat(made.date)
    assert made_at.utcoffset() == timedelta(0)
    assert abs(datetime.now(timezone.utc) - made_at) < timedelta(minutes=10)
    assert made.saturated == pytest.approx(0.12, abs=0.01)


def jumping(latents):
    """Two answers: which one, the rounding of a single value decides."""
    return latents * (0.9 if latents[0, 0, 0, 0] > NOISE[0, 0, 0, 0] else -0.9)


NOISE = np.random.default_rng(7).standard_normal((1, 3, 8, 8))


def test_members_of_another_mode_are_counted_and_left_out():
    base = sampled(noise=NOISE, step=jumping, steps=1)
    runs = [sampled(seed, noise=NOISE, step=jumping, steps=1) for seed in range(1, 9)]
    made = calibration(runs, base)
    own = [run for run in runs if compare(run.output, base.output)["relative_l2"] < 1e-3]
    assert 0 < len(own) < len(runs)
    assert made.modes == (1 + len(own), len(runs) - len(own))
    assert made.metrics == calibration(own, base).metrics
    assert made.statistics == calibration(own, base).statistics
    assert [step.largest < 1e-4 for step in made.steps] == [True]
    assert made.members == tuple(range(1, 9))
    assert made.chaotic_from is None


def test_a_baseline_that_no_member_comes_near_has_no_envelope():
    runs = [sampled(seed, decode=lambda latents: image_of(-latents)) for seed in range(1, 5)]
    with refused(CalibrationError, f"^{NAME}: none of 4 runs .*`strict: true`"):
        calibration(runs)


def test_members_that_keep_all_bits_leave_an_envelope_of_zero():
    made = calibration([sampled(seed, size=0.0) for seed in (1, 2)])
    assert made.stable
    assert {made.metrics[name] for name in ("mean_abs", "relative_l2", "cosine_distance")} == {0.0}
    assert set(made.statistics.values()) == {0.0}
    assert [step.largest for step in made.steps] == [0.0, 0.0, 0.0]
    # Equal outputs have an infinite PSNR: no limit can be made of it, and JSON has no such number.
    assert "psnr" not in made.metrics
    assert made.metrics["ssim"] == pytest.approx(1)


def test_a_single_member_that_moves_is_enough_to_be_unstable():
    made = calibration([sampled(1, size=0.0), sampled(2, size=0.0), RUNS[0]])
    assert not made.stable
    assert made.metrics["psnr"] == compare(RUNS[0].output, BASE.output)["psnr"]


def logistic(latents):
    return 4 * latents * (1 - latents)


CHAOTIC = {"noise": np.random.default_rng(3).random((1, 3, 8, 8)), "step": logistic, "size": 1e-12}


def test_chaos_is_found_with_its_first_step():
    base = sampled(**CHAOTIC, steps=60)
    made = calibration([sampled(seed, **CHAOTIC, steps=60) for seed in range(1, 5)], base)
    # An error doubles at every step, from 1e-12: 0.05 is passed after about 36.
    assert 30 < made.chaotic_from < 42
    assert made.steps[made.chaotic_from].largest >= 0.05 > made.steps[made.chaotic_from - 1].largest
    assert made.chaos == f"from step {made.chaotic_from} on"
    assert made.modes == (5,)


def test_a_chaotic_output_without_any_trace_is_chaos_too():
    runs = [sampled(seed, steps=60, **CHAOTIC) for seed in (None, 1, 2, 3)]
    base, *others = [dataclasses.replace(run, trace=(), latents=None) for run in runs]
    made = calibration(others, base)
    assert (made.steps, made.chaotic_from, made.chaos) == ((), 0, "in its output")


def test_a_pipeline_without_a_trace_has_an_envelope_of_its_output():
    base, *runs = [dataclasses.replace(run, trace=(), latents=None) for run in (BASE, *RUNS)]
    made = calibration(runs, base)
    assert (made.steps, made.chaotic_from) == ((), None)
    assert made.metrics == calibration().metrics


def with_output(value, run=RUNS[0]):
    output = run.output.copy()
    output[0, 1, 2, 0] = value
    return dataclasses.replace(run, output=output, statistics=summarise(output))


@pytest.mark.parametrize(
    ("run", "told"),
    [
        (sampled(1, decode=lambda latents: image_of(latents)[:, :4]), r"shape \[1, 4, 8, 3\]"),
        (sampled(1, decode=lambda latents: image_of(latents).astype(np.float64)), "dtype float64"),
        (with_output(np.nan), r"NaN in 1 of 192 values, at \(0, 1, 2, 0\)"),
        (with_output(np.inf), "Inf in 1 of 192 values"),
        (sampled(1, steps=4), "4 steps were traced; the baseline has 3"),
        (
            dataclasses.replace(
                RUNS[0], trace=(StepRecord(0, 999, "0" * 64, {"mean": math.nan}), *RUNS[0].trace[1:])
            ),
            "latents of step 0",
        ),
        (dataclasses.replace(RUNS[0], latents=RUNS[0].latents[..., :4]), r"latents: shape \[3, 1, 3, 8, 4\]"),
        (dataclasses.replace(RUNS[0], latents=None), "latents: shape None"),
    ],
    ids=["shape", "dtype", "nan", "inf", "steps", "step-nan", "latents-shape", "no-latents"],
)
def test_a_member_that_cannot_be_compared_is_named(run, told):
    with refused(CalibrationError, rf"^{NAME}: .*signs of seed 4\).*{told}"):
        Member.of(4, run, BASE, NAME)


def from_nothing(seed, **fields):
    """A run that is all zeros, unless its noise is moved."""
    return sampled(seed, noise=np.ones((1, 3, 8, 8)), step=lambda latents: latents - 1, steps=1, **fields)


@pytest.mark.parametrize(
    ("fields", "where"),
    [({}, "the latents of step 0"), ({"decode": lambda x: x.transpose(0, 2, 3, 1)}, "the latents of step 0")],
)
def test_a_deviation_from_nothing_has_no_envelope(fields, where):
    with refused(CalibrationError, f"^{NAME}: {where} .* contain only zeros"):
        calibration([from_nothing(seed, **fields) for seed in (1, 2)], from_nothing(None, **fields))


def test_an_output_of_zeros_has_no_envelope():
    base = dataclasses.replace(make_measurement(np.zeros((1, 8, 8, 3), np.float32)), trace=())
    runs = [
        dataclasses.replace(make_measurement(np.full((1, 8, 8, 3), value, np.float32)), trace=())
        for value in (1e-7, 2e-7)
    ]
    with refused(CalibrationError, r"the output .* contain only zeros"):
        calibration(runs, base)
    assert calibration([base, base], base).stable


def test_an_output_that_is_infinitely_far_has_no_envelope_whatever_its_statistics_say():
    far = [
        dataclasses.replace(member, metrics={**member.metrics, "relative_l2": math.inf})
        for member in members_of(BASE, RUNS)
    ]
    with refused(CalibrationError, f"^{NAME}: the output .* contain only zeros"):
        make_calibration(far, BASE, 2.0, NAME)
