"""Pictures of outputs of every form."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from harness.reporting.html.pictures import MOST_PICTURES, picture_set

MANY = 2**20


def decode(png):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png))))


def pair(shape, dtype=np.float32, at=None, by=0.25):
    image = np.random.default_rng(1).random(shape) * 0.5
    image = (image * 255).astype(dtype) if np.dtype(dtype).kind in "iu" else image.astype(dtype)
    other = image.copy()
    other[at or (0,) * len(shape)] += np.asarray(by * 255 if np.dtype(dtype).kind in "iu" else by).astype(
        dtype
    )
    return other, image


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.uint8])
def test_images_are_shown_as_they_are(channels, dtype):
    measured, baseline = pair((1, 6, 5, channels), dtype)
    made = picture_set(measured, baseline, pixels=MANY)
    (item,) = made["items"]
    assert (made["height"], made["width"], made["channels"]) == (6, 5, channels)
    scale = 1 if dtype is np.uint8 else 255
    for name, array in (("measured", measured), ("baseline", baseline)):
        shown = decode(item[name]).reshape(6, 5, channels)
        assert np.abs(shown - np.asarray(array[0], np.float64) * scale).max() <= 0.5
    codes = decode(item["difference"])
    assert codes.shape == (6 * channels, 5)
    assert codes[0, 0] == 255
    assert np.count_nonzero(codes) == 1
    assert made["largest"] == pytest.approx(63 if dtype is np.uint8 else 0.25, rel=1e-3)


@pytest.mark.parametrize("by", [1e-7, 6e-8, 1e-3])
def test_the_smallest_difference_is_in_the_map(by):
    measured, baseline = pair((1, 4, 4, 1), at=(0, 2, 3, 0), by=by)
    made = picture_set(measured, baseline, pixels=MANY)
    (item,) = made["items"]
    # The two pictures are the same in 8 bits; the map is not.
    codes = decode(item["difference"])
    assert np.argwhere(codes).tolist() == [[2, 3]]
    assert 0 < made["largest"] < 2 * by


def test_a_batch_has_all_its_images_and_names_those_that_are_the_same():
    measured, baseline = pair((4, 5, 5, 3), at=(2, 0, 0, 0))
    items = picture_set(measured, baseline, pixels=MANY)["items"]
    assert [item["same"] for item in items] == [True, True, False, True]
    assert [item["measured"] is None for item in items] == [True, True, False, True]
    assert [item["image"] for item in items] == [0, 1, 2, 3]


def test_a_video_has_its_frames():
    measured, baseline = pair((2, 3, 5, 5, 3), at=(1, 2, 0, 0, 0))
    made = picture_set(measured, baseline, pixels=MANY)
    assert [(item["image"], item["frame"]) for item in made["items"]] == [
        (image, frame) for image in range(2) for frame in range(3)
    ]
    assert [item["same"] for item in made["items"]] == [True] * 5 + [False]
    assert made["frames"] == 3


def test_of_a_long_video_the_first_the_last_and_the_worst_frame_are_shown():
    measured, baseline = pair((1, 500, 4, 4, 1), at=(0, 333, 0, 0, 0))
    frames = [item["frame"] for item in picture_set(measured, baseline, pixels=MANY)["items"]]
    assert len(frames) <= MOST_PICTURES
    assert {0, 333, 499} <= set(frames)
    assert frames == sorted(frames)


def test_a_large_image_is_reduced_and_keeps_the_one_pixel_that_differs():
    measured, baseline = pair((1, 300, 200, 3), at=(0, 299, 199, 1), by=1e-6)
    made = picture_set(measured, baseline, pixels=3000)
    (item,) = made["items"]
    block = made["block"]
    height, width = -(-300 // block), -(-200 // block)
    assert height * width < 2 * 3000
    assert decode(item["baseline"]).shape == (height, width, 3)
    codes = decode(item["difference"]).reshape(3, height, width)
    assert np.argwhere(codes).tolist() == [[1, height - 1, width - 1]]
    whole = baseline[0, :block, :block].mean(axis=(0, 1)) * 255
    assert np.abs(decode(item["baseline"])[0, 0] - whole).max() <= 0.5


@pytest.mark.parametrize(
    "shape", [(1, 4, 8, 8), (1, 768), (2, 77, 768), (1, 8, 8, 2), (1, 0, 8, 3), (2, 2, 2, 4, 4, 3)]
)
def test_what_is_no_picture_has_none(shape):
    array = np.zeros(shape, np.float32)
    assert picture_set(array, array, pixels=MANY) is None


@pytest.mark.parametrize(
    "other", [np.zeros((1, 4, 4, 3)), np.zeros((1, 8, 8, 3), np.uint8), np.zeros((3, 7))]
)
def test_what_cannot_be_subtracted_is_shown_side_by_side(other):
    baseline = np.full((2, 8, 8, 3), 0.5, np.float32)
    made = picture_set(other, baseline, pixels=MANY)
    assert not made["compared"]
    item = made["items"][0]
    assert item["difference"] is None
    assert not item["same"]
    assert decode(item["baseline"])[0, 0].tolist() == [128] * 3
    assert (item["measured"] is None) == (other.ndim == 2)


def test_one_side_alone_is_shown():
    baseline = np.full((1, 8, 8, 3), 0.5, np.float32)
    item = picture_set(None, baseline, pixels=MANY)["items"][0]
    assert item["measured"] is None
    assert item["baseline"]
    item = picture_set(baseline, None, pixels=MANY)["items"][0]
    assert item["baseline"] is None
    assert item["measured"]


def test_nan_is_marked_in_the_map():
    measured, baseline = pair((1, 4, 4, 1), at=(0, 0, 0, 0), by=1e-6)
    measured[0, 1, 1, 0] = np.nan
    (item,) = picture_set(measured, baseline, pixels=MANY)["items"]
    assert decode(item["difference"])[1, 1] == 255
    assert decode(item["measured"])[1, 1] == 0


def test_values_beyond_one_span_the_whole_range():
    baseline = np.array([-1.0, 0.0, 1.0, 0.5], np.float32).reshape(1, 2, 2, 1)
    made = picture_set(baseline, baseline, pixels=MANY)
    assert (made["low"], made["high"]) == (-1, 1)
    assert decode(made["items"][0]["baseline"]).tolist() == [[0, 128], [255, 191]]
