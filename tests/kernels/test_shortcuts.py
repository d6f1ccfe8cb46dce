"""Shorter ways have the bits of the operators whose place they take."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest


def drawn(*shape: int, seed: int = 0, scale: float = 1.0) -> Any:
    from mindspore import Tensor

    return Tensor((np.random.default_rng(seed).standard_normal(shape) * scale).astype(np.float32))


def assert_same_bits(found: Any, expected: Any) -> None:
    assert found is not None, "left to MindSpore"
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found.asnumpy().view("i4"), expected.asnumpy().view("i4"))


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 16, 33, 77, 256])
@pytest.mark.parametrize("width", [1, 3, 8, 32, 37, 100, 128])
def test_a_linear_layer_has_the_bits_of_dense(mindspore, rows, width):
    from mindspore.ops import operations

    from harness.kernels.shortcuts import dense

    native = operations.Dense()
    for columns, lead in itertools.product((1, 2, 7, 16, 33, 128), ((), (1,), (2, 1))):
        x, weight, bias = drawn(*lead, rows, width), drawn(columns, width, seed=1), drawn(columns, seed=2)
        assert_same_bits(dense(native, x, weight, bias), native(x, weight, bias))
        assert_same_bits(dense(native, x, weight), native(x, weight, None))


def test_a_linear_layer_takes_views(mindspore):
    from mindspore.ops import operations

    from harness.kernels.shortcuts import dense

    native, x, weight = operations.Dense(), drawn(8, 6, 5).swapaxes(0, 1), drawn(5, 9, seed=1).swapaxes(0, 1)

    assert_same_bits(dense(native, x, weight), native(x, weight, None))


@pytest.mark.parametrize("shape", [(1, 3), (5, 16), (2, 3, 4, 5), (1, 16, 33, 2)], ids=str)
def test_a_bias_has_the_bits_of_bias_add(mindspore, shape):
    from mindspore.ops import operations

    from harness.kernels.shortcuts import bias_add

    native, x, bias = operations.BiasAdd(), drawn(*shape), drawn(shape[1], seed=1)

    assert_same_bits(bias_add(native, x, bias), native(x, bias))


@pytest.mark.parametrize("scale", [1, 10, 60, 100])
def test_silu_has_the_bits_of_mindspore(mindspore, scale):
    from mindspore.ops.auto_generate import gen_ops_prim

    from harness.kernels.shortcuts import silu

    native = gen_ops_prim.SiLU()
    for count in (*range(1, 40), 100, 1023, 4096, 65_537):
        x = drawn(count, scale=scale)
        assert_same_bits(silu(native, x), native(x))
    turned = drawn(9, 7).swapaxes(0, 1)
    assert_same_bits(silu(native, turned), native(turned))


@pytest.mark.parametrize("least", [0.0, -0.0, 1e-12, 0.1, -1e30, float("inf")])
def test_a_least_has_the_bits_of_clamp(mindspore, least):
    from mindspore import Tensor, mint

    from harness.kernels.shortcuts import clamp

    edges = Tensor(np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 0.1, -3.0, 1e-12], np.float32))
    for x in (edges, drawn(3, 5), drawn(3, 5).swapaxes(0, 1)):
        assert_same_bits(clamp(x, min=least), mint.clamp(x, min=least))
        native, shortcut = shortcut_of("ClampScalar")
        assert_same_bits(shortcut(native, x, least, None), native(x, least, None))
        assert shortcut(native, x, least, 3.0) is None


@pytest.mark.parametrize("name", ["Sqrt", "Neg"])
def test_a_function_of_each_value_has_the_bits_of_mindspore(mindspore, name):
    from mindspore import Tensor
    from mindspore.ops.auto_generate import gen_ops_prim

    from harness.kernels.shortcuts import SHORTCUTS

    primitive = getattr(gen_ops_prim, name)
    native, shortcut = primitive(), SHORTCUTS[primitive]
    for seed, count in enumerate((*range(1, 40), 1023, 4096)):
        values = np.abs(np.random.default_rng(seed).standard_normal(count)) * 10.0 ** (seed % 9 - 4)
        x = Tensor(values.astype(np.float32))
        assert_same_bits(shortcut(native, x), native(x))
    turned = Tensor(np.arange(6, dtype=np.float32).reshape(2, 3)).swapaxes(0, 1)
    assert_same_bits(shortcut(native, turned), native(turned))
    edges = Tensor(np.array([0.0, -0.0, np.inf, 1e30, 1e-30], np.float32))
    negative = Tensor(np.array([-1.0, -np.inf], np.float32))
    with np.errstate(all="ignore"):  # as where it is installed
        assert_same_bits(shortcut(native, edges), native(edges))
        np.testing.assert_array_equal(shortcut(native, negative).asnumpy(), native(negative).asnumpy())


@pytest.mark.parametrize("name", ["Zeros", "Ones"])
@pytest.mark.parametrize("dtype", [None, "float32", "float16", "int64", "bool_"])
@pytest.mark.parametrize("size", [(2, 3), [4], 5], ids=str)
def test_a_constant_is_that_of_mindspore(mindspore, name, dtype, size):
    from mindspore.ops.auto_generate import gen_ops_prim

    from harness.kernels.shortcuts import SHORTCUTS

    primitive = getattr(gen_ops_prim, name)
    asked = None if dtype is None else getattr(mindspore, dtype)
    found, expected = SHORTCUTS[primitive](primitive(), size, asked), primitive()(size, asked)

    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(found.asnumpy(), expected.asnumpy())


def shortcut_of(name: str) -> tuple[Any, Any]:
    """Return MindSpore's own primitive and what is put before it."""
    from mindspore.ops import operations
    from mindspore.ops.auto_generate import gen_ops_prim

    from harness.kernels.shortcuts import SHORTCUTS

    primitive = getattr(gen_ops_prim, name, None) or getattr(operations, name)
    return primitive(), SHORTCUTS[primitive]


