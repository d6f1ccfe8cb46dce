"""The PNG encoder, against a decoder that others wrote."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from harness.reporting.html.png import encode_png


@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    channels=st.sampled_from([1, 3, 4]),
    smooth=st.booleans(),
    seed=st.integers(0, 100),
)
def test_a_decoder_gives_the_pixels_back(height, width, channels, smooth, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)
    if smooth:
        pixels = np.cumsum(pixels // 64, axis=1).astype(np.uint8)
    image = Image.open(io.BytesIO(encode_png(pixels)))
    image.load()  # checks the sums
    assert image.mode == {1: "L", 3: "RGB", 4: "RGBA"}[channels]
    assert np.array_equal(np.asarray(image).reshape(pixels.shape), pixels)


def test_smooth_pictures_take_less_room_than_their_pixels():
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 256, axis=0)
    assert len(encode_png(ramp)) < 2000
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    assert len(encode_png(noise)) < noise.size * 1.05


@pytest.mark.parametrize(
    "pixels", [np.zeros((2, 2, 2), np.uint8), np.zeros((2, 2, 3), np.float32), np.zeros((0, 2, 1), np.uint8)]
)
def test_other_arrays_are_refused(pixels):
    with pytest.raises(ValueError, match="no PNG"):
        encode_png(pixels)
