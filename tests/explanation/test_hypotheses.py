"""Each mistake, made on purpose, is recognised in the numbers of one cell."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from harness.explanation.hypotheses import kinds
from harness.explanation.hypotheses.trying import first_fit
from harness.measurement.bfloat16 import to_bfloat16
from harness.measurement.measurement import Array
from harness.tracing.observed import Observed

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 8, 6, 6)).astype(np.float32)
ROWS = RNG.standard_normal((2, 6, 16)).astype(np.float32)


def guess(ours: Array, theirs: Array, given: tuple[Any, ...] = (), **settings: Any) -> kinds.Mistake | None:
    """Return the mistake that is recognised; both sides get noise of float32's size."""
    noisy = [
        (each * (1 + 1e-7 * RNG.standard_normal(each.shape))).astype(np.float32) for each in (ours, theirs)
    ]
    found = first_fit(Observed(given, noisy[1], noisy[0], "float32", "float32", settings))
    return None if found is None else found.mistake


def variant(family: str, ours: dict[str, str], theirs: dict[str, str]) -> kinds.Variant:
    return kinds.Variant(kinds.Family(family), ours, theirs)


def test_a_factor_and_its_value() -> None:
    found = guess(X * 0.5, X)
    assert isinstance(found, kinds.Factor)
    assert found.value == pytest.approx(0.5, rel=1e-4)


def test_a_changed_sign_is_a_factor_of_minus_one() -> None:
    found = guess(-X, X)
    assert isinstance(found, kinds.Factor)
    assert found.value == pytest.approx(-1)


def test_an_offset_and_its_value() -> None:
    found = guess(X + 0.25, X)
    assert isinstance(found, kinds.Offset)
    assert found.value == pytest.approx(0.25, rel=1e-4)


def test_a_missing_bias() -> None:
    bias = RNG.standard_normal((1, 8, 1, 1))
    assert guess(X - bias, X) == kinds.ChannelOffset(1)


def test_a_missing_bias_of_a_linear_layer() -> None:
    assert guess(ROWS - RNG.standard_normal(16), ROWS) == kinds.ChannelOffset(2)


def test_a_missing_scale() -> None:
    scale = RNG.uniform(0.5, 2, (1, 8, 1, 1))
    assert guess(X * scale, X) == kinds.ChannelFactor(1)


def test_a_sum_that_lacks_a_tensor() -> None:
    residual = RNG.standard_normal(X.shape)
    found = guess(X - residual, X, (("hidden_states", residual),))
    assert isinstance(found, kinds.Summand)
    assert (found.name, round(found.times, 4)) == ("hidden_states", -1)


def test_other_coefficients_of_a_schedulers_step() -> None:
    sample, noise = RNG.standard_normal((2, *X.shape))
    theirs, ours = 0.9 * sample - 0.3 * noise, 0.8 * sample - 0.1 * noise
    found = guess(ours, theirs, (("sample", sample), ("model_output", noise)))
    assert isinstance(found, kinds.Coefficients)
    assert found.names == ("sample", "model_output")
    assert found.ours == pytest.approx((0.8, -0.1), rel=1e-4)
    assert found.theirs == pytest.approx((0.9, -0.3), rel=1e-4)


def test_permuted_axes() -> None:
    theirs = RNG.standard_normal((2, 6, 6, 3))
    assert guess(theirs.transpose(0, 2, 1, 3), theirs) == kinds.Permuted((0, 2, 1, 3))


def test_heads_that_are_put_together_the_other_way() -> None:
    theirs = RNG.standard_normal((2, 6, 24))
    ours = theirs.reshape(2, 6, 4, 6).transpose(0, 1, 3, 2).reshape(2, 6, 24)
    assert guess(ours, theirs) == kinds.Regrouped(2, 4)


