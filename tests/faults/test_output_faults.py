"""Faults of the output: what each does to an array, and to which it does nothing."""

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.faults.catalogue import FAULTS, FaultNotApplicable, fault
from harness.faults.output import apply_output_fault

OUTPUT_FAULTS = [known for known in FAULTS if known.family == "output"]
IMAGES = np.random.Generator(np.random.PCG64(0)).random((2, 16, 12, 3), np.float32)
IMAGES[0, 0, 0] = 0
IMAGES[0, 0, 1] = 1


@pytest.mark.parametrize("known", OUTPUT_FAULTS, ids=lambda known: known.name)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.uint8])
def test_every_fault_changes_a_copy_of_the_same_form(known, dtype):
    images = (IMAGES * 255).astype(dtype) if dtype == np.uint8 else IMAGES.astype(dtype)
    before = images.copy()
    if (known.name, dtype) == ("quantised", np.uint8):
        with pytest.raises(FaultNotApplicable, match="uint8 already"):
            apply_output_fault(known.name, None, images)
        return
    # Eight bits do not show the faults that are smaller than one of them.
    size = None if dtype != np.uint8 or not known.sized else max(known.reference, 0.01)
    changed = apply_output_fault(known.name, size, images)
    assert (changed.shape, changed.dtype) == (images.shape, images.dtype)
    assert not np.array_equal(changed, images)
    assert changed.min() >= 0
    assert changed.max() <= (255 if dtype == np.uint8 else 1)
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize("known", [k for k in OUTPUT_FAULTS if k.sized], ids=lambda known: known.name)
def test_size_0_leaves_the_bits_alone(known):
    images = np.concatenate(
        [IMAGES, np.float32([-0.0, -1.5, np.nan, np.inf] * 48).reshape(1, 16, 12, 1).repeat(3, 3)]
    )
    changed = apply_output_fault(known.name, 0, images)
    assert changed is not images
    assert changed.tobytes() == images.tobytes()


@pytest.mark.parametrize("known", [k for k in OUTPUT_FAULTS if k.sized], ids=lambda known: known.name)
def test_a_larger_size_is_a_larger_fault(known):
    sizes = np.geomspace(known.smallest, known.largest, 8)
    images = IMAGES.astype(np.float64)
    distances = [np.linalg.norm(apply_output_fault(known.name, size, images) - images) for size in sizes]
    assert distances[0] > 0
    assert (np.diff(distances) > 0).all()


@pytest.mark.parametrize(
    ("name", "size", "expected"),
    [
        ("final-clamp", 0.1, [0.1, 0.2, 0.8, 0.9]),
        ("brightness", 0.1, [0, 0.18, 0.72, 0.9]),
        ("contrast", 0.5, [0.25, 0.35, 0.65, 0.75]),
        ("gamma", 1, [0, 0.04, 0.64, 1]),
        ("pixel-shift", None, [1, 0, 0.2, 0.8]),
        ("quantised", None, [0, 51 / 255, 204 / 255, 1]),
    ],
)
def test_what_becomes_of_four_pixels(name, size, expected):
    pixels = np.float32([0, 0.2, 0.8, 1]).reshape(1, 1, 4, 1)
    np.testing.assert_allclose(apply_output_fault(name, size, pixels).ravel(), expected, rtol=1e-6)


def test_the_patch_is_16_pixels_of_the_first_image():
    changed = apply_output_fault("patch", 0.1, IMAGES)
    where = np.argwhere((changed != IMAGES).any(-1))
    assert len(where) == 16
    assert where.min(0).tolist() == [0, 4, 3]
    assert where.max(0).tolist() == [0, 7, 6]
    patch = IMAGES[0, 4:8, 3:7]
    np.testing.assert_allclose(np.abs(changed[0, 4:8, 3:7] - patch), 0.1, rtol=1e-5)


def test_a_video_is_a_stack_of_images():
    video = IMAGES[None]
    changed = apply_output_fault("pixel-shift", None, video)
    np.testing.assert_array_equal(changed[0], apply_output_fault("pixel-shift", None, IMAGES))
    assert np.count_nonzero((apply_output_fault("patch", None, video) != video).any(-1)) == 16


@pytest.mark.parametrize(
    ("name", "shape", "reason"),
    [
        ("channel-swap", (1, 4, 4, 1), "the output has one channel"),
        ("channel-swap", (4, 3), "is no"),
        ("patch", (4, 3), "is no"),
        ("patch", (1, 3, 8, 1), "has no 4x4 pixels"),
        ("pixel-shift", (1, 4, 1, 1), "has one column"),
        ("brightness", (0, 4, 4, 1), "is empty"),
    ],
)
def test_an_array_without_what_would_change(name, shape, reason):
    with pytest.raises(FaultNotApplicable, match=reason):
        apply_output_fault(name, None, np.ones(shape, np.float32))


def test_a_boolean_output_has_no_brightness():
    with pytest.raises(FaultNotApplicable, match="boolean"):
        apply_output_fault("brightness", None, np.ones((1, 4, 4, 1), bool))


def test_names_and_sizes_that_are_none():
    with pytest.raises(HarnessError, match="did you mean gamma"):
        apply_output_fault("gama", None, IMAGES)
    with pytest.raises(HarnessError, match="its size is 2"):
        apply_output_fault("gamma", 2, IMAGES)
    with pytest.raises(ValueError, match="a fault of the noise"):
        apply_output_fault("other-seed", None, IMAGES)


def test_every_output_fault_of_the_catalogue_is_here():
    for known in OUTPUT_FAULTS:
        apply_output_fault(known.name, None, IMAGES)
    assert fault("brightness").reference == 1e-3
