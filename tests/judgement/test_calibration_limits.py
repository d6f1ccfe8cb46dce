"""From the envelope to limits: what is pooled, what is squared, and what has no limit at all."""

import dataclasses

import numpy as np
import pytest
from members import image_of, members_of, sampled
from samples import make_baseline, make_calibration

from harness.baselines.calibration import StepEnvelope
from harness.cases.tolerance import MOST_FACTOR, Limits
from harness.judgement.calibration import envelope
from harness.judgement.calibration.limits import calibrated_limits, kind_of
from harness.judgement.metrics import METRICS, compare, statistic_deviation

BASE = sampled()
BASELINE = make_baseline(measurement=BASE)
RUNS = [sampled(seed) for seed in range(1, 6)]
MADE = envelope.make_calibration(members_of(BASE, RUNS), BASE, 2.0, "guide/two-steps")


def limits(factor=2.0, calibration=MADE, baseline=BASELINE):
    return calibrated_limits(baseline, calibration, factor)


@pytest.mark.parametrize("name", ["max_abs", "mean_abs", "p999_abs", "relative_l2", "worst_tile"])
def test_a_norm_is_limited_to_factor_times_its_envelope(name):
    assert getattr(limits(1.0).output, name) == MADE.metrics[name] > 0
    assert getattr(limits(3.0).output, name) == pytest.approx(3 * MADE.metrics[name])


def test_the_factor_is_on_the_size_of_the_difference():
    once, thrice = limits(1.0).output, limits(3.0).output
    assert thrice.cosine_distance == pytest.approx(9 * MADE.metrics["cosine_distance"])
    assert thrice.psnr == pytest.approx(MADE.metrics["psnr"] - 20 * np.log10(3))
    for name in ("ssim", "ssim_worst"):
        below = 1 - MADE.metrics[name]
        assert 1 - getattr(thrice, name) == pytest.approx(9 * below, abs=2e-12)
        assert 0 < getattr(once, name) <= MADE.metrics[name]
    for name, limit in once.statistics.items():
        assert thrice.statistics[name] == pytest.approx(3 * limit)
    for tight, wide in zip(limits(1.0).steps, limits(3.0).steps, strict=True):
        assert wide.relative_l2 == pytest.approx(3 * tight.relative_l2)
        assert wide.statistics["mean"] == pytest.approx(3 * tight.statistics["mean"])


def test_every_metric_but_the_one_that_explodes_near_zero_has_a_limit():
    assert {name for name in METRICS if getattr(limits().output, name, None) is not None} == {
        name for name in METRICS if name != "max_ulp"
    }
    assert MADE.metrics["max_ulp"] > 0


def test_similarity_leaves_room_for_the_rounding_of_its_own_computation():
    """The SSIM of images that differ by rounding is 1 up to float64's own error, above or below."""
    ones = dataclasses.replace(MADE, metrics={**MADE.metrics, "ssim": 1.0, "ssim_worst": 1.0})
    for name in ("ssim", "ssim_worst"):
        assert 1 - 1e-11 < getattr(limits(2.0, ones).output, name) < 1 - 1e-14


def test_no_factor_takes_a_limit_out_of_its_range():
    widest = limits(MOST_FACTOR * 2.5).output
    assert widest.ssim >= 0
    assert widest.psnr >= 0
    assert np.isfinite(widest.cosine_distance)


@pytest.mark.parametrize(
    ("statistic", "kind"),
    [
        ("abs_sum", "sum"),
        ("l2", "sum"),
        ("mean", "mean"),
        ("channel0.mean", "mean"),
        ("std", "std"),
        ("channel12.std", "std"),
        ("min", "extreme"),
        ("channel1.max", "extreme"),
        ("q01", "quantile"),
        ("q50", "quantile"),
    ],
)
def test_statistics_are_pooled_by_kind(statistic, kind):
    assert kind_of(statistic) == kind


def test_every_statistic_has_a_kind():
    named = {kind_of(name) for name in BASE.statistics} | {kind_of(name) for name in BASE.trace[0].statistics}
    assert named == {"sum", "mean", "std", "extreme", "quantile"}


def step(index, largest, **statistics):
    return StepEnvelope(index, statistics, largest / 2, largest)


def by_hand(**fields):
    """Two steps and an output of spreads 1e-6, 4e-6 and 2e-6, with statistics of a few kinds."""
    given = {
        "steps": (step(0, 1e-6, mean=5e-7, min=1e-7), step(1, 4e-6, mean=1e-9, min=1e-6)),
        "metrics": {"relative_l2": 2e-6, "max_abs": 9e-6},
        "statistics": {"mean": 1e-8, "channel0.mean": 0.0, "q50": 4e-6, "q01": 0.0, "max": 1e-9},
        **fields,
    }
    return make_calibration(**given)


def test_a_statistic_may_deviate_by_the_largest_share_that_its_kind_had_anywhere():
    found = limits(2.0, by_hand())
    # mean: half of the spread after step 0; extremes: a quarter after step 1; quantiles: twice the output's.
    assert found.steps[0].statistics == pytest.approx({"mean": 1e-6, "min": 5e-7})
    assert found.steps[1].statistics == pytest.approx({"mean": 4e-6, "min": 2e-6})
    assert found.output.statistics == pytest.approx(
        {"mean": 2e-6, "channel0.mean": 2e-6, "q50": 8e-6, "q01": 8e-6, "max": 1e-6}
    )


