"""One tensor against another: which bits, how far, and whether rounding explains it."""

import math

import numpy as np
import pytest

from harness.tracing.difference import Difference, difference, rounding_of

ONES = np.ones((2, 50), np.float32)


def test_the_same_bits_are_no_difference():
    assert difference(ONES, ONES.copy(), "float32") is None
    assert difference(np.full(3, np.nan, np.float32), np.full(3, np.nan, np.float32), "float32") is None
    assert difference(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32), "float32") is None


def test_figures_of_one_value_that_moved():
    ours = ONES * 4
    ours[0, 0] = np.nextafter(np.float32(4), np.float32(5))
    found = difference(ours, ONES * 4, "float32")
    unit = 4 * 2.0**-23
    assert found == Difference(1, 100, unit / 40, unit, 1.0, 1.0)
    assert not found.beyond_rounding("float32")


def test_ulp_near_zero_are_counted_at_the_size_of_the_largest_value():
    theirs = np.array([0.0, 1.0], np.float32)
    found = difference(theirs + np.float32(2.0**-23), theirs, "float32")
    assert found.scale_ulp == 1.0
    assert found.max_ulp > 1e8


def test_other_signs_of_zero_are_other_bits_of_one_value():
    zero = np.zeros(4, np.float32)
    found = difference(-zero, zero, "float32")
    assert (found.differing, found.relative_l2, found.max_ulp) == (4, 0.0, 0.0)
    assert not found.beyond_rounding("float32")


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_no_number_is_never_rounding(bad):
    for ours, theirs in ((bad, 1.0), (1.0, bad)):
        found = difference(np.array([ours, 2], np.float32), np.array([theirs, 2], np.float32), "float32")
        assert found.differing == 1
        assert found.beyond_rounding("float32")


def test_anything_in_place_of_zeros_is_beyond_rounding():
    found = difference(np.full(3, 1e-30, np.float32), np.zeros(3, np.float32), "float32")
    assert found.relative_l2 == math.inf
    assert found.beyond_rounding("float32")


@pytest.mark.parametrize(
    ("dtype", "kind", "most"),
    [
        ("float32", np.float32, 16 * 2.0**-23),
        ("float16", np.float16, 2 * 2.0**-10),
        ("bfloat16", np.float32, 2 * 2.0**-7),
        ("float64", np.float64, 16 * 2.0**-52),
    ],
)
def test_the_line_between_rounding_and_more(dtype, kind, most):
    assert rounding_of(dtype) == most
    theirs = np.ones(10, kind)
    assert not difference((theirs * (1 + most)).astype(kind), theirs, dtype).beyond_rounding(dtype)
    assert difference((theirs * (1 + 2 * most)).astype(kind), theirs, dtype).beyond_rounding(dtype)


@pytest.mark.parametrize("kind", [np.int64, np.bool_])
def test_integers_do_not_round(kind):
    theirs = np.array([0, 1], kind)
    found = difference(np.array([1, 1], kind), theirs, str(theirs.dtype))
    assert (found.differing, found.max_abs, found.scale_ulp) == (1, 1.0, 1.0)
    assert found.beyond_rounding(str(theirs.dtype))


@pytest.mark.parametrize(
    ("ours", "told"),
    [
        (np.ones((50, 2), np.float32), "float32 [50, 2] here, float32 [2, 50] in the reference"),
        (np.ones((2, 50), np.float16), "float16 [2, 50] here, float32 [2, 50] in the reference"),
    ],
)
def test_another_form_has_no_figures(ours, told):
    found = difference(ours, ONES, "float32")
    assert found == Difference(form=told)
    assert found.beyond_rounding("float32")
