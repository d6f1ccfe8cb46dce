"""Arrays and tensors that share memory: what is written into one is seen in the other, or never is."""

from __future__ import annotations

import gc
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest


@pytest.mark.parametrize(
    "name", ["bool_", "int8", "uint8", "int16", "int32", "int64", "float16", "float32", "float64", "bfloat16"]
)
@pytest.mark.parametrize("shape", [(), (0, 3), (1,), (2, 3, 4)], ids=str)
def test_an_array_has_the_values_of_its_tensor(mindspore, name, shape):
    from harness.kernels.memory import array_of

    count = int(np.prod(shape))
    tensor = mindspore.Tensor((np.arange(count) % 2).reshape(shape)).astype(getattr(mindspore, name))

    found = array_of(tensor)

    assert found.dtype == tensor.asnumpy().dtype
    assert found.shape == shape
    np.testing.assert_array_equal(found, tensor.asnumpy())


def test_an_array_of_a_view_has_its_values(mindspore):
    from harness.kernels.memory import array_of

    x = mindspore.Tensor(np.arange(120, dtype=np.float32).reshape(4, 5, 6))
    whole = array_of(x)
    for view, expected in (
        (x.swapaxes(0, 2), whole.swapaxes(0, 2)),
        (x[1:3, ::2, 3], whole[1:3, ::2, 3]),
        (x[:, 2:3].broadcast_to((4, 5, 6)), np.broadcast_to(whole[:, 2:3], (4, 5, 6))),
        (x[:, 4], whole[:, 4]),
    ):
        np.testing.assert_array_equal(array_of(view), expected)
        np.testing.assert_array_equal(array_of(view), view.asnumpy())


def test_an_array_outlives_its_tensor(mindspore):
    from harness.kernels.memory import array_of

    arrays = [array_of(mindspore.Tensor(np.full(1000, each, np.float32)) + 0.0) for each in range(50)]
    gc.collect()
    again = [mindspore.Tensor(np.zeros(1000, np.float32)) + 0.0 for _ in range(50)]

    assert [each[-1] for each in arrays] == list(range(50))
    assert len(again) == 50


def test_an_array_sees_what_is_written_into_its_tensor(mindspore):
    from harness.kernels.memory import array_of

    x = mindspore.Tensor(np.zeros(3, np.float32))
    x.assign_value(mindspore.Tensor(np.ones(3, np.float32)))
    np.testing.assert_array_equal(array_of(x), [1, 1, 1])
    x[1] = 5.0
    np.testing.assert_array_equal(array_of(x), [1, 5, 1])
    parameter = mindspore.Parameter(x, name="weight")
    parameter.set_data(mindspore.Tensor(np.full(3, 7, np.float32)))
    np.testing.assert_array_equal(array_of(parameter), [7, 7, 7])


def test_values_that_are_not_made_yet_are_made(mindspore):
    from mindspore.common.initializer import One

    from harness.kernels.memory import array_of

    tensor = mindspore.Tensor(shape=(2, 3), dtype=mindspore.float32, init=One())

    np.testing.assert_array_equal(array_of(tensor), np.ones((2, 3)))


def test_a_tensor_takes_the_memory_of_an_array_of_its_own(mindspore):
    from harness.kernels.memory import tensor_of

    array = np.arange(6, dtype=np.float32)
    tensor = tensor_of(array)
    array[0] = 9

    np.testing.assert_array_equal(tensor.asnumpy(), [9, 1, 2, 3, 4, 5])


@pytest.mark.parametrize("kind", ["slice", "turned", "read-only", "of a tensor", "broadcast"])
def test_a_tensor_shares_nothing_with_what_others_hold(mindspore, kind):
    from harness.kernels.memory import array_of, tensor_of

    whole = np.arange(6, dtype=np.float32).reshape(2, 3)
    held = mindspore.Tensor(whole.copy())
    frozen = whole.copy()
    frozen.setflags(write=False)
    array = {
        "slice": whole[:1],
        "turned": whole.T,
        "read-only": frozen,
        "of a tensor": array_of(held),
        "broadcast": np.broadcast_to(whole[0], (4, 3)),
    }[kind]
    expected = array.copy()

    tensor = tensor_of(array)
    tensor[0] = -1.0

    np.testing.assert_array_equal(array, expected)
    np.testing.assert_array_equal(held.asnumpy(), whole)


def test_memory_is_not_read_where_it_may_still_be_written(mindspore: Any, monkeypatch: Any) -> None:
    from harness.kernels import memory

    if mindspore.__version__ == "2.10.0":
        assert memory._one_memory.__wrapped__()
    asynchronous = SimpleNamespace(get_instance=lambda: SimpleNamespace(is_launch_blocking=lambda: False))
    monkeypatch.setattr(memory, "RuntimeConf", asynchronous)
    assert not memory._one_memory.__wrapped__()