def test_a_share_of_the_output_counts_for_the_steps_as_well():
    found = limits(1.0, by_hand(statistics={"channel3.mean": 1.8e-6}))
    assert found.steps[1].statistics["mean"] == pytest.approx(0.9 * 4e-6)


def test_no_limit_is_below_what_a_member_did():
    """At a factor of 1, where a share times its spread may round below the deviation it was made of."""
    once = limits(1.0)
    for run in RUNS:
        metrics = compare(run.output, BASE.output)
        for name in ("max_abs", "relative_l2", "brightness_shift", "contrast_shift", "worst_tile"):
            assert metrics[name] <= getattr(once.output, name)
        for name, limit in once.output.statistics.items():
            assert statistic_deviation(name, run.statistics[name], BASE.statistics) <= limit
        for allowed, ours, theirs in zip(once.steps, run.trace, BASE.trace, strict=True):
            for name, limit in allowed.statistics.items():
                assert statistic_deviation(name, ours.statistics[name], theirs.statistics) <= limit


def test_nothing_is_limited_from_the_first_chaotic_step_on():
    found = limits(2.0, by_hand(chaotic_from=1, statistics={"mean": 1.9e-6, "min": 1.9e-6}))
    assert found.output is None
    assert [each.step for each in found.steps] == [0]
    # Nor does what is seen there or later count for the steps before it.
    assert found.steps[0].statistics == pytest.approx({"mean": 1e-6, "min": 2e-7})


def test_all_steps_are_limited_where_only_the_output_is_chaotic():
    found = limits(2.0, by_hand(chaotic_from=2))
    assert found.output is None
    assert [each.step for each in found.steps] == [0, 1]


def test_nothing_is_limited_where_the_first_step_is_chaotic():
    assert limits(2.0, by_hand(chaotic_from=0)).steps == ()


def test_steps_are_cut_by_their_place_whatever_their_numbers():
    twice = (
        step(0, 1e-6, mean=0.0),
        step(1, 1e-6, mean=0.0),
        step(0, 1e-6, mean=0.0),
        step(1, 0.5, mean=0.0),
    )
    assert [each.step for each in limits(2.0, by_hand(steps=twice, chaotic_from=3)).steps] == [0, 1, 0]


@pytest.mark.parametrize(
    ("shift", "kind", "unit"), [("brightness_shift", "mean", 1.0), ("contrast_shift", "std", None)]
)
def test_shifts_can_cancel_and_are_pooled_with_the_statistic_that_they_are(shift, kind, unit):
    statistics = BASE.statistics
    unit = statistics["std"] if unit is None else unit
    spread, rms = 2e-6, np.hypot(statistics["mean"], statistics["std"])
    metrics = {"relative_l2": spread, shift: 0.0}
    shared = by_hand(metrics=metrics, steps=(step(0, 1e-6, **{kind: 5e-7}),), statistics={"q50": 0.0})
    assert getattr(limits(2.0, shared).output, shift) == pytest.approx(2 * 0.5 * spread * rms / unit)
    # Where nothing was seen of that statistic there is nothing to pool it with.
    alone = by_hand(metrics=metrics, steps=(), statistics={"q50": 0.0})
    assert getattr(limits(2.0, alone).output, shift) == 0
    # Their own envelope counts where it is larger: in a batch they are those of the worst image.
    own = dataclasses.replace(shared, metrics={**metrics, shift: 1e-3})
    assert getattr(limits(2.0, own).output, shift) == pytest.approx(2e-3)


def test_an_image_without_contrast_has_no_limit_on_its_shift():
    flat = sampled(decode=lambda latents: np.full_like(image_of(latents), 0.5))
    runs = [sampled(seed, decode=lambda latents: image_of(latents * 1e-6)) for seed in (1, 2)]
    made = envelope.make_calibration(members_of(flat, runs), flat, 2.0, "guide/two-steps")
    found = calibrated_limits(make_baseline(measurement=flat), made, 2.0).output
    assert found.contrast_shift is None
    assert found.brightness_shift > 0
    bright = [sampled(decode=lambda latents: np.full_like(image_of(latents), 0.5001))] * 2
    made = envelope.make_calibration(members_of(flat, bright), flat, 2.0, "guide/two-steps")
    assert calibrated_limits(make_baseline(measurement=flat), made, 2.0).output.contrast_shift == 0


def test_an_envelope_of_zero_allows_nothing():
    still = [sampled(seed, size=0.0) for seed in (1, 2)]
    made = envelope.make_calibration(members_of(BASE, still), BASE, 2.0, "guide/two-steps")
    found = limits(2.0, made)
    assert isinstance(found.output, Limits)
    given = found.output.given()
    similar = {name: given.pop(name) for name in ("ssim", "ssim_worst")}
    assert set(given.pop("statistics").values()) == {0.0}
    assert set(given.values()) == {0.0}
    assert "psnr" not in given
    assert all(1 - limit < 1e-11 for limit in similar.values())
    assert all(each.relative_l2 == 0 and set(each.statistics.values()) == {0.0} for each in found.steps)
