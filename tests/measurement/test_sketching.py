"""Sketches of parameters: exact for one element, about right for many, and the same bits everywhere."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harness.measurement import sketching
from harness.measurement.bfloat16 import to_bfloat16
from harness.measurement.facts import PROJECTIONS, Sketch
from harness.measurement.sketching import sketch_of

MASK = 2**64 - 1


def split_mix(index):
    """SplitMix64 as its authors wrote it, output ``index`` of seed 0."""
    z = (index + 1) * 0x9E3779B97F4A7C15 & MASK
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
    return z ^ z >> 31


def signs(index):
    return [-1 if split_mix(index) >> 63 - k & 1 else 1 for k in range(PROJECTIONS)]


def test_the_signs_are_those_of_splitmix64():
    # The first outputs of seed 0 that implementations of it agree on.
    assert [split_mix(i) for i in range(2)] == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4]
    for index in (0, 1, 9, sketching._PIECE - 1, sketching._PIECE, 3 * sketching._PIECE + 5):
        array = np.zeros(index + 1, np.float32)
        array[index] = 3.0
        assert list(sketch_of(array).projections) == [3.0 * sign for sign in signs(index)]


@given(
    st.sampled_from(["float64", "float32", "float16"]).flatmap(
        lambda dtype: hnp.arrays(
            dtype, st.integers(0, 40), elements=st.floats(-1e4, 1e4, width=int(dtype[5:]))
        )
    )
)
def test_projections_and_norms_are_right_to_the_last_bit_of_float64(array):
    sketch = sketch_of(array)
    assert (sketch.dtype, sketch.shape) == (str(array.dtype), array.shape)
    values = [Fraction(float(value)) for value in array]
    for k, found in enumerate(sketch.projections):
        total = sum((value * signs(i)[k] for i, value in enumerate(values)), Fraction(0))
        lost = sketch.remainders[k] if sketch.remainders else 0.0
        scale = max(map(abs, values), default=Fraction(0))
        bits = 100 if sketch.dtype == "float64" else 47
        assert abs(Fraction(found) + Fraction(lost) - total) <= len(values) * scale / 2**bits
    assert sketch.l2 == pytest.approx(math.hypot(*map(float, array)), rel=1e-12, abs=0)
    ulps = [float(np.spacing(np.abs(value))) for value in array]
    assert sketch.ulp_l2 == pytest.approx(math.hypot(*ulps), rel=1e-12, abs=0)


def test_pieces_are_one_sum_and_layout_does_not_count(monkeypatch):
    array = np.random.default_rng(0).standard_normal((40, 50))
    whole = sketch_of(array)
    assert sketch_of(np.asfortranarray(array)) == whole
    monkeypatch.setattr(sketching, "_PIECE", 64)
    pieces = sketch_of(array)
    assert pieces.projections == whole.projections  # their remainders make them exact
    assert pieces.l2 == pytest.approx(whole.l2, rel=1e-14)
    assert pieces.ulp_l2 == pytest.approx(whole.ulp_l2, rel=1e-14)


def test_stored_sketches_stay_what_they_are():
    """A sketch is compared with one that another version of numpy computed: every bit is fixed."""
    array = (np.arange(100_000, dtype=np.float32) - 50_000) / np.float32(3e5)
    sketch = sketch_of(array)
    assert sketch.projections[:2] == (-2.488247606765981, -38.7229477585779)
    assert (sketch.l2, sketch.ulp_l2) == (30.429030975252047, 2.8160936647621915e-06)


def test_the_ulp_of_bfloat16_is_its_own(mindspore):
    values = to_bfloat16(np.array([1.0, 3.0, 0.0, 1e-40], np.float32))
    sketch = sketch_of(mindspore.Tensor(values).astype(mindspore.bfloat16).asnumpy())
    assert sketch.dtype == "bfloat16"
    assert sketch.ulp_l2 == math.hypot(2.0**-7, 2.0**-6)
    small = mindspore.Tensor(values[2:]).astype(mindspore.bfloat16).asnumpy()
    assert sketch_of(small).ulp_l2 == math.hypot(2.0**-133, 2.0**-133)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_zeros_have_the_ulp_of_the_smallest_number(dtype):
    sketch = sketch_of(np.zeros(4, dtype))
    assert (sketch.l2, set(sketch.projections)) == (0.0, {0.0})
    assert sketch.ulp_l2 == 2 * float(np.finfo(dtype).smallest_subnormal)


@pytest.mark.parametrize(
    "array", [[1, 2], [True], np.array([1.0, np.nan], np.float32), [np.inf], [1e308] * 9]
)
def test_what_has_no_rounding_or_no_finite_norm_has_no_sketch(array):
    assert sketch_of(np.asarray(array)) is None


def test_large_and_small_float64_neither_overflow_nor_vanish():
    for scale in (1e300, 1e-300):
        sketch = sketch_of(np.array([3.0, 4.0]) * scale)
        assert sketch.l2 == pytest.approx(5 * scale)
        assert sketch.ulp_l2 == pytest.approx(
            math.hypot(float(np.spacing(3 * scale)) / scale, float(np.spacing(4 * scale)) / scale) * scale
        )


SOUND = Sketch("float32", (2,), (1.0,) * PROJECTIONS, (), 1.0, 1e-7)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"projections": (1.0,)}, "a sketch has 8 projections, this one 1"),
        ({"remainders": (1.0,) * PROJECTIONS}, "a sketch of float32 does not have 8 remainders"),
        ({"dtype": "float64"}, "a sketch of float64 does not have 0 remainders"),
        ({"l2": math.nan}, "a number of a sketch is not finite"),
        ({"projections": (math.inf,) * PROJECTIONS}, "a number of a sketch is not finite"),
        ({"ulp_l2": -1.0}, "a norm in a sketch is negative"),
    ],
)
def test_a_sketch_that_no_parameter_has_is_refused(wrong, told):
    with pytest.raises(ValueError, match=told):
        Sketch(**{**vars(SOUND), **wrong})
