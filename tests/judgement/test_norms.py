"""The power of 2 that values are divided by, and norms at sizes where squares vanish or overflow."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.judgement.norms import SAFE_VALUES, Norms, safe_unit
from harness.judgement.sums import Sums, sum_up


@pytest.mark.parametrize("largest", [0.0, SAFE_VALUES[0], 1e-3, 1.0, 255.0, SAFE_VALUES[1]])
def test_values_of_usual_size_are_left_as_they_are(largest: float) -> None:
    assert safe_unit(largest) == 1


@pytest.mark.parametrize(
    "largest", [math.nextafter(SAFE_VALUES[0], 0), math.nextafter(SAFE_VALUES[1], math.inf), 1e-300, 1e300]
)
def test_values_of_another_size_come_to_be_about_1(largest: float) -> None:
    unit = safe_unit(largest)
    assert math.frexp(unit)[0] == 0.5
    assert 0.5 <= largest / unit < 1


def test_no_unit_is_so_small_or_so_large_that_dividing_by_it_overflows() -> None:
    assert safe_unit(5e-324) == 2.0**-1000
    assert safe_unit(1.7e308) == 2.0**1000


def norms_of(output: np.ndarray, reference: np.ndarray, unit: float = 1.0) -> tuple[float, float, float]:
    with np.errstate(under="ignore"):
        sums = sum_up(output, reference, unit=unit, scale=1.0)
        found = Norms(output, reference, unit, sums)
    return found.output, found.reference, found.difference


# Squares are of full precision, then have lost digits, then have vanished.
@pytest.mark.parametrize("size", [1.0, 1e-99, 1e-101, 1e-158, 1e-161, 1e-200, 1e-300])
@pytest.mark.parametrize("count", [1, 40_000])
def test_norms_are_right_at_any_size(size: float, count: int) -> None:
    output, reference = np.tile([3.0, 4.0], count) * size, np.tile([6.0, 8.0], count) * size
    # The last block alone has the largest value.
    output[-1] = 13 * size
    wanted = (size * math.sqrt(25 * count + 153), size * math.sqrt(100 * count))
    wanted += (size * math.sqrt(25 * count + 9),)
    assert norms_of(output, reference) == pytest.approx(wanted, rel=1e-12, abs=0)


def test_norms_are_in_the_unit_given() -> None:
    output, reference = np.array([3e-200, 4e-200]), np.array([0.0, 8e-200])
    unit = safe_unit(8e-200)
    found = norms_of(output, reference, unit)
    assert found == pytest.approx((5e-200 / unit, 8e-200 / unit, 5e-200 / unit), rel=1e-12, abs=0)


def test_the_norm_of_nothing_is_0() -> None:
    zeros = np.zeros(3)
    assert norms_of(zeros, zeros) == (0, 0, 0)
    assert norms_of(zeros, np.ones(3))[::2] == (0, pytest.approx(math.sqrt(3)))


def test_a_sound_square_is_taken_as_it_is() -> None:
    """Another pass over all values costs as much as the first."""
    sums = Sums(top=1.0, output_square=9.0, reference_square=16.0, difference_square=4.0)
    found = Norms(np.zeros(2), np.zeros(2), 1.0, sums)
    assert (found.output, found.reference, found.difference) == (3, 4, 2)


def test_equal_arrays_need_no_pass_for_their_difference() -> None:
    sums = Sums(top=0.0, output_square=9.0, reference_square=16.0, difference_square=4.0)
    assert Norms(np.zeros(2), np.zeros(2), 1.0, sums).difference == 0
