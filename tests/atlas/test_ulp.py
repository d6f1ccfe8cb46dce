"""Distances in ulp, against numpy's own spacing and by hand."""

import math

import numpy as np
import pytest

from harness.atlas.ulp import distances, relative_l2, ulp_of


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_a_unit_is_the_spacing_of_the_dtype(dtype):
    values = np.array([1.0, 1.5, 2.0, 1000.0, 3e-5, 6e-8, 0.0, -0.75]).astype(dtype)
    assert (ulp_of(values.astype(np.float64), dtype) == np.abs(np.spacing(values)).astype(np.float64)).all()


def test_a_unit_of_bfloat16_is_that_of_the_upper_half_of_a_float32():
    assert ulp_of(np.array([1.0, 2.0, 1e-40]), "bfloat16").tolist() == [2**-7, 2**-6, 2.0 ** (-126 - 7)]


def test_neighbours_are_one_unit_apart_and_an_exact_result_none():
    exact = np.array([1.0, -3.0, 0.1])
    values = exact.astype(np.float32)
    above = np.nextafter(values, np.float32(np.inf))
    assert distances(above, values.astype(np.float64), "float32").tolist() == [1.0, 1.0, 1.0]
    assert distances(values, exact, "float32").max() <= 0.5


def test_what_is_not_finite_is_equal_or_infinitely_far():
    values = np.array([np.inf, np.nan, np.inf, 1.0, -np.inf], np.float32)
    exact = np.array([np.inf, np.nan, 1.0, np.nan, np.inf])
    assert distances(values, exact, "float32").tolist() == [0.0, 0.0, np.inf, np.inf, np.inf]


def test_what_float16_cannot_hold_is_infinite_in_it():
    assert distances(np.array([np.inf], np.float16), np.array([1e5]), "float16").tolist() == [0.0]
    # From 65520 on, rounding to the nearest gives infinity.
    assert distances(np.array([np.inf], np.float16), np.array([65521.0]), "float16").tolist() == [0.0]
    assert distances(np.array([np.inf], np.float16), np.array([65519.0]), "float16").tolist() == [np.inf]


def test_relative_l2_of_nothing_is_none_or_infinite():
    one, none = np.array([3.0, 4.0]), np.zeros(2)
    assert relative_l2(one, one) == 0.0
    assert relative_l2(np.array([3.0, 4.5]), one) == pytest.approx(0.1)
    assert relative_l2(none, none) == 0.0
    assert relative_l2(one, none) == math.inf
