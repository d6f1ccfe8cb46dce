"""What a set of members shows: chaos with its first step, modes, saturation."""

import math

import numpy as np
import pytest

from harness.baselines.calibration import StepEnvelope
from harness.judgement.calibration.spread import CHAOS, MODE_GAP, chaotic_from, clusters, distance, saturated

IMAGE = np.random.default_rng(0).random((1, 8, 8, 3)).astype(np.float32)


def steps(*spreads, first=0):
    return [StepEnvelope(first + index, {}, 0.0, spread) for index, spread in enumerate(spreads)]


def around(image, size, count):
    """So many outputs, each ``size`` away from ``image`` in relative L2, in directions of their own."""
    moves = np.random.default_rng(1).standard_normal((count, *image.shape))
    scale = size * np.linalg.norm(image) / np.sqrt(np.square(moves).sum(axis=(1, 2, 3, 4), keepdims=True))
    return [(image + scale[index] * moves[index]).astype(image.dtype) for index in range(count)]


def counts(outputs):
    return [len(mode) for mode in clusters(outputs)]


@pytest.mark.parametrize(
    ("spreads", "output", "first"),
    [
        ((1e-7, 1e-6, 1e-5), 1e-5, None),
        ((1e-7, CHAOS, 1e-5), 1e-5, 1),
        ((0.4, 0.9), 1.0, 0),
        ((1e-7, np.nextafter(CHAOS, 0)), 1e-5, None),
        ((1e-7, 1e-6), CHAOS, 2),
        ((), 0.3, 0),
        ((), 1e-7, None),
        ((1e-7, math.inf), 0.0, 1),
        ((1e-7, math.nan), 0.0, 1),
    ],
)
def test_a_case_is_chaotic_from_the_first_spread_too_large(spreads, output, first):
    assert chaotic_from(steps(*spreads), output) == first


def test_where_chaos_begins_is_a_place_not_the_number_of_the_step():
    """Of a pipeline in two stages both count their steps from 0; others count from 1."""
    assert chaotic_from([*steps(1e-7, 1e-7), *steps(1e-7, 0.5)], 0.5) == 3
    assert chaotic_from(steps(1e-7, 0.5, first=1), 0.5) == 1


def test_the_distance_is_the_relative_l2_in_float64():
    a, b = np.array([3.0, 0.0], np.float32), np.array([0.0, 4.0], np.float32)
    assert distance(a, b) == 1.25
    assert distance(a, a) == 0
    large = np.full(1000, 60000, np.float16)
    assert distance(-large, large) == 2
    assert distance(np.array([True, False]), np.array([True, True])) == pytest.approx(math.sqrt(0.5))
    unsigned = np.array([0, 255], np.uint8), np.array([255, 255], np.uint8)
    assert distance(*unsigned) == pytest.approx(math.sqrt(0.5))


def test_a_distance_from_nothing_is_infinite_or_none():
    zeros = np.zeros(3)
    assert distance(np.ones(3), zeros) == math.inf
    assert distance(zeros, zeros) == 0


def test_members_around_one_answer_are_one_mode():
    assert clusters([IMAGE, *around(IMAGE, 1e-6, 6)]) == ((0, 1, 2, 3, 4, 5, 6),)


@pytest.mark.parametrize("values", [2, 3, 12, 192])
def test_outputs_of_a_few_values_spread_by_chance_are_one_mode(values):
    base = np.full((1, 1, 1, values), 0.5)
    rng = np.random.default_rng(values)
    for _ in range(40):
        assert counts([base, *(base + 1e-4 * rng.standard_normal(base.shape) for _ in range(10))]) == [11]


def test_two_answers_are_two_modes_that_of_the_unperturbed_run_first():
    other = IMAGE[:, ::-1]
    near, far = around(IMAGE, 1e-6, 2), around(other, 1e-6, 4)
    assert clusters([IMAGE, far[0], near[0], far[1], near[1], far[2], far[3]]) == ((0, 2, 4), (1, 3, 5, 6))
    assert clusters([IMAGE, *far]) == ((0,), (1, 2, 3, 4))


def test_further_modes_come_by_size():
    others = around(IMAGE[:, ::-1], 1e-6, 2), around(IMAGE[:, :, ::-1], 1e-6, 3)
    assert counts([IMAGE, *others[0], *around(IMAGE, 1e-6, 3), *others[1]]) == [4, 3, 2]