def test_heads_that_are_put_together_without_moving_them() -> None:
    made = RNG.standard_normal((2, 3, 6, 8))
    theirs = made.transpose(0, 2, 1, 3).reshape(2, 6, 24)
    assert guess(made.reshape(2, 6, 24), theirs) == kinds.PartsNotMoved(2, 3)


def test_reversed_swapped_and_rolled_values() -> None:
    assert guess(X[:, ::-1], X) == kinds.Reversed(1)
    assert guess(X[::-1], X) == kinds.Swapped(0)
    assert guess(np.roll(X, 4, 1), X) == kinds.Swapped(1)
    assert guess(np.roll(X, 1, 3), X) == kinds.Rolled(3, 1)


def test_values_that_are_clipped_and_values_that_are_not() -> None:
    clipped = np.clip(X, -1, 1)
    both = (
        first_fit(Observed((), X, clipped, "float32")),
        first_fit(Observed((), clipped, X, "float32")),
    )
    assert [each and each.mistake for each in both] == [kinds.Clipped(-1, 1), kinds.Unclipped(-1, 1)]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_values_of_half_precision(dtype: str) -> None:
    halved = to_bfloat16(X) if dtype == "bfloat16" else X.astype(np.float16).astype(np.float32)
    found = first_fit(Observed((), X, halved, "float32"))
    assert found is not None
    assert found.mistake == kinds.Rounded(dtype)


def test_a_tensor_of_half_precision_where_the_reference_has_another() -> None:
    found = first_fit(Observed((), X, X.astype(np.float16), "float16", "float32"))
    assert found is not None
    assert found.mistake == kinds.Rounded("float16")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_an_error_of_the_size_of_half_precision(dtype: str) -> None:
    weight = RNG.standard_normal((16, 16)).astype(np.float32)
    halved = to_bfloat16(ROWS) if dtype == "bfloat16" else ROWS.astype(np.float16).astype(np.float32)
    assert guess(halved @ weight, ROWS @ weight) == kinds.RoundedInside(dtype)


def gelu(x: Array) -> Array:
    erf = np.vectorize(math.erf)
    made: Array = x * 0.5 * (1 + erf(x / math.sqrt(2)))
    return made


def gelu_with_tanh(x: Array) -> Array:
    made: Array = x * 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return made


def test_another_activation() -> None:
    found = guess(gelu_with_tanh(X), gelu(X), (("gate", X),))
    assert found == variant("activation", {"function": "gelu-tanh"}, {"function": "gelu"})


def test_another_activation_of_a_gate() -> None:
    left, right = np.split(RNG.standard_normal((2, 6, 32)), 2, axis=-1)
    given = (("proj", np.concatenate([left, right], axis=-1)),)
    found = guess(left * gelu(right), left * right / (1 + np.exp(-right)), given)
    assert found == variant("gate", {"function": "gelu"}, {"function": "silu"})


def normed(x: Array, eps: float, groups: int | None = None) -> Array:
    flat = x if groups is None else x.reshape(x.shape[0], groups, -1)
    made: Array = (flat - flat.mean(-1, keepdims=True)) / np.sqrt(flat.var(-1, keepdims=True) + eps)
    return made.reshape(x.shape)


def test_another_eps_of_a_layer_norm() -> None:
    small, scale, shift = ROWS * 0.01, RNG.uniform(0.5, 2, 16), RNG.standard_normal(16)
    found = guess(normed(small, 1e-5) * scale + shift, normed(small, 1e-6) * scale + shift, (("x", small),))
    assert found == variant("normalisation", {"eps": "1e-05"}, {"eps": "1e-06"})


def test_another_eps_of_a_group_norm() -> None:
    small, scale = X * 0.01, RNG.uniform(0.5, 2, (1, 8, 1, 1))
    ours, theirs = normed(small, 1e-5, 4) * scale, normed(small, 1e-6, 4) * scale
    found = guess(ours, theirs, (("x", small),), num_groups=4)
    assert found == variant("normalisation", {"eps": "1e-05"}, {"eps": "1e-06"})


