"""Statistics by hand, and for the arrays that make numpy warn, overflow or answer by chance."""

import math

import numpy as np
import pytest

from harness.measurement.statistics import QUANTILES, moments, summarise

MOMENTS = ("abs_sum", "mean", "std", "min", "max", "l2")


def test_moments_by_hand():
    assert moments(np.array([3.0, -4.0])) == {
        "abs_sum": 7.0,
        "mean": -0.5,
        "std": 3.5,  # divided by n, not n - 1
        "min": -4.0,
        "max": 3.0,
        "l2": 5.0,
    }


@pytest.mark.parametrize("dtype", [np.float16, np.float32, ">f4", np.int8, np.int64])
def test_moments_of_any_real_dtype(dtype):
    assert moments(np.array([3, -4], dtype))["l2"] == 5.0


def test_booleans_and_unsigned_numbers_do_not_wrap():
    assert moments(np.array([True, True]))["abs_sum"] == 2.0
    assert moments(np.full(300, 255, np.uint8))["abs_sum"] == 300 * 255
    assert moments(np.array([-128], np.int8))["abs_sum"] == 128.0


def test_sums_are_taken_in_double_precision():
    # A sum in float16 would end at 65504, one in float32 at 2**24.
    assert moments(np.ones(70_000, np.float16))["abs_sum"] == 70_000
    values = np.array([2.0**24, 1.0, 1.0], np.float32)
    assert moments(values)["abs_sum"] == 2.0**24 + 2
    assert moments(np.array([1e30], np.float32))["l2"] == float(np.float32(1e30))


def test_moments_are_python_floats():
    assert {type(value) for value in summarise(np.ones((2, 3), np.float32)).values()} == {float}


def test_no_axes_is_one_value():
    assert summarise(np.array(2.0, np.float32)) == {
        **moments(np.array([2.0])),
        **dict.fromkeys(QUANTILES, 2.0),
    }


@pytest.mark.parametrize("shape", [(0,), (0, 4, 4, 3)])
def test_an_empty_array_has_sums_of_zero_and_no_quantiles(shape):
    found = summarise(np.zeros(shape, np.float32))
    assert (found["abs_sum"], found["l2"]) == (0.0, 0.0)
    assert all(math.isnan(found[name]) for name in ("mean", "std", "min", "max"))
    assert not found.keys() & QUANTILES.keys()


def test_one_nan_shows_in_every_statistic_and_warns_nobody():
    found = summarise(np.array([0.0, np.nan, 1.0], np.float32))
    assert all(math.isnan(value) for value in found.values())


def test_infinity_shows_and_warns_nobody():
    found = summarise(np.array([0.0, np.inf, 1.0]))
    assert (found["abs_sum"], found["max"], found["l2"]) == (math.inf, math.inf, math.inf)
    assert found["min"] == 0.0
    assert math.isnan(found["std"])


def test_what_overflows_is_infinite_and_warns_nobody():
    found = moments(np.array([1e308, 1.7e308]))
    assert (found["abs_sum"], found["l2"]) == (math.inf, math.inf)


@pytest.mark.parametrize("dtype", [complex, object, "U3"])
def test_what_is_not_a_real_number_is_refused(dtype):
    array = np.array([1]).astype(dtype)
    for function in (moments, summarise):
        with pytest.raises(TypeError, match="of real numbers"):
            function(array)


def test_quantiles_interpolate_linearly():
    found = summarise(np.arange(101.0)[::-1])
    assert {name: found[name] for name in QUANTILES} == pytest.approx(
        {"q01": 1, "q05": 5, "q25": 25, "q50": 50, "q75": 75, "q95": 95, "q99": 99}, rel=1e-15
    )
    assert summarise(np.array([0.0, 1.0]))["q25"] == 0.25


def test_channels_are_told_apart():
    image = np.stack([np.zeros((2, 2)), np.array([[1.0, 2.0], [3.0, 4.0]])], axis=-1)[np.newaxis]
    found = summarise(image)
    assert [found[f"channel0.{name}"] for name in ("mean", "std", "min", "max")] == [0, 0, 0, 0]
    assert [found[f"channel1.{name}"] for name in ("mean", "min", "max")] == [2.5, 1, 4]
    assert found["channel1.std"] == math.sqrt(1.25)
    assert found["max"] == 4


@pytest.mark.parametrize(
    ("shape", "channels"), [((8,), 0), ((2, 1), 1), ((1, 2, 2, 16), 16), ((1, 2, 2, 17), 0), ((3, 0), 0)]
)
def test_the_last_axis_is_one_of_channels_up_to_16(shape, channels):
    names = {name for name in summarise(np.zeros(shape, np.float32)) if name.startswith("channel")}
    assert names == {f"channel{i}.{key}" for i in range(channels) for key in ("mean", "std", "min", "max")}


def test_how_an_array_lies_in_memory_does_not_move_a_bit():
    image = np.random.default_rng(0).standard_normal((1, 33, 17, 3), dtype=np.float32)
    lying = np.asfortranarray(image)
    view = np.ascontiguousarray(image.transpose(3, 1, 2, 0)).transpose(3, 1, 2, 0)
    assert summarise(image) == summarise(lying) == summarise(view)
