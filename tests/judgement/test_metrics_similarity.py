"""SSIM: that of scikit-image, in single and in double precision, for data of any range."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.metrics import structural_similarity

from harness.judgement import blocks, similarity
from harness.judgement.metrics import compare
from harness.measurement.measurement import Array

RANDOM = np.random.default_rng(5)
ROWS, COLUMNS = np.mgrid[0:64, 0:80]
PICTURES = {
    "noise": RANDOM.random((64, 80)),
    "black": np.zeros((64, 80)),
    "white": np.ones((64, 80)),
    "edge": np.where(COLUMNS < 41, 0.0, 1.0),
    "slope": (ROWS + COLUMNS) / 142,
    "nearly flat": 0.9 + 1e-3 * RANDOM.random((64, 80)),
}


def by_definition(output: Array, reference: Array, scale: float) -> tuple[float, float]:
    """SSIM of one image: its mean over all windows, and that of the worst window."""
    x, y = (
        np.lib.stride_tricks.sliding_window_view(array.astype(np.float64), (7, 7), (0, 1))
        for array in (output, reference)
    )
    mean_x, mean_y = x.mean(axis=(-2, -1), keepdims=True), y.mean(axis=(-2, -1), keepdims=True)
    variances = (np.square(x - mean_x) + np.square(y - mean_y)).sum(axis=(-2, -1)) / 48
    covariance = ((x - mean_x) * (y - mean_y)).sum(axis=(-2, -1)) / 48
    mean_x, mean_y = mean_x[..., 0, 0], mean_y[..., 0, 0]
    c1, c2 = (0.01 * scale) ** 2, (0.03 * scale) ** 2
    windows = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    windows /= (mean_x**2 + mean_y**2 + c1) * (variances + c2)
    return float(windows.mean()), float(windows.min())


def by_scikit_image(output: Array, reference: Array, scale: float) -> tuple[float, float]:
    left, right = output.astype(np.float64), reference.astype(np.float64)
    mean, windows = structural_similarity(left, right, data_range=scale, channel_axis=-1, full=True)
    return float(mean), float(windows[3:-3, 3:-3].min())


def assert_right(output: Array, reference: Array, scale: float = 1.0) -> None:
    metrics = compare(output[np.newaxis], reference[np.newaxis])
    found = metrics["ssim"], metrics["ssim_worst"]
    assert found == pytest.approx(by_definition(output, reference, scale), abs=1e-12)
    # Its running sums cancel in bright windows that are nearly flat.
    assert found == pytest.approx(by_scikit_image(output, reference, scale), abs=2e-11)


def picture(name: str, dtype: str = "float32") -> Array:
    return np.stack([PICTURES[name], PICTURES[name][::-1]], axis=-1).astype(dtype)


@pytest.mark.parametrize("size", [1e-7, 0.9 * similarity.SMALL, 1.1 * similarity.SMALL, 1e-3, 0.3])
@pytest.mark.parametrize("kind", ["noise", "signs", "shift"])
@pytest.mark.parametrize("name", PICTURES)
def test_it_is_that_of_scikit_image(name: str, kind: str, size: float) -> None:
    reference = picture(name)
    noise = RANDOM.uniform(-1, 1, reference.shape)
    change = {"noise": noise, "signs": np.sign(noise), "shift": np.full(reference.shape, -1.0)}[kind]
    assert_right((reference + size * change).astype(np.float32), reference)


@pytest.mark.parametrize("dtype", ["float16", "float64", "uint8"])
def test_of_other_types(dtype: str) -> None:
    scale = 255.0 if dtype == "uint8" else 1.0
    reference = (scale * picture("slope", "float64")).astype(dtype)
    output = (scale * np.clip(picture("slope", "float64") + 0.02 * picture("noise", "float64"), 0, 1)).astype(
        dtype
    )
    assert_right(output, reference, scale)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("low", "high"), [(-4, 4), (8, 9), (40, 41), (0, 1e6), (-1e-3, 2e-3), (0, 1e25), (2e-25, 3e-25)]
)
def test_the_range_of_the_data_does_not_matter(low: float, high: float, dtype: str) -> None:
    # Both ends are there.
    plain = picture("edge", "float64") * 0.5 + picture("edge", "float64") * 0.5 * picture("noise", "float64")
    plain[0, -1] = 1
    for size in (1e-6, 0.1):
        reference = (low + (high - low) * plain).astype(dtype)
        output = (low + (high - low) * (plain + size * picture("slope", "float64"))).astype(dtype)
        scale = 1.0 if low >= 0 and high <= 1 else float(np.ptp(reference.astype(np.float64)))
        metrics = compare(output[np.newaxis], reference[np.newaxis])
        found = metrics["ssim"], metrics["ssim_worst"]
        assert found == pytest.approx(by_definition(output, reference, scale), abs=1e-12)


def test_what_differs_by_less_than_a_double_can_tell_is_not_worse_than_1() -> None:
    reference = picture("noise", "float64")
    metrics = compare((reference + 1e-15)[None], reference[None])
    assert metrics["ssim"] == metrics["ssim_worst"] == 1


def test_values_far_out_of_the_data_range_have_a_similarity_between_minus_1_and_1() -> None:
    # All that is left of the variances of such windows is rounding.
    reference = RANDOM.random((1, 40, 40, 1))
    for level in (1e7, -1e9, 1e12):
        metrics = compare(np.full_like(reference, level), reference)
        assert metrics["ssim"] == pytest.approx(0, abs=1e-3)
        assert metrics["ssim_worst"] == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("level", [0.0, 5e-324, 1e-30, 0.5, 1e6, 2.0**1000])
def test_flat_images_differ_in_brightness_alone(level: float) -> None:
    flat, other = np.full((1, 8, 8, 1), level), np.full((1, 8, 8, 1), -3 * level)
    x, y = -3 * min(level, 1e100), min(level, 1e100)
    brightness = (2 * x * y + 1e-4) / (x * x + y * y + 1e-4)
    assert compare(flat, flat)["ssim"] == 1
    metrics = compare(other, flat)
    assert metrics["ssim"] == pytest.approx(brightness)
    assert metrics["ssim_worst"] == pytest.approx(brightness)


def test_a_channel_of_zeros_beside_one_of_huge_values_is_as_it_was() -> None:
    reference = np.zeros((1, 7, 7, 2))
    for size in (1e20, 1e80, 1e300):
        output = reference.copy()
        output[0, 0, 0, 0] = size
        metrics = compare(output, reference)
        assert metrics["ssim"] == pytest.approx(0.5)  # the mean of 0 and of 1
        assert metrics["ssim_worst"] == pytest.approx(0)


@pytest.mark.parametrize("shape", [(3, 7, 7, 1), (2, 30, 7, 2), (2, 7, 31, 1), (40, 8, 9, 3)])
def test_every_image_of_a_batch_counts_on_its_own(
    shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_VALUES", 200)
    reference = RANDOM.random(shape)
    output = reference + 0.1 * RANDOM.random(shape) * np.arange(shape[0]).reshape(-1, 1, 1, 1)
    each = [by_definition(x, y, 1.0) for x, y in zip(output, reference, strict=True)]
    metrics = compare(output, reference)
    assert metrics["ssim"] == pytest.approx(min(mean for mean, _ in each), abs=1e-12)
    assert metrics["ssim_worst"] == pytest.approx(min(worst for _, worst in each), abs=1e-12)


@pytest.mark.parametrize(
    ("dtype", "scale", "top", "single"),
    [
        ("float32", 1.0, similarity.SMALL, True),
        ("float16", 1.0, similarity.SMALL, True),
        ("float32", 1.0, np.nextafter(similarity.SMALL, 1), False),
        ("float32", 1e-2, 1e-2 * similarity.SMALL, True),
        ("float32", 1e2, 1e2 * similarity.SMALL, True),
        ("float32", np.nextafter(1e-2, 0), 0.0, False),
        ("float32", np.nextafter(1e2, 1e3), 0.0, False),
        ("float64", 1.0, 0.0, False),
        ("uint8", 1.0, 0.0, False),
        ("int32", 1.0, 0.0, False),
    ],
)
def test_single_precision_is_for_small_differences_of_single_values(
    dtype: str, scale: float, top: float, single: bool
) -> None:
    found = similarity._dtype(np.dtype(dtype), scale, top)
    assert found is (np.float32 if single else np.float64)
