"""Arithmetic by numpy has the bits of MindSpore's own, along every way to it."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[1] / "data" / "mint" / "run_arithmetic.py"
UFUNCS = {"__add__": np.add, "__sub__": np.subtract, "__mul__": np.multiply, "__truediv__": np.divide}
SHAPES = [
    ((1,), (1,)), ((7,), (7,)), ((3, 5), (5,)), ((3, 1), (1, 5)), ((2, 3, 4), (3, 1)),
    ((2, 16, 32), (2, 16, 32)),
    ((), (4,)), ((4,), ()), ((1, 1000), (40, 1)), ((2, 1, 3, 1), (5, 1, 7)),
]  # fmt: skip
NUMBERS = [0.1, 1 / 3, 2.5, -7.0, 1e-30, 1e30, 1 + 2.0**-24, 1 + 2.0**-24 + 2.0**-50, 3, -1, 1 << 24]
LEAST = np.finfo(np.float32).tiny


def native(name: str) -> Any:
    from mindspore import Tensor

    return getattr(Tensor, name)  # nothing is installed in this process


def forbidden(*args: Any) -> Any:
    raise AssertionError("MindSpore's own was called")


def values(shape: tuple[int, ...], seed: int, *, divisor: bool = False) -> Any:
    """Return a tensor with values of all sizes, among them zeros, infinities and NaN, but no subnormals."""
    from mindspore import Tensor

    rng = np.random.default_rng(seed)
    with np.errstate(all="ignore"):
        spread = (rng.normal(size=shape) * 10.0 ** rng.uniform(-37, 38, shape)).astype(np.float32)
    plain = rng.normal(size=shape).astype(np.float32)
    edges = rng.choice(np.array([0.0, -0.0, 1.0, np.inf, -np.inf, np.nan, 3.4e38], np.float32), shape)
    kind = rng.integers(0, 8, shape)
    mixed = np.where(kind == 0, edges, np.where(kind < 3, spread, plain))
    mixed = np.where(np.abs(mixed) < LEAST, np.copysign(0, mixed), mixed)
    return Tensor(np.where(mixed == 0, 1, mixed).astype(np.float32) if divisor else mixed.astype(np.float32))


def assert_same_bits(found: Any, expected: Any) -> None:
    """Fail unless both have the same bits; NaN is NaN, and subnormals may be zero in MindSpore's."""
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    ours, theirs = found.asnumpy(), expected.asnumpy()
    flushed = (np.abs(ours) < LEAST) & (theirs == 0) & (np.signbit(ours) == np.signbit(theirs))
    same = (ours.view("i4") == theirs.view("i4")) | (np.isnan(ours) & np.isnan(theirs)) | flushed
    assert same.all(), (ours[~same][:3], theirs[~same][:3])


@pytest.mark.parametrize("name", UFUNCS)
@pytest.mark.parametrize(("left", "right"), SHAPES, ids=str)
def test_two_tensors_have_the_bits_of_mindspore(mindspore, name, left, right):
    from harness.kernels.arithmetic import by_numpy

    for seed in range(20):
        x, y = values(left, seed), values(right, seed + 100, divisor=name == "__truediv__")
        assert_same_bits(by_numpy(UFUNCS[name], forbidden)(x, y), native(name)(x, y))


@pytest.mark.parametrize("name", UFUNCS)
@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_has_the_bits_of_mindspore(mindspore, name, number):
    from harness.kernels.arithmetic import by_numpy

    x = values((50, 40), 3)

    assert_same_bits(by_numpy(UFUNCS[name], forbidden)(x, number), native(name)(x, number))


@pytest.mark.parametrize("name", UFUNCS)
def test_large_tensors_have_the_bits_of_mindspore(mindspore, name):
    from harness.kernels.arithmetic import by_numpy

    x, y = values((300, 1000), 1), values((300, 1000), 2, divisor=name == "__truediv__")

    assert_same_bits(by_numpy(UFUNCS[name], forbidden)(x, y), native(name)(x, y))


def integers(shape: tuple[int, ...], dtype: Any, seed: int) -> Any:
    from mindspore import Tensor

    of_all, small = np.iinfo(dtype), np.random.default_rng(seed).integers(-3, 4, shape, dtype)
    drawn = np.random.default_rng(seed + 1).integers(of_all.min, of_all.max, shape, dtype, endpoint=True)
    return Tensor(np.where(np.random.default_rng(seed + 2).random(shape) < 0.7, small, drawn).astype(dtype))


def assert_equal(found: Any, expected: Any) -> None:
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(found.asnumpy(), expected.asnumpy())


INTEGER_OPERATORS = {name: UFUNCS[name] for name in ("__add__", "__sub__", "__mul__")}
COMPARISONS = {
    "eq": np.equal, "__lt__": np.less, "__le__": np.less_equal, "__gt__": np.greater,
    "__ge__": np.greater_equal,
}  # fmt: skip


@pytest.mark.parametrize("name", INTEGER_OPERATORS | COMPARISONS)
@pytest.mark.parametrize(
    ("left", "right"), [(np.int32, np.int32), (np.int64, np.int64), (np.int32, np.int64)]
)
def test_integers_are_those_of_mindspore(mindspore, name, left, right):
    from harness.kernels.arithmetic import by_numpy

    operate = by_numpy((INTEGER_OPERATORS | COMPARISONS)[name], forbidden)
    for seed, shapes in enumerate((((7,), (7,)), ((3, 5), (5,)), ((3, 1), (1, 400)))):
        x, y = integers(shapes[0], left, seed), integers(shapes[1], right, seed + 9)
        assert_equal(operate(x, y), native(name)(x, y))
        assert_equal(operate(y, x), native(name)(y, x))
    among = by_numpy(operate_of(name), native(name))
    for x, y in itertools.product((integers((), left, 3), integers((4,), left, 3)), repeat=2):
        for other in (y, y.astype(mindspore.int32), y.astype(mindspore.int64)):
            assert_equal(among(x, other), native(name)(x, other))
            assert_equal(among(other, x), native(name)(other, x))


