"""A member's noise is one ulp away in the case's dtype, and nothing else about the draws changes."""

import numpy as np
import pytest

from harness.measurement.bfloat16 import next_bfloat16
from harness.measurement.ledger import Ledger, case_generators
from harness.measurement.perturbation import (
    NothingToPerturb,
    check_perturbed,
    one_ulp,
    perturbed_generators,
    rounded,
)


def pair(member=1, dtype="float32", seed=7):
    (perturbed,) = perturbed_generators((seed,), Ledger(), member=member, dtype=dtype)
    (plain,) = case_generators((seed,), Ledger())
    return perturbed, plain


def neighbours(values, dtype):
    if dtype == "bfloat16":
        return tuple(next_bfloat16(values, np.full(values.shape, up)) for up in (True, False))
    return tuple(np.nextafter(values, towards, dtype=dtype) for towards in (np.inf, -np.inf))


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_every_value_is_the_neighbour_in_the_dtype(dtype):
    perturbed, plain = pair(dtype=dtype)
    signs = []
    for _ in range(3):
        moved = rounded(perturbed.standard_normal((4, 64)), dtype)
        sound = rounded(plain.standard_normal((4, 64)), dtype)
        up, down = neighbours(sound, dtype)
        assert ((moved == up) | (moved == down)).all()
        assert 0.3 < (moved == up).mean() < 0.7
        signs.append(moved == up)
    assert not (signs[0] == signs[1]).all()
    assert not (signs[1] == signs[2]).all()


def test_what_is_spawned_is_moved_too():
    perturbed, plain = pair()
    moved = [child.standard_normal(64).astype(np.float32) for child in perturbed.spawn(2)]
    sound = [child.standard_normal(64).astype(np.float32) for child in plain.spawn(2)]
    for ours, theirs in zip(moved, sound, strict=True):
        assert (np.abs(ours.view(np.int32) - theirs.view(np.int32)) == 1).all()
    assert not ((moved[0] > sound[0]) == (moved[1] > sound[1])).all()
    check_perturbed([perturbed])


def test_integers_are_left_alone_and_do_not_count_as_noise():
    perturbed, plain = pair()
    np.testing.assert_array_equal(perturbed.integers(0, 9, 5), plain.integers(0, 9, 5))
    assert not perturbed.moved
    assert not np.array_equal(perturbed.normal(size=5), plain.normal(size=5))
    assert perturbed.moved


def test_members_differ_and_each_repeats():
    draws = [pair(member)[0].standard_normal(256).astype(np.float32) for member in (1, 2, 1)]
    assert not np.array_equal(draws[0], draws[1])
    np.testing.assert_array_equal(draws[0], draws[2])


def test_the_images_of_a_batch_get_signs_of_their_own():
    first, second = perturbed_generators((7, 7), Ledger(), member=1, dtype="float32")
    assert not np.array_equal(first.standard_normal(256), second.standard_normal(256))


def test_an_array_that_the_caller_gave_is_moved_in_place():
    perturbed, plain = pair()
    buffer, expected = np.empty(8, np.float32), np.empty(8, np.float32)
    perturbed.standard_normal(out=buffer, dtype=np.float32)
    plain.standard_normal(out=expected, dtype=np.float32)
    assert (np.abs(buffer.view(np.int32) - expected.view(np.int32)) == 1).all()


def test_a_single_number_stays_one():
    perturbed, plain = pair()
    value = perturbed.standard_normal()
    assert isinstance(value, float)
    assert value != plain.standard_normal()


def test_one_ulp_keeps_the_dtype_of_the_draw():
    values = np.linspace(-2, 2, 9)
    moved = one_ulp(values, "float16", np.random.default_rng(0))
    assert moved.dtype == np.float64
    assert (np.abs(moved - values) > 0).all()


def test_a_pipeline_that_drew_no_real_numbers_is_named():
    perturbed, _ = pair()
    perturbed.integers(0, 9, 5)
    with pytest.raises(NothingToPerturb, match=r"draws no floating-point noise .*nothing to perturb"):
        check_perturbed([perturbed])
    perturbed.random()
    check_perturbed([perturbed])
