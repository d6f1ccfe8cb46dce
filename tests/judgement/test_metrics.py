"""Metrics: each against a value worked out by hand or by another formula, and each fault it must see."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.metrics import structural_similarity

from harness.judgement.metrics import METRICS, SIMILARITIES, compare, why_absent
from harness.measurement.bfloat16 import next_bfloat16, to_bfloat16
from harness.measurement.statistics import max_ulp
from harness.reporting.reasons import text_of

RANDOM = np.random.default_rng(0)


def image(*shape: int, dtype: str = "float32") -> np.ndarray:
    return RANDOM.uniform(0.2, 0.8, shape or (1, 16, 16, 3)).astype(dtype)


def test_by_hand() -> None:
    reference = np.array([[[[3.0]], [[4.0]]]], np.float64)
    output = np.array([[[[3.0]], [[4.5]]]], np.float64)
    metrics = compare(output, reference)
    assert metrics["max_abs"] == 0.5
    assert metrics["mean_abs"] == 0.25
    assert metrics["p999_abs"] == pytest.approx(0.4995)
    assert metrics["relative_l2"] == pytest.approx(0.1)
    assert metrics["cosine_distance"] == pytest.approx(1 - (9 + 18) / (5 * math.hypot(3, 4.5)))
    assert metrics["brightness_shift"] == pytest.approx(0.25)  # the span of the reference is 1
    assert metrics["contrast_shift"] == pytest.approx(0.5)
    assert metrics["psnr"] == pytest.approx(10 * math.log10(1 / 0.125))
    assert metrics["worst_tile"] == pytest.approx(0.25)
    assert metrics["max_ulp"] == 0.5 / np.spacing(4.0)
    assert "ssim" not in metrics


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint8", "int64", "bool"])
def test_identical_arrays_have_no_distance_at_all(dtype: str) -> None:
    array = (image() * 200).astype(dtype)
    metrics = compare(array, array.copy())
    best = {"psnr": math.inf, "ssim": 1.0, "ssim_worst": 1.0}
    assert metrics == pytest.approx({name: best.get(name, 0.0) for name in METRICS}, abs=0, rel=1e-12)
    assert metrics["relative_l2"] == metrics["cosine_distance"] == metrics["max_ulp"] == 0


def test_half_brightness_is_seen_though_its_cosine_distance_is_0() -> None:
    reference = image()
    metrics = compare(reference * np.float32(0.5), reference)
    assert metrics["cosine_distance"] < 1e-15
    assert metrics["brightness_shift"] > 0.2
    assert metrics["contrast_shift"] == pytest.approx(0.5)
    assert metrics["relative_l2"] == pytest.approx(0.5)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (512, 256), (499, 501), (992, 992)])
def test_a_black_patch_in_a_large_image_is_seen_though_the_mean_hardly_moves(row: int, column: int) -> None:
    reference = np.full((1, 1024, 1024, 3), 0.5, np.float32)
    output = reference.copy()
    output[:, row : row + 32, column : column + 32] = 0
    metrics = compare(output, reference, similarity=False)
    assert metrics["mean_abs"] < 0.001
    assert metrics["brightness_shift"] < 0.001
    assert metrics["worst_tile"] == 0.5


def test_a_patch_in_one_channel_of_one_image_of_a_batch_weighs_full() -> None:
    reference = np.full((16, 64, 64, 3), 0.5, np.float32)
    output = reference.copy()
    output[5, 8:16, 24:32, 1] = 0.75
    assert compare(output, reference, similarity=False)["worst_tile"] == 0.25


def test_similarity_can_be_left_out() -> None:
    output, reference = image(), image()
    metrics = compare(output, reference)
    without = {name: value for name, value in metrics.items() if name not in SIMILARITIES}
    assert compare(output, reference, similarity=False) == without
    assert metrics.keys() - without.keys() == set(SIMILARITIES)


def test_tiles_at_the_edge_count_their_own_values() -> None:
    reference = np.zeros((1, 9, 11, 1), np.float32)
    output = reference.copy()
    output[0, 8, 8:, 0] = 0.5  # the corner tile is 1 x 3
    assert compare(output, reference)["worst_tile"] == 0.5


def test_one_bad_image_is_not_averaged_away_by_its_batch() -> None:
    reference = image(8, 16, 16, 3)
    output = reference.copy()
    output[3] = output[3] * np.float32(0.5)
    alone, batch = compare(output[3:4], reference[3:4]), compare(output, reference)
    for name in ("brightness_shift", "contrast_shift", "psnr", "ssim", "ssim_worst", "worst_tile"):
        assert batch[name] == pytest.approx(alone[name], rel=1e-12), name


def test_shifts_of_opposite_sign_do_not_cancel() -> None:
    reference = np.full((2, 8, 8, 1), 0.5, np.float32)
    output = reference + np.array([0.25, -0.25], np.float32).reshape(2, 1, 1, 1)
    assert compare(output, reference)["brightness_shift"] == 0.25


def test_ssim_is_that_of_scikit_image_and_the_worst_window_is_where_the_fault_is() -> None:
    reference = image(1, 32, 32, 3)
    output = reference.copy()
    output[0, 10:17, 10:17] = output[0, 10:17, 10:17].mean()
    mean = structural_similarity(output[0], reference[0], data_range=1.0, channel_axis=-1)
    metrics = compare(output, reference)
    assert metrics["ssim"] == pytest.approx(mean, abs=1e-6)
    assert metrics["ssim_worst"] < 0.2 < 0.8 < metrics["ssim"]


@pytest.mark.parametrize(("side", "there"), [(8, True), (7, True), (6, False)])
def test_ssim_is_there_from_7_by_7_on(side: int, there: bool) -> None:
    reference = image(1, side, side, 1)
    assert ("ssim" in compare(reference, reference)) is there
    assert "at least 7 x 7; the output is [1, 6, 6, 1]" in text_of(why_absent("ssim", image(1, 6, 6, 1)))


def test_arrays_that_are_no_images_have_no_metrics_of_images() -> None:
    metrics = compare(image(2, 50), image(2, 50))
    assert set(METRICS) - metrics.keys() == {"worst_tile", "ssim", "ssim_worst"}
    assert "needs images" in text_of(why_absent("worst_tile", image(2, 50)))


@pytest.mark.parametrize("shape", [(), (1,), (1, 1, 1, 1), (3, 1), (2, 5, 9, 9, 3)])
def test_any_shape(shape: tuple[int, ...]) -> None:
    reference = np.full(shape, 0.5, np.float32)
    metrics = compare(reference * np.float32(0.5), reference)
    assert metrics["relative_l2"] == 0.5
    assert metrics["brightness_shift"] == 0.25


def test_a_video_is_many_images() -> None:
    reference = image(1, 4, 16, 16, 3)
    output = reference.copy()
    output[0, 2] = 0
    assert compare(output, reference)["ssim"] == compare(output[0, 2:3], reference[0, 2:3])["ssim"]


def test_a_shorter_video_is_not_compared_with_the_frames_it_has() -> None:
    video = image(1, 4, 16, 16, 3)
    with pytest.raises(ValueError, match=r"\(1, 3, 16, 16, 3\) cannot be compared"):
        compare(video[:, :3], video)


def test_one_bad_frame_of_a_video_weighs_full() -> None:
    reference = image(2, 3, 16, 16, 3)
    output = reference.copy()
    output[1, 2] *= np.float32(0.5)
    alone, video = compare(output[1, 2][None], reference[1, 2][None]), compare(output, reference)
    for name in ("brightness_shift", "contrast_shift", "psnr", "ssim", "ssim_worst", "worst_tile"):
        assert video[name] == pytest.approx(alone[name], rel=1e-12), name


def test_nothing_has_no_metrics() -> None:
    empty = np.zeros((0, 8, 8, 3), np.float32)
    assert compare(empty, empty) == {}
    assert "empty" in text_of(why_absent("max_abs", empty))


def test_against_a_black_image() -> None:
    black, grey = np.zeros((1, 8, 8, 1), np.float32), np.full((1, 8, 8, 1), 0.5, np.float32)
    same, other = compare(black, black), compare(grey, black)
    assert same["relative_l2"] == same["cosine_distance"] == same["contrast_shift"] == 0
    assert other["relative_l2"] == math.inf
    assert other["cosine_distance"] == 1
    assert compare(black, grey)["cosine_distance"] == 1


def test_flat_images_have_no_contrast_to_shift() -> None:
    # The mean of equal values rounds, which leaves a deviation of 1e-17 of nothing.
    assert compare(np.full((1, 8, 8, 1), 0.1), np.full((1, 8, 8, 1), 0.3))["contrast_shift"] == 0
    assert compare(image(1, 8, 8, 1), np.full((1, 8, 8, 1), 0.3, np.float32))["contrast_shift"] == math.inf


def test_cosine_distance_is_exact_where_1_minus_cos_cancels() -> None:
    reference = np.ones(1000)
    turned = reference.copy()
    turned[0] += 1e-9
    # The turn is by 1e-9 * sqrt(1 - 1/n) / sqrt(n) in angle; its distance half the square of that.
    assert compare(turned, reference)["cosine_distance"] == pytest.approx(0.5e-18 * 0.999 / 1000, rel=1e-3)


def test_the_unit_of_brightness_is_the_range_of_the_data() -> None:
    assert compare(np.full((1, 4, 4, 1), 151, np.uint8), np.full((1, 4, 4, 1), 100, np.uint8))[
        "brightness_shift"
    ] == pytest.approx(0.2)
    latents = np.linspace(-2, 2, 16).reshape(1, 4, 4, 1)
    assert compare(latents + 1, latents)["brightness_shift"] == pytest.approx(0.25)


def test_unsigned_values_do_not_wrap() -> None:
    assert compare(np.array([0], np.uint8), np.array([255], np.uint8))["max_abs"] == 255


def test_the_sign_of_0_makes_no_difference() -> None:
    zeros = np.zeros((1, 8, 8, 1), np.float32)
    metrics = compare(-zeros, zeros)
    best = {"psnr": math.inf, "ssim": 1.0, "ssim_worst": 1.0}
    assert metrics == {name: best.get(name, 0.0) for name in METRICS}


def test_integers_are_apart_by_their_difference() -> None:
    for dtype in ("uint8", "int16", "int64", "bool"):
        ones, zeros = np.ones((1, 8, 8, 1), dtype), np.zeros((1, 8, 8, 1), dtype)
        assert max_ulp(ones, zeros) == compare(ones, zeros)["max_ulp"] == 1


@pytest.mark.parametrize("size", [5e-324, 1e-300, 1e-90, 1e-50, 1e50, 1e90, 1e300])
def test_values_of_any_size_are_compared_alike(size: float) -> None:
    plain = np.linspace(4, 12, 256).reshape(1, 16, 16, 1).round()
    output, reference = np.flip(plain) * size, plain * size
    # At the lower end the spacing of doubles is all there is: whole multiples are exact.
    found, usual = compare(output, reference), compare(np.flip(plain), plain)
    for name in ("relative_l2", "cosine_distance"):
        assert found[name] == pytest.approx(usual[name], rel=1e-12), name
    for name in ("max_abs", "mean_abs", "p999_abs", "worst_tile"):
        assert found[name] == pytest.approx(usual[name] * size, rel=1e-12), name
    if size > 1:
        for name in ("brightness_shift", "contrast_shift", "psnr", "ssim", "ssim_worst"):
            assert found[name] == pytest.approx(usual[name], rel=1e-12), name


def test_beyond_the_range_of_doubles_a_difference_is_infinite() -> None:
    largest = np.full((1, 8, 8, 1), np.finfo(np.float64).max)
    metrics = compare(largest, -largest)
    assert metrics["max_abs"] == metrics["worst_tile"] == math.inf
    assert metrics["relative_l2"] == pytest.approx(2)
    assert metrics["cosine_distance"] == pytest.approx(2)
    ends = np.copysign(largest, np.linspace(-1, 1, 64).reshape(largest.shape))
    assert math.isfinite(compare(ends * 0.5, ends)["psnr"])


def test_an_output_may_dwarf_its_reference() -> None:
    reference = np.linspace(-1, 1, 64).reshape(1, 8, 8, 1).round() * 5e-324
    metrics = compare(np.full_like(reference, 1e100), reference)
    assert metrics["max_abs"] == 1e100
    assert metrics["brightness_shift"] > 1e300
    assert metrics["psnr"] < -6000


def test_a_difference_whose_square_vanishes_is_no_0() -> None:
    reference = np.array([1.0, 1e-250, 0.0])
    output = np.array([1.0, 3e-250, 0.0])
    assert compare(output, reference)["relative_l2"] == pytest.approx(2e-250)
    metrics = compare(np.array([1e100, 1e-200]), np.array([1e100, 0.0]))
    assert metrics["max_abs"] == 1e-200
    assert metrics["relative_l2"] == pytest.approx(1e-300)
    assert compare(np.array([1.0, 1.0]), np.full(2, 1e-200))["relative_l2"] == pytest.approx(1e200)


@pytest.mark.parametrize("seed", range(10))
def test_rounding_takes_no_cosine_distance_out_of_its_range(seed: int) -> None:
    random = np.random.default_rng(seed)
    reference = random.random(500)
    # Half the sum of three terms, whose sizes add up to 22 for a factor of 0.3 and to 45 for -0.3. Each errs
    # by one or two eps of its own size.
    error = 50 * np.finfo(np.float64).eps
    for factor in random.uniform(0.3, 3, 50):
        assert 0 <= compare(factor * reference, reference)["cosine_distance"] < error
        assert 2 - error < compare(-factor * reference, reference)["cosine_distance"] <= 2


@pytest.mark.parametrize("factor", [1e-200, 1e-9, 1e-3, 0.3, 3.0, 1e3, 1e9, 1e200])
def test_the_angle_between_vectors_of_very_different_lengths(factor: float) -> None:
    reference = np.array([3.0, 4.0])
    turned = np.array([4.0, 3.0])
    assert compare(factor * reference, reference)["cosine_distance"] == pytest.approx(0, abs=1e-15)
    assert compare(factor * turned, reference)["cosine_distance"] == pytest.approx(1 - 24 / 25, rel=1e-12)
    assert compare(-factor * reference, reference)["cosine_distance"] == pytest.approx(2)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_ulp(dtype: str) -> None:
    kind = np.dtype(dtype).type
    one, tiny = np.array([1], dtype), np.array([np.finfo(dtype).smallest_subnormal])
    assert max_ulp(np.nextafter(one, kind(2)), one) == 1
    assert max_ulp(np.array([0.0], dtype), np.array([-0.0], dtype)) == 0
    assert max_ulp(tiny, -tiny) == 2
    assert max_ulp(one, -one) == 2.0 * max_ulp(one, 0 * one)
    largest = np.array([np.finfo(dtype).max])
    assert max_ulp(largest, -largest) == 2.0 * max_ulp(largest, 0 * largest)
    assert max_ulp(np.nextafter(-one, kind(0)), -one) == 1
    assert max_ulp(one[0], -one[0]) == max_ulp(one, -one)


def test_ulp_of_bfloat16() -> None:
    """Held in float32, of which 2 ** 16 values lie between two neighbours."""
    values = to_bfloat16(np.linspace(-3, 3, 101, dtype=np.float32))
    moved = next_bfloat16(next_bfloat16(values, values > 0), values > 0)
    assert compare(moved, values, dtype="bfloat16")["max_ulp"] == 2
    assert compare(moved, values)["max_ulp"] == 2 * 2.0**16
    signs = np.float32([1, -1, 0.5])
    assert compare(-signs, signs, dtype="bfloat16")["max_ulp"] == 2 * 0x3F80


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_ulp_where_only_some_values_change_their_sign(dtype: str) -> None:
    a = np.array([1.0, -1.0, 0.25, -0.25, 0.0, -0.0], dtype)
    tiny = np.finfo(dtype).smallest_subnormal
    near_zero = np.array([1.0, -1.0, 0.25, -0.25, -tiny, tiny], dtype)
    assert max_ulp(near_zero, a) == max_ulp(a, near_zero) == 1
    far = np.array([1.0, -1.0, 0.25, 0.5, -tiny, tiny], dtype)
    assert max_ulp(far, a) == max_ulp(far[3:4], 0 * far[3:4]) + max_ulp(a[3:4], 0 * a[3:4])
    farther = np.array([-1.0, -0.5, 0.25, -0.25, 0.0, 0.0], dtype)
    assert max_ulp(farther, a) == max_ulp(farther[:1], a[:1])


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        compare(image(), image().astype(np.float64))
    with pytest.raises(ValueError, match="cannot be compared"):
        compare(image(1, 4, 4, 3), image(1, 2, 4, 3))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_values_that_are_no_numbers_are_refused_even_where_both_have_them(dtype: str, value: float) -> None:
    sound = image(1, 16, 16, 3).astype(dtype)
    bad = sound.copy()
    bad[0, 15, 15, 2] = value
    for output, reference in ((bad, bad), (bad, sound), (sound, bad)):
        with pytest.raises(ValueError, match="NaN or Inf"):
            compare(output, reference)


def test_a_difference_that_overflows_is_infinite_in_the_tail_too() -> None:
    largest = np.finfo(np.float64).max
    metrics = compare(np.array([largest, 1.0]), np.array([-largest, 1.0]))
    assert metrics["max_abs"] == metrics["p999_abs"] == math.inf


@settings(max_examples=200, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from([np.float16, np.float32, np.float64, np.uint8, np.int32]),
        hnp.array_shapes(min_dims=0, max_dims=5, max_side=9),
        elements={"allow_nan": False, "allow_infinity": False},
    ),
    st.data(),
)
def test_every_metric_of_any_arrays_is_a_number_in_its_range(
    reference: np.ndarray, data: st.DataObject
) -> None:
    elements = {"allow_nan": False, "allow_infinity": False}
    output = data.draw(hnp.arrays(reference.dtype, reference.shape, elements=elements))
    metrics = compare(output, reference)
    for name, value in metrics.items():
        assert not math.isnan(value), name
        if name in SIMILARITIES:
            assert -1 <= value <= 1, name
        elif name != "psnr":
            assert value >= 0, name
    assert metrics["cosine_distance"] <= 2
    if np.array_equal(output, reference):
        assert metrics["max_abs"] == metrics["max_ulp"] == metrics["relative_l2"] == 0
    else:
        assert metrics["max_abs"] > 0
        assert metrics["max_ulp"] > 0