def assert_equal(found: Any, expected: Any) -> None:
    assert found is not None, "left to MindSpore"
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(found.asnumpy(), expected.asnumpy())


@pytest.mark.parametrize(
    "shape", [(1, 1), (16, 32), (2, 77, 32), (3, 1, 7), (40, 200), (2, 4, 5, 6)], ids=str
)
@pytest.mark.parametrize("axis", [1, -1])
@pytest.mark.parametrize("epsilon", [1e-5, 1e-6, 1e-12])
def test_a_layer_norm_has_the_bits_of_mindspore(mindspore, shape, axis, epsilon):
    from mindspore.ops import operations

    from harness.kernels.norms import layer_norm

    native = operations.LayerNorm(axis, axis, epsilon)
    for seed in range(20):
        x = drawn(*shape, seed=seed, scale=10.0 ** (seed % 7 - 3)) + float(seed % 3) * 10
        scale, shift = drawn(*shape[axis:], seed=seed + 50), drawn(*shape[axis:], seed=seed + 80)
        for found, expected in zip(layer_norm(native, x, scale, shift), native(x, scale, shift), strict=True):
            assert_same_bits(found, expected)


def test_a_layer_norm_of_a_constant_has_the_bits_of_mindspore(mindspore):
    from mindspore import Tensor
    from mindspore.ops import operations

    from harness.kernels.norms import layer_norm

    native, x = operations.LayerNorm(1, 1, 1e-5), Tensor(np.full((3, 48), 0.1, np.float32))
    for found, expected in zip(layer_norm(native, x, x[0], x[1]), native(x, x[0], x[1]), strict=True):
        assert_same_bits(found, expected)


def test_other_layer_norms_are_left_to_mindspore(mindspore):
    from mindspore.ops import operations

    from harness.kernels.norms import layer_norm

    native, x, row = operations.LayerNorm(1, 1), drawn(3, 8), drawn(8)

    assert layer_norm(native, x.astype(mindspore.float16), row, row) is None
    assert layer_norm(native, drawn(1025, 8), row, row) is None
    assert layer_norm(operations.LayerNorm(0, 1), x, row, row) is None
    assert layer_norm(operations.LayerNorm(0, 0), x, x, x) is None
    assert layer_norm(native, x, drawn(4), row) is None


SIDES = (1, 2, 7, 16, 33, 77)


@pytest.mark.parametrize("batch", [(), (1,), (5,), (2, 4), (1, 3, 2)], ids=str)
def test_a_product_has_the_bits_of_mindspore(mindspore, batch):
    native, shortcut = shortcut_of("MatMulExt")
    for rows, between, columns in itertools.product(SIDES, SIDES, SIDES):
        x, y = drawn(*batch, rows, between), drawn(*batch, between, columns, seed=1)
        assert_same_bits(shortcut(native, x, y), native(x, y))
    turned = drawn(*batch, 9, 7, seed=2).swapaxes(-1, -2)
    assert_same_bits(
        shortcut(native, turned, turned.swapaxes(-1, -2)), native(turned, turned.swapaxes(-1, -2))
    )