def test_one_run_that_is_far_from_all_others_is_a_mode():
    assert clusters([IMAGE, *around(IMAGE, 1e-6, 3), IMAGE[:, ::-1]]) == ((0, 1, 2, 3), (4,))


@pytest.mark.parametrize(("gap", "expected"), [(MODE_GAP / 3, [8]), (MODE_GAP * 3, [7, 1])])
def test_the_gap_between_modes_is_measured_in_steps_inside_them(gap, expected):
    assert counts([IMAGE, *around(IMAGE, 1e-5, 6), *around(IMAGE, 1e-5 * math.sqrt(2) * gap, 1)]) == expected


def test_equal_outputs_are_one_mode():
    assert counts([IMAGE] * 5) == [5]
    assert counts([np.zeros((1, 4, 4, 1))] * 3) == [3]


def test_runs_that_are_all_far_apart_are_chaos_and_no_modes():
    assert counts([IMAGE, *around(IMAGE, 0.7, 6)]) == [7]


def test_equal_outputs_and_one_far_away_are_two_modes():
    """Not a wide tolerance, though there is no step inside a mode to measure the gap with."""
    assert counts([IMAGE, IMAGE, IMAGE, IMAGE[:, ::-1]]) == [3, 1]
    assert counts([IMAGE, IMAGE, *[IMAGE[:, ::-1]] * 3]) == [2, 3]


def test_the_steps_inside_a_mode_may_grow_from_one_to_the_next():
    places = [0.0, 1e-5, 50e-5, 2000e-5]
    assert counts([IMAGE * (1 + place) for place in places]) == [4]


def flipped(image, unit, *places):
    image = image.copy()
    for place in places:
        image.reshape(-1)[place] += unit
    return image


@pytest.mark.parametrize(
    ("image", "unit"),
    [
        (np.round(IMAGE * 200).astype(np.uint8), np.uint8(1)),
        ((np.round(IMAGE * 200) / 255).astype(np.float32), np.float32(1 / 255)),
    ],
    ids=["uint8", "float32"],
)
def test_quantised_outputs_of_which_single_values_flip_are_one_mode(image, unit):
    some = [flipped(image, unit, 3), image, flipped(image, unit, 3, 50, 77), flipped(image, unit, *range(90))]
    assert counts([image, image, *some]) == [6]


def test_integers_of_which_one_or_all_are_one_unit_off_are_one_mode():
    image = np.full((1, 160, 160, 3), 100, np.uint8)
    assert counts([image, flipped(image, 1, 5), image + 1]) == [3]
    assert counts([image, flipped(image, 1, 5), image + 4]) == [2, 1]


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_outputs_that_rounding_moves_in_a_tiny_value_here_and_a_large_one_there_are_one_mode(dtype):
    """One ulp of 1e-6 beside one of 1: a ratio of a million, and no second answer."""
    image = IMAGE.astype(dtype)
    image.reshape(-1)[0] = 1e-4
    tiny, large = image.copy(), image.copy()
    tiny.reshape(-1)[0] = np.nextafter(tiny.reshape(-1)[0], dtype(1))
    large[:] = np.nextafter(large, dtype(2))
    assert distance(large, image) > MODE_GAP * distance(tiny, image) > 0
    assert counts([image, tiny, large]) == [3]


@pytest.mark.parametrize(
    ("output", "part"),
    [
        (np.array([0.0, 1.0, 0.5, 0.25], np.float32), 0.5),
        (np.array([0, 255, 3, 254], np.uint8), 0.5),
        (np.array([-128, 0, 3, 4], np.int8), 0.25),
        (np.array([-1.0, 1.0, 0.0, 0.5], np.float16), 0.5),
        (np.array([-3.0, 1.0, 0.0, 0.5], np.float32), 0.0),  # latents: no bounds
        (np.array([0.0, 1.0, 2.0, 1.0], np.float32), 0.0),
        (np.array([0.25, 0.5]), 0.0),
        (np.zeros((0, 4, 4, 3), np.float32), 0.0),
        (np.array([True, False]), 1.0),
    ],
)
def test_saturated_is_the_part_of_the_values_at_the_bounds(output, part):
    assert saturated(output) == part
