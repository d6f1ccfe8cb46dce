"""The host's processing recomputed: the recipe that made an output is found, and any other change shows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from harness.measurement.after_steps import deviation, host_processing, moved_output, recomputed
from harness.measurement.bfloat16 import to_bfloat16
from harness.measurement.figures import HOST_LIMIT, HostProcessing

DTYPES = ("float32", "float16", "bfloat16")
values = st.floats(-2, 2, width=16)
images = arrays(np.float16, array_shapes(min_dims=4, max_dims=5, max_side=4), elements=values)


def held(array, dtype):
    """The array as a measurement holds it."""
    return to_bfloat16(array) if dtype == "bfloat16" else array.astype(dtype)


def every_recipe(array, dtype="float32"):
    """What each recipe makes of the array, whatever its shape."""
    shapes = {array.shape, np.moveaxis(array, 1, -1).shape}
    return [each for shape in shapes for each in recomputed(array, dtype, shape)]


@given(images, st.sampled_from(DTYPES), st.data())
def test_the_recipe_that_made_an_output_is_found(array, dtype, data):
    array = held(array, dtype)
    name, output = data.draw(st.sampled_from(every_recipe(array, dtype)))
    found = host_processing("latents", array, dtype, output)
    assert found.source == "latents"
    assert found.giving_output.differences[name] == 0


@given(images, st.sampled_from(DTYPES), st.data())
def test_a_value_moved_by_more_than_float32_rounds_by_shows_in_any_dtype(array, dtype, data):
    array = held(array, dtype)
    name, output = data.draw(st.sampled_from(every_recipe(array, dtype)))
    largest = max(float(np.abs(output).max()), 0.5)
    place = data.draw(st.integers(0, output.size - 1))
    moved = np.array(output, np.float32)
    moved.flat[place] += np.float32(4 * HOST_LIMIT * largest)
    assert (
        name
        not in (host_processing("latents", array, dtype, moved).giving_output or found_none()).differences
    )


def found_none():
    return HostProcessing("latents", {})


def test_the_recipes_are_those_of_diffusers_and_the_core():
    array = np.array([-1.5, -1, -0.25, 0, 0.3, 1.25], np.float32).reshape(1, 3, 1, 2)
    found = dict(every_recipe(array))
    expected = np.clip(array * 0.5 + 0.5, 0, 1).transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(found["channels last, halved plus 0.5, clamped to [0, 1]"], expected)
    np.testing.assert_array_equal(found["not clamped"], array)
    np.testing.assert_array_equal(
        found["channels last, clamped to [-1, 1]"], np.clip(array, -1, 1).transpose(0, 2, 3, 1)
    )


def test_a_model_in_half_precision_may_denormalise_before_it_converts():
    array = np.linspace(-1, 1, 48, dtype=np.float16).reshape(1, 3, 4, 4)
    in_half = (array / np.float16(2) + np.float16(0.5)).transpose(0, 2, 3, 1).astype(np.float32)
    found = host_processing("vae.decode", array, "float16", in_half).giving_output
    assert {name.split(", ")[1] for name in found.differences} == {"halved plus 0.5 in the model's dtype"}


@pytest.mark.parametrize(
    "output",
    [np.zeros((2, 2), np.float32), np.zeros((0,), np.float32), np.zeros((1, 2, 2, 3), np.uint8),
     np.full((1, 2, 2, 3), np.nan, np.float32)],
)  # fmt: skip
def test_what_no_recipe_can_give_is_not_observed(output):
    array = np.zeros((1, 3, 2, 2), np.float32)
    assert host_processing("latents", array, "float32", output) is None


def test_an_output_that_follows_from_nothing_known_has_no_recipe():
    array = np.linspace(0, 1, 12, dtype=np.float32).reshape(1, 3, 2, 2)
    found = host_processing("latents", array, "float32", array**2)
    assert found.differences
    assert found.giving_output is None


@given(st.floats(0, 0.5), st.sampled_from(["not clamped", "channels last, not clamped"]))
def test_a_fault_put_into_the_output_counts_as_if_it_had_run(size, name):
    array = np.linspace(-1, 1, 48, dtype=np.float32).reshape(1, 3, 4, 4)
    output = dict(every_recipe(array))[name]
    faulty = output * np.float32(1 - size)
    again = host_processing("latents", array, "float32", faulty)
    foretold = moved_output(host_processing("latents", array, "float32", output), output, faulty)
    assert foretold.differences[name] == pytest.approx(again.differences[name], rel=1e-6, abs=1e-12)
    assert moved_output(None, output, faulty) is None


def test_the_deviation_is_that_of_the_nearest_recipe_of_the_baseline():
    array = np.linspace(-1.2, 1.2, 48, dtype=np.float32).reshape(1, 3, 4, 4)
    made = dict(every_recipe(array))
    clamped, free = "halved plus 0.5, clamped to [0, 1]", "halved plus 0.5, not clamped"
    assert deviation([clamped], array, "float32", made[clamped]) == (0, 0)
    most, distance = deviation([clamped], array, "float32", made[free])
    assert most == pytest.approx(0.1, rel=1e-5)
    assert 0 < distance < most
    assert deviation([clamped, free], array, "float32", made[free]) == (0, 0)
    assert deviation([clamped], array, "float32", np.zeros((2, 2), np.float32)) is None
    assert deviation([], array, "float32", made[free]) is None