def test_other_products_are_left_to_mindspore(mindspore):
    native, shortcut = shortcut_of("MatMulExt")
    x = drawn(2, 3, 4)

    assert shortcut(native, x, drawn(4, 5)) is None
    assert shortcut(native, x, drawn(1, 4, 5)) is None
    assert shortcut(native, x, x) is None
    assert shortcut(native, drawn(4), drawn(4)) is None
    assert shortcut(native, x.astype(mindspore.float16), drawn(2, 4, 3)) is None


def test_a_view_in_another_shape_is_that_of_mindspore(mindspore):
    from mindspore import Tensor

    from harness.kernels.shortcuts import reshape

    native, contiguous = shortcut_of("Contiguous")
    for dtype in (np.float32, np.int64, np.bool_):
        view = Tensor(np.arange(24).reshape(2, 3, 4).astype(dtype)).swapaxes(0, 2)
        for shape in ((24,), ((6, 4),), ([3, -1],), (-1,), (2, 3, 4), (-1, 2)):
            assert_equal(reshape(view, *shape), view.reshape(*shape))
        assert_equal(contiguous(native, view), native(view))
        assert contiguous(native, view).is_contiguous()
        part = view[:, 1:2]
        assert_equal(reshape(part, -1), part.reshape(-1))
        copy = reshape(view, 24)
        copy[0] = 1
        np.testing.assert_array_equal(view.asnumpy().ravel()[:1], np.zeros(1, dtype))


@pytest.mark.parametrize(
    "padding", [(1, 2), (0, 0, 3, 1), (-1, 2, 1, -1), (1, 1, 0, 2, 2, 0), (-3, -1), (0, 0, 0, 0, -2, 0)]
)
@pytest.mark.parametrize("value", [0.0, -1.5, float("inf")])
def test_a_margin_is_that_of_numpy(mindspore, padding, value):
    from harness.kernels.shapes import constant_pad

    x = drawn(2, 3, 5)
    pairs = [(0, 0)] * (3 - len(padding) // 2) + [*np.reshape(padding, (-1, 2))[::-1]]
    kept = x.asnumpy()[
        tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(x.shape, pairs, strict=True))
    ]
    expected = np.pad(kept, np.maximum(pairs, 0), constant_values=value)

    assert_equal(constant_pad(x, padding, value), mindspore.Tensor(expected))


def test_other_shapes_are_left_to_mindspore(mindspore):
    from harness.kernels.shortcuts import reshape

    view = drawn(2, 3).swapaxes(0, 1)
    native, contiguous = shortcut_of("Contiguous")

    assert reshape(drawn(2, 3), 6) is None
    assert reshape(view, 7) is None
    assert reshape(view, shape=(6,)) is None
    assert reshape(view) is None
    assert reshape(view, mindspore.Tensor([6])) is None
    assert contiguous(native, drawn(2, 3)) is None


@pytest.mark.parametrize(
    "shapes", [((6,), (6,), (6,)), ((4, 1), (1, 5), ()), ((2, 3), (3,), (2, 1))], ids=str
)
@pytest.mark.parametrize(
    "dtypes", [("f4", "f4"), ("i8", "i8"), ("?", "?"), ("i4", "i8"), ("i8", "i4")], ids=str
)
def test_a_choice_is_that_of_mindspore(mindspore, shapes, dtypes):
    from mindspore import Tensor

    native, shortcut = shortcut_of("Select")
    rng = np.random.default_rng(0)
    condition = Tensor(rng.random(shapes[0]) < 0.5)
    x, y = (Tensor((rng.normal(size=s) * 3).astype(d)) for s, d in zip(shapes[1:], dtypes, strict=True))
    if dtypes[0] != dtypes[1] and () in shapes:
        assert shortcut(native, condition, x, y) is None
    else:
        assert_equal(shortcut(native, condition, x, y), native(condition, x, y))


def test_other_choices_are_left_to_mindspore(mindspore):
    from mindspore import Tensor

    native, shortcut = shortcut_of("Select")
    condition, x = Tensor([True, False]), drawn(2)

    assert shortcut(native, condition, x, 0.0) is None
    assert shortcut(native, condition, x, Tensor([1, 2])) is None
    assert shortcut(native, x, x, x) is None
    assert shortcut(native, condition, x, drawn(3)) is None