def embedded(t: Array, shift: int, *, flip: bool) -> Array:
    angles = t[:, None] * np.exp(-math.log(10000) * np.arange(8) / (8 - shift))
    parts = (np.cos(angles), np.sin(angles)) if flip else (np.sin(angles), np.cos(angles))
    return np.concatenate(parts, axis=1)


def test_another_embedding_of_the_timestep() -> None:
    t = np.array([981.0, 961.0, 500.0])
    found = guess(embedded(t, 1, flip=True), embedded(t, 0, flip=True), (("timesteps", t),))
    shifts = [{"frequency-shift": each} for each in "10"]
    assert found == variant("timestep-embedding", *shifts)
    swapped = guess(embedded(t, 0, flip=False), embedded(t, 0, flip=True), (("timesteps", t),))
    assert swapped == variant("timestep-embedding", {"order": "sin-first"}, {"order": "cos-first"})


def attended(q: Array, k: Array, v: Array, scale: float) -> Array:
    q, k, v = (each.reshape(2, -1, 4, 4).transpose(0, 2, 1, 3) for each in (q, k, v))
    scores = np.exp(q @ k.swapaxes(-1, -2) * scale)
    made = (scores / scores.sum(-1, keepdims=True)) @ v
    return np.asarray(made.transpose(0, 2, 1, 3).reshape(2, -1, 16))


def test_another_scale_of_attention() -> None:
    q, k, v = RNG.standard_normal((3, 2, 6, 16))
    given = (("to_q", q), ("to_k", k), ("to_v", v))
    found = guess(attended(q, k, v, 1.0), attended(q, k, v, 0.5), given, heads=4)
    assert found == variant("attention", {"scale": "1"}, {"scale": "1/sqrt(head-width)"})


def test_attention_with_heads_that_are_not_moved() -> None:
    q, k, v = RNG.standard_normal((3, 2, 6, 16))
    given = (("to_q", q), ("to_k", k), ("to_v", v))
    split = (each.reshape(2, 4, 6, 4) for each in (q, k, v))
    sq, sk, sv = split
    scores = np.exp(sq @ sk.swapaxes(-1, -2) * 0.5)
    ours = ((scores / scores.sum(-1, keepdims=True)) @ sv).reshape(2, 6, 16)
    found = guess(ours, attended(q, k, v, 0.5), given, heads=4)
    assert found == variant("attention", {"heads": "not-moved"}, {"heads": "apart"})


def test_attention_over_two_sequences_with_another_number_of_heads() -> None:
    picture, text = RNG.standard_normal((2, 3, 2, 6, 16))
    names = [f"to_{each}" for each in "qkv"], [f"add_{each}_proj" for each in "qkv"]
    given = (*zip(names[0], picture, strict=True), *zip(names[1], text, strict=True))
    joined = [np.concatenate(pair, 1) for pair in zip(picture, text, strict=True)]
    theirs = attended(joined[0], joined[1], joined[2], 0.5)[:, :6]
    split = [each.reshape(2, 12, 2, 8).transpose(0, 2, 1, 3) for each in joined]
    scores = np.exp(split[0] @ split[1].swapaxes(-1, -2) * 8**-0.5)
    ours = (scores / scores.sum(-1, keepdims=True) @ split[2]).transpose(0, 2, 1, 3).reshape(2, 12, 16)[:, :6]
    found = guess(ours, theirs, given, heads=4)
    assert found == variant("attention", {"number-of-heads": "2"}, {"number-of-heads": "4"})


def test_permuted_rows_before_others_that_are_right() -> None:
    theirs = RNG.standard_normal((2, 16, 8))
    ours = theirs.copy()
    ours[:, :4] = theirs[:, :4].reshape(2, 8, 4).transpose(0, 2, 1)
    assert guess(ours, theirs) == kinds.Permuted((0, 2, 1))


