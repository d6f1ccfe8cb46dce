"""Casts by numpy have the bits of MindSpore's own, along every way to a cast."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

DATA = Path(__file__).parents[1] / "data" / "mint"
DTYPES = ("bool_", "int8", "uint8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64")
PAIRS = [
    pytest.param(own, other, id=f"{own}-{other}")
    for own, other in itertools.permutations(DTYPES, 2)
]  # fmt: skip


def native(value: Any, dtype: Any) -> Any:
    from mindspore._c_expression import TensorPy

    method = vars(TensorPy).get("to") or vars(TensorPy)["_to"]
    return method(value, dtype)


def values(own: str) -> Any:
    """Return values that are hard to cast, among them those halfway between two of a narrower dtype."""
    import mindspore as ms
    from mindspore import Tensor

    rng = np.random.default_rng(5)
    if own == "bool_":
        return Tensor(rng.integers(0, 2, 100).astype(bool))
    if "int" in own:
        ends = np.iinfo(own)
        edges = np.array([ends.min, ends.min + 1, -1 if ends.min else 1, 0, 1, ends.max - 1, ends.max], own)
        return Tensor(np.concatenate([edges, rng.integers(ends.min, ends.max, 5000, dtype=own)]))
    halves = rng.integers(0, 0x7BFF, 2000).astype(np.uint16)
    middle = (halves.view(np.float16).astype(float) + (halves + 1).astype(np.uint16).view(np.float16)) / 2
    spread = rng.normal(size=2000) * 10.0 ** rng.uniform(-50, 50, 2000)
    edges = np.array(
        [0.0, -0.0, np.inf, -np.inf, np.nan, 65504, 65519.99, 65520, 65536, 3.4028235677973366e38, 1e-45,
         7e-46, 2.0**-24, 2.0**-25, 1 + 2.0**-11, 1 + 2.0**-24, 1 + 2.0**-24 + 2.0**-50, 1 + 2.0**-8]
    )  # fmt: skip
    every = np.concatenate([edges, middle, middle * (1 + 2.0**-30), middle * (1 - 2.0**-30), spread, -middle])
    with np.errstate(over="ignore"):
        if own != "bfloat16":
            return Tensor(every.astype(own))
        return native(Tensor(every.astype(np.float32)), ms.bfloat16)


def bits(value: Any) -> Any:
    """Return the values as integers, every NaN as one."""
    import mindspore as ms

    if value.dtype == ms.bfloat16:
        value = native(value, ms.float32)
    array = value.asnumpy()
    if array.dtype.kind == "f":
        return np.where(np.isnan(array), -1, array.view(f"i{array.itemsize}"))
    return array


@pytest.mark.parametrize(("own", "other"), PAIRS)
def test_a_cast_has_the_bits_of_mindspore(mindspore, own, other):
    from harness.kernels import casting

    value, dtype = values(own), getattr(mindspore, other)
    expected = native(value, dtype)

    found = casting.cast(native, value, dtype)

    assert found.dtype == dtype
    np.testing.assert_array_equal(bits(found), bits(expected))


def test_what_is_cast_is_left_as_it_was(mindspore):
    from mindspore import Tensor

    from harness.kernels import casting

    value = Tensor(np.arange(6, dtype=np.float32).reshape(2, 3))
    turned = value.swapaxes(0, 1)

    cast = casting.cast(native, turned, mindspore.float64)
    cast[0] = 9.0

    np.testing.assert_array_equal(turned.asnumpy(), [[0, 3], [1, 4], [2, 5]])
    np.testing.assert_array_equal(cast.asnumpy(), [[9, 9], [1, 4], [2, 5]])


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (1,), (40_000,)], ids=str)
def test_a_cast_keeps_the_shape(mindspore, shape):
    from mindspore import Tensor

    from harness.kernels import casting

    cast = casting.cast(native, Tensor(np.ones(shape, np.float32)), mindspore.float16)

    assert cast.shape == shape
    assert cast.dtype == mindspore.float16
    np.testing.assert_array_equal(cast.asnumpy(), np.ones(shape, np.float16))


def test_small_casts_do_not_go_to_mindspore(mindspore):
    from mindspore import Tensor

    from harness.kernels import casting

    def forbidden(value: Any, dtype: Any) -> Any:
        raise AssertionError("MindSpore's own cast was called")

    assert (
        casting.cast(forbidden, Tensor(np.ones(3, np.float32)), mindspore.float16).dtype == mindspore.float16
    )
    with pytest.raises(AssertionError, match="own cast"):
        casting.cast(forbidden, Tensor(np.ones(casting.MOST_VALUES + 1, np.float32)), mindspore.float16)
    with pytest.raises(AssertionError, match="own cast"):
        casting.cast(forbidden, Tensor(np.ones(3, np.float32)), mindspore.int32)


def test_a_parameter_is_cast_to_a_tensor(mindspore):
    from mindspore import Tensor

    from harness.kernels import casting

    cast = casting.cast(
        native, mindspore.Parameter(Tensor(np.ones(3, np.float32)), name="weight"), mindspore.float16
    )

    assert not isinstance(cast, mindspore.Parameter)


def test_every_way_to_cast_is_led_here():
    command = [sys.executable, str(DATA / "run_casting.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    assert not done.returncode, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "before": {"ops.cast": 0, "Cast": 0, "to": 0, "astype": 0, "half": 0, "float": 0},
        "installed": {"ops.cast": 1, "Cast": 1, "to": 1, "astype": 1, "half": 1, "float": 1},
    }
