"""Differences as codes and as a histogram: none lost, however small."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.reporting.html.pictures import DECADES, difference, histogram, largest, to_codes

sizes = st.lists(st.floats(0, 1e30) | st.sampled_from([0.0, 1e-45, 1e-7]), min_size=1, max_size=50)


def decoded(codes, top):
    return np.where(codes > 0, top * 10.0 ** (-DECADES * (255.0 - codes) / 254), 0.0)


@given(sizes)
def test_codes_keep_order_zero_and_the_size(values):
    distance = np.array(values)
    top = largest(distance)
    codes = to_codes(distance, top)
    assert np.array_equal(codes == 0, distance == 0)
    assert all(np.diff(codes[np.argsort(distance, kind="stable")].astype(int)) >= 0)
    near = distance > top * 1.1 * 10.0**-DECADES
    assert np.allclose(decoded(codes, top)[near], distance[near], rtol=0.03)


def test_what_is_not_finite_is_the_largest_difference():
    left = np.array([np.nan, np.nan, np.inf, np.inf, 1.0, 2.0], np.float32)
    right = np.array([np.nan, 1.0, np.inf, -np.inf, 1.0, 1.5], np.float32)
    distance = difference(left, right)
    assert distance.tolist() == [np.inf, np.inf, 0, np.inf, 0, 0.5]
    assert to_codes(distance, largest(distance)).tolist() == [255, 255, 0, 255, 0, 255]
    assert to_codes(difference(left[:2], right[:2]), 0.0).tolist() == [255, 255]


def test_unsigned_values_do_not_wrap():
    assert difference(np.array([0], np.uint8), np.array([255], np.uint8)).tolist() == [255]


@given(sizes)
def test_the_histogram_counts_every_value_once(values):
    distance = np.array([*values, np.inf])
    made = histogram(distance, np.zeros_like(distance))
    assert made["equal"] + made["not_finite"] + sum(made["counts"]) == made["total"] == distance.size
    assert made["equal"] == int((distance == 0).sum())
    if made["counts"]:
        last = made["start"] + (len(made["counts"]) - 1) / made["bins_per_decade"]
        # The largest is in the last bin.
        assert 10**last <= largest(distance) * 1.0001 <= 10 ** (last + 1 / made["bins_per_decade"]) * 1.001
        assert made["counts"][-1] > 0
        assert len(made["counts"]) <= 41