def test_attention_of_pixels_without_its_scale_that_is_also_of_float16() -> None:
    qkv = RNG.standard_normal((2, 24, 3, 4))
    q, k, v = np.split(qkv.reshape(2, 24, 12).swapaxes(1, 2), 3, axis=-1)

    def made(scale: float) -> Array:
        scores = np.exp(q @ k.swapaxes(-1, -2) * scale)
        return np.asarray((scores / scores.sum(-1, keepdims=True) @ v).swapaxes(1, 2).reshape(2, 8, 3, 4))

    ours = made(1.0).astype(np.float16).astype(np.float32)
    found = first_fit(Observed((("to_qkv", qkv),), made(8**-0.5).astype(np.float32), ours, "float32"))
    assert found is not None
    assert found.mistake == variant("attention", {"scale": "1"}, {"scale": "1/sqrt(head-width)"})


def test_a_mask_of_attention_that_is_ignored() -> None:
    q, k, v = RNG.standard_normal((3, 2, 6, 16))
    mask = np.where(np.arange(6) < 4, 0.0, -10000.0).reshape(1, 1, 6).repeat(2, 0)
    given = (("attention_mask", mask), ("to_q", q), ("to_k", k), ("to_v", v))
    theirs = attended(q, k[:, :4], v[:, :4], 0.5)
    found = guess(attended(q, k, v, 0.5), theirs, given, heads=4)
    assert found == variant("attention", {"mask": "none"}, {"mask": "given"})


def test_another_padding_differs_at_the_border() -> None:
    ours = X.copy()
    ours[..., 0, :] += RNG.standard_normal(ours[..., 0, :].shape)
    ours[..., -1] += RNG.standard_normal(ours[..., -1].shape)
    assert guess(ours, X) == kinds.Border()


def test_a_part_of_the_rows_alone() -> None:
    ours = ROWS.copy()
    ours[:, 4:] += RNG.standard_normal(ours[:, 4:].shape)
    assert guess(ours, ROWS) == kinds.Part(1, 4, 5, 6)


def test_nothing_is_guessed_of_what_nothing_explains() -> None:
    assert guess(RNG.standard_normal(X.shape), X, (("x", RNG.standard_normal(X.shape)),)) is None


def test_other_shapes() -> None:
    found = [first_fit(Observed((), X, ours, "float32")) for ours in (X[..., 1:, :], X.transpose(0, 2, 3, 1))]
    assert [each and each.mistake for each in found] == [kinds.Border(), kinds.Permuted((0, 2, 3, 1))]


def test_nothing_is_guessed_of_other_shapes_single_numbers_and_nan() -> None:
    assert first_fit(Observed((), X, X[:1], "float32")) is None
    assert first_fit(Observed((), X[0, 0, 0, 0], X[0, 0, 0, 0], "float32")) is None
    broken = X.copy()
    broken[0, 0, 0, 0] = np.nan
    assert first_fit(Observed((), X, broken, "float32")) is None


@pytest.mark.parametrize("shape", [(1, 9, 36), (2, 8, 6, 7)])
def test_nothing_is_guessed_of_another_shape_with_other_values(shape: tuple[int, ...]) -> None:
    theirs = RNG.standard_normal((1, 8, 36) if len(shape) == 3 else X.shape)
    assert first_fit(Observed((), theirs, RNG.standard_normal(shape), "float32")) is None
    turned = RNG.standard_normal((2, 6, 6, 8)).astype(np.float32)
    assert first_fit(Observed((), X, turned, "float32")) is None


@pytest.mark.parametrize("shape", [(2,), (1, 3), (2, 2), (1, 4), (1, 1, 2)])
def test_nothing_is_fitted_to_a_few_values(shape: tuple[int, ...]) -> None:
    given = tuple((name, RNG.standard_normal(shape)) for name in "xyz")
    for _ in range(20):
        ours, theirs = RNG.standard_normal((2, *shape))
        found = first_fit(Observed(given, theirs, ours, "float32"))
        assert found is None or isinstance(found.mistake, kinds.Part)