def operate_of(name: str) -> Any:
    return (INTEGER_OPERATORS | COMPARISONS)[name]


@pytest.mark.parametrize("name", INTEGER_OPERATORS | COMPARISONS)
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("number", [0, 1, -3, 2**31 - 1, -(2**31)])
def test_an_integer_beside_a_number_is_that_of_mindspore(mindspore, name, dtype, number):
    from harness.kernels.arithmetic import by_numpy

    x = integers((4, 9), dtype, 1)

    assert_equal(by_numpy(operate_of(name), forbidden)(x, number), native(name)(x, number))


@pytest.mark.parametrize("name", COMPARISONS)
def test_comparisons_are_those_of_mindspore(mindspore, name):
    from harness.kernels.arithmetic import by_numpy

    operate = by_numpy(COMPARISONS[name], forbidden)
    for seed in range(10):
        x, y = values((40, 50), seed), values((50,), seed + 1)
        assert_equal(operate(x, y), native(name)(x, y))
        assert_equal(operate(x, x), native(name)(x, x))
    for number in (0.0, -0.0, 0.5, -7.0, 1.0, 0, 3, -1):
        assert_equal(operate(x, number), native(name)(x, number))


@pytest.mark.parametrize("number", [0.1, 1 + 2.0**-30, 2**24 + 1, 2**31, True, 1e-40])
def test_comparisons_with_numbers_that_the_dtype_does_not_hold_are_left_to_mindspore(mindspore, number):
    from mindspore import Tensor

    from harness.kernels.arithmetic import by_numpy

    kinds = [np.float32] if number != 2**31 else [np.int32, np.int64]
    for kind in kinds:
        with pytest.raises(AssertionError, match="own was called"):
            by_numpy(np.less, forbidden)(Tensor(np.ones(3, kind)), number)


def test_views_have_the_bits_of_mindspore(mindspore):
    from harness.kernels.arithmetic import by_numpy

    x = values((4, 6, 8), 1)
    views = [
        x.swapaxes(0, 2)[:4, :, :4],
        x[:, ::2, 1:5].swapaxes(1, 2),
        x[1],
        x[:, 1:2].broadcast_to((4, 6, 8)),
    ]
    for view in views:
        for name in ("__add__", "__mul__"):
            assert_same_bits(by_numpy(UFUNCS[name], forbidden)(view, view), native(name)(view, view))


def test_operands_are_left_as_they_were(mindspore):
    from mindspore import Parameter, Tensor

    from harness.kernels.arithmetic import by_numpy

    x = Parameter(Tensor(np.ones((2, 3), np.float32)), name="weight")
    total = by_numpy(np.add, forbidden)(x, x)
    total[0] = 9.0

    np.testing.assert_array_equal(x.asnumpy(), np.ones((2, 3)))
    np.testing.assert_array_equal(total.asnumpy(), [[9] * 3, [2] * 3])
    assert not isinstance(total, Parameter)


@pytest.mark.parametrize(
    "case",
    [
        "float16",
        "float64",
        "int64",
        "integers",
        "large",
        "empty",
        "subnormal",
        "large integer",
        "bool",
        "zero",
        "zeros",
        "shapes",
        "option",
    ],
)
def test_the_rest_is_left_to_mindspore(mindspore, case):
    from mindspore import Tensor

    from harness.kernels.arithmetic import MOST_OF_ARITHMETIC, by_numpy

    single = Tensor(np.ones(3, np.float32))
    operands = {
        "float16": (single, Tensor(np.ones(3, np.float16))),
        "float64": (Tensor(np.ones(3)), 1.0),
        "int64": (single, Tensor(np.ones(3, np.int64))),
        "integers": (Tensor(np.ones(3, np.int64)), Tensor(np.ones(3, np.int64))),
        "large": (Tensor(np.ones(MOST_OF_ARITHMETIC + 1, np.float32)), 1.0),
        "empty": (Tensor(np.ones(0, np.float32)), 1.0),
        "subnormal": (single, 1e-40),
        "large integer": (single, (1 << 24) + 1),
        "bool": (single, True),
        "zero": (single, -0.0),
        "zeros": (single, Tensor(np.array([1, 0, 1], np.float32))),
        "shapes": (single, Tensor(np.ones(4, np.float32))),
        "option": (single, single, 2),
    }[case]

    with pytest.raises(AssertionError, match="own was called"):
        by_numpy(np.divide, forbidden)(*operands)


def test_overflow_is_not_warned_of(mindspore, recwarn):
    from mindspore import Tensor

    from harness.kernels.arithmetic import by_numpy

    by_numpy(np.multiply, forbidden)(Tensor(np.full(3, 1e38, np.float32)), 1e38)

    assert not recwarn.list


def test_every_operator_is_led_here():
    done = subprocess.run(
        [sys.executable, str(SCRIPT)], capture_output=True, text=True, check=False, timeout=120
    )

    assert not done.returncode, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert set(told["before"].values()) == {0}
    assert set(told["installed"].values()) == {1}
    assert told["same"]
