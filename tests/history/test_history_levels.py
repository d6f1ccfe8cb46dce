"""Levels of a series: what repeats, what is noise, how often a step is seen that is none or one is missed."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.history.levels import FALSE_ALARMS, Levels, find_levels

A, B, C = 0.3249435799662024, 0.32494357996620245, 0.5  # A and B are neighbours: one bit apart
NAN, INF = math.nan, math.inf


def shown(found: Levels) -> str:
    """The levels as ``0-3 3-6``, then the outliers, then where the newest are on none."""
    levels = " ".join(f"{level.start}-{level.stop}" for level in found.levels)
    outliers = "".join(f" !{index}" for index in found.outliers)
    return levels + outliers + ("" if found.latest is None else f" ?{found.latest}")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], ""),
        ([A], "0-1"),
        ([A, A], "0-2"),
        ([A, A, B, B], "0-2 2-4"),
        ([A, A, A, B, B, B], "0-3 3-6"),
        ([A, A, A, B], "0-3 ?3"),
        ([A, A, A, A, A, B, C], "0-5 ?5"),
        ([A, A, B, A, A], "0-5 !2"),
        ([A, A, A, C, B, B, B], "0-3 4-7 !3"),
        ([B, A, A, A], "1-4 !0"),
        ([A] * 4 + [B] * 3 + [A] * 4, "0-4 4-7 7-11"),
        ([A] * 6 + [B, B] + [C] * 6, "0-6 6-8 8-14"),
        ([0.0, 0.0, INF, INF], "0-2 2-4"),
        ([A, A, NAN, NAN], "0-2 2-4"),
        ([NAN] * 5, "0-5"),
        ([0.0, -0.0, 0.0, 0.0], "0-4"),
    ],
)
def test_values_that_repeat(values, expected):
    found = find_levels(values)
    assert found.exact
    assert shown(found) == expected


def test_a_level_is_the_value_that_repeats():
    ((old, new),) = find_levels([A, A, B, B]).steps
    assert (old.value, new.value) == (A, B)


@given(
    st.lists(
        st.tuples(st.floats(allow_nan=False), st.integers(2, 6)),
        min_size=1,
        max_size=6,
        unique_by=lambda p: p[0],
    )
)
def test_every_lasting_level_is_found_where_it_is(stretches):
    values = [value for value, length in stretches for _ in range(length)]
    found = find_levels(values)
    assert found.exact
    assert [(each.value, each.stop - each.start) for each in found.levels] == stretches
    assert (found.outliers, found.latest) == ((), None)


@given(st.lists(st.floats(), max_size=24))
def test_whatever_the_values_are_levels_are_in_order_and_lasting(values):
    found = find_levels(values)
    assert find_levels(values) == found or any(map(math.isnan, values))
    ends = [(level.start, level.stop) for level in found.levels]
    assert ends == sorted(ends)
    assert all(stop <= start for (_, stop), (start, _) in pairwise(ends))
    if len(ends) > 1:
        assert all(stop - start >= 2 for start, stop in ends)


NOISES = {
    "normal": lambda generator, n: generator.normal(size=n),
    "heavy tails": lambda generator, n: generator.standard_t(2, size=n),
    "skewed": lambda generator, n: generator.lognormal(sigma=2, size=n),
    "of two machines": lambda generator, n: generator.integers(0, 2, n).astype(float),
    "rounded": lambda generator, n: np.round(generator.normal(size=n)),
}


@pytest.mark.parametrize("noise", NOISES)
def test_fewer_than_one_in_a_hundred_series_of_noise_have_a_step(noise):
    generator = np.random.default_rng(6)
    series = [NOISES[noise](generator, 30).tolist() for _ in range(1000)]
    alarms = sum(bool(find_levels(values).steps) for values in series)
    assert alarms < 10
    assert FALSE_ALARMS == 0.005


@pytest.mark.parametrize(("last", "least"), [(3, 90), (5, 95), (15, 95)])
def test_a_step_of_five_sigma_is_found_where_it_begins(last, least):
    generator = np.random.default_rng(7)
    found = 0
    for _ in range(100):
        values = generator.normal(size=30)
        values[-last:] += 5
        steps = find_levels((values * 1e-7 + 1e3).tolist()).steps
        found += len(steps) == 1 and steps[0][1].start == 30 - last
    assert found >= least


def test_a_step_is_found_beside_outliers_of_any_size_which_are_named():
    generator = np.random.default_rng(8)
    values = generator.normal(size=30)
    values[20:] += 8
    values[5], values[12], values[25] = 1e12, NAN, -INF
    found = find_levels(values.tolist())
    assert [new.start for _, new in found.steps] == [20]
    assert found.outliers == (5, 12, 25)
    assert not found.exact


def test_a_series_that_goes_to_and_fro_has_no_steps():
    assert shown(find_levels([A, A, B, B, A, A, B, B, A, A])) == "0-10"