def test_nothing_is_fitted_to_the_same_value_many_times() -> None:
    ones, others = np.full((2, 16), 2.0), RNG.standard_normal((2, 16))
    assert first_fit(Observed((), ones, ones + 1, "float32")) is None
    # All of it would be clipped.
    assert first_fit(Observed((), ones, others, "float32")) is None
    assert first_fit(Observed((), others, ones, "float32")) is None
    assert first_fit(Observed((), np.zeros((2, 16)), others, "float32")) is None


def test_a_few_round_numbers_are_not_half_precision() -> None:
    theirs = RNG.standard_normal((2, 4)).astype(np.float32)
    assert first_fit(Observed((), theirs, np.array([[0.5, 1, 2, 3], [4, 5, 6, 7]], "f4"), "float32")) is None
    far = to_bfloat16(RNG.standard_normal((4, 8)).astype(np.float32))
    assert first_fit(Observed((), RNG.standard_normal((4, 8)).astype(np.float32), far, "float32")) is None


def test_zeros_of_another_sign_are_no_mistake() -> None:
    zeros = np.zeros((2, 8), np.float32)
    assert first_fit(Observed((("x", zeros),), zeros, -zeros, "float32")) is None


def test_a_given_tensor_without_finite_values_hides_nothing() -> None:
    nan = np.full(X.shape, np.nan)
    found = guess(X - RNG.standard_normal((1, 8, 1, 1)), X, (("mask", nan), ("x", nan + 1)))
    assert found == kinds.ChannelOffset(1)


def test_no_shape_of_what_attention_was_given_is_too_odd() -> None:
    rng = np.random.default_rng(1)
    names = ("to_q", "to_k", "to_v", "add_q_proj", "add_k_proj", "add_v_proj", "attention_mask")
    for number in range(300):
        given = []
        for name in names:
            if name.startswith("to_") or rng.integers(2):
                shape = [int(rng.integers(1, 4)), int(rng.integers(3, 6)), int(rng.integers(1, 3)) * 4]
                given.append((name, rng.standard_normal(shape[: rng.integers(2, 4)])))
        ours, theirs = rng.standard_normal((2, int(rng.integers(1, 4)), int(rng.integers(2, 9)), 8))
        settings = {"heads": [4, 2, True, 0, "4"][number % 5], "num_groups": True, "eps": -1.0}
        found = first_fit(Observed(tuple(given), theirs, ours, "float32", "float32", settings))
        assert found is None or isinstance(found.mistake, kinds.Part)


def test_attention_with_too_many_scores_is_not_computed_again() -> None:
    q = np.zeros((1, 40000, 8), np.float32)
    given = (("to_q", q), ("to_k", q), ("to_v", q))
    theirs = RNG.standard_normal(q.shape).astype(np.float32)
    found = first_fit(Observed(given, theirs, theirs * 2, "float32", "float32", {"heads": 2}))
    assert found is not None
    assert found.mistake == kinds.Factor(2)


def test_a_large_tensor_is_tried_for_what_costs_little() -> None:
    theirs = RNG.standard_normal((3, 1 << 19)).astype(np.float32)
    halved = theirs.astype(np.float16).astype(np.float32)
    found = [first_fit(Observed((), theirs, ours, "float32")) for ours in (halved, theirs * 2)]
    assert [each and each.mistake for each in found] == [kinds.Rounded("float16"), kinds.Factor(2)]


def test_what_was_observed_survives_its_bytes() -> None:
    observed = Observed((("x", X), ("x", ROWS)), X, X * 2, "float32", "float32", {"heads": 4})
    back = Observed.from_bytes(observed.to_bytes())
    assert [name for name, _ in back.given] == ["x", "x"]
    assert back.settings == {"heads": 4}
    np.testing.assert_array_equal(back.ours, X * 2)
    np.testing.assert_array_equal(back.given[1][1], ROWS)