@pytest.mark.parametrize("dtype", ["f4", "i8", "?"])
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("places", [3, [0, 2, 2, 1], [[1, 0], [2, 2]]], ids=str)
@pytest.mark.parametrize("kind", ["i4", "i8"])
def test_places_along_an_axis_are_those_of_mindspore(mindspore, dtype, axis, places, kind):
    from mindspore import Tensor

    native, shortcut = shortcut_of("Gather")
    x = Tensor((np.random.default_rng(0).normal(size=(4, 5, 6)) * 3).astype(dtype))
    indices = Tensor(np.array(places, kind))

    assert_equal(shortcut(native, x, indices, axis), native(x, indices, axis))


def test_other_places_are_left_to_mindspore(mindspore):
    from mindspore import Tensor
    from mindspore.ops import operations

    native, shortcut = shortcut_of("Gather")
    x = drawn(4, 5)

    assert shortcut(native, x, Tensor([4]), 0) is None
    assert shortcut(native, x, Tensor([-1]), 0) is None
    assert shortcut(native, x, Tensor([1]), Tensor(0)) is None
    assert shortcut(operations.Gather(1), x, Tensor([[1]] * 4), 1) is None


@pytest.mark.parametrize("dtype", ["?", "i4", "i8"])
def test_the_common_bits_are_those_of_mindspore(mindspore, dtype):
    from mindspore import Tensor

    native, shortcut = shortcut_of("BitwiseAnd")
    rng = np.random.default_rng(0)
    x, y = (Tensor(rng.integers(-4, 4, shape).astype(dtype)) for shape in ((5, 7), (7,)))

    assert_equal(shortcut(native, x, y), native(x, y))
    assert shortcut(native, x, 1) is None
    assert shortcut(native, x, drawn(7)) is None


def test_a_range_is_that_of_mindspore(mindspore):
    from mindspore import ops

    from harness.kernels.shortcuts import make_range

    assert make_range(0, 4) == tuple(ops.make_range(0, 4))
    assert make_range(3) == tuple(ops.make_range(3))
    assert make_range(drawn(1)) is None


def test_other_operands_are_left_to_mindspore(mindspore):
    from mindspore.ops import operations
    from mindspore.ops.auto_generate import gen_ops_prim

    from harness.kernels.arithmetic import MOST_VALUES
    from harness.kernels.shortcuts import SHORTCUTS, bias_add, clamp, dense, silu

    linear, biased, activation = operations.Dense(), operations.BiasAdd(), gen_ops_prim.SiLU()
    x, half, large = drawn(2, 3), drawn(2, 3).astype(mindspore.float16), drawn(MOST_VALUES + 1)

    assert dense(linear, half, drawn(4, 3)) is None
    assert dense(linear, x, drawn(4, 5)) is None
    assert dense(linear, drawn(3), drawn(4, 3)) is None
    assert dense(linear, x, drawn(4, 3), drawn(3)) is None
    assert dense(linear, x, drawn(MOST_VALUES // 3 + 1, 3)) is None
    assert bias_add(biased, half, drawn(3)) is None
    assert bias_add(biased, drawn(2, 3, 4), drawn(3)) is None
    assert bias_add(operations.BiasAdd("NHWC"), drawn(2, 3, 3, 3), drawn(3)) is None
    assert silu(activation, half) is None
    assert clamp(half, min=0.1) is None
    assert clamp(x, min=0.1, max=0.2) is None
    assert clamp(x, min=1) is None
    assert clamp(large, min=0.1) is None
    root, zeros = gen_ops_prim.Sqrt, gen_ops_prim.Zeros
    assert SHORTCUTS[root](root(), half) is None
    assert SHORTCUTS[root](root(), large) is None
    assert SHORTCUTS[zeros](zeros(), mindspore.Tensor([2, 3])) is None
    assert SHORTCUTS[zeros](zeros(), (0, 3)) is None
    assert SHORTCUTS[zeros](zeros(), ()) is None
    assert SHORTCUTS[zeros](zeros(), (2, 3), mindspore.complex64) is None


def test_dense_calls_no_more_than_a_product(mindspore, monkeypatch):
    """Were it to call Dense after all, its bits would prove nothing."""
    from mindspore.ops import operations

    from harness.kernels import shortcuts

    def forbidden(*args: Any) -> Any:
        raise AssertionError("MindSpore's own was called")

    native = operations.Dense()
    monkeypatch.setattr(operations.Dense, "__call__", forbidden)
    assert shortcuts.dense(native, drawn(2, 3), drawn(4, 3)).shape == (2, 4)
