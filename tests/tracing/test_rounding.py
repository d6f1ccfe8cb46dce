"""How far rounding moves what a cell does, measured on the cell's own operations alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.tracing.rounding import Answer, own_rounding


@pytest.fixture
def ms(mindspore: Any) -> Any:
    return mindspore


def tensor(ms: Any, *values: float) -> Any:
    return ms.Tensor(np.array(values, np.float32))


def moved(found: Any) -> float:
    assert found is not None
    (value,) = found.output
    assert value is not None
    return float(value)


def test_a_sum_that_cancels_moves_more_than_its_inputs(ms: Any) -> None:
    class Minus(ms.nn.Cell):  # type: ignore[misc, name-defined]
        def construct(self, x: Any) -> Any:
            return x - 1

    sound = own_rounding(Minus(), (tensor(ms, 3, 5, 7),), {}, [], tensor(ms, 2, 4, 6))
    assert 1e-8 < moved(sound) < 1e-6
    near = tensor(ms, 1.001, 1.002, 1.003)
    assert moved(own_rounding(Minus(), (near,), {}, [], near - 1)) > 1e-5


def test_whole_numbers_are_not_moved_where_a_cell_has_parameters(ms: Any) -> None:
    class Scaled(ms.nn.Cell):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.scale = ms.Parameter(tensor(ms, 0.5))

        def construct(self, index: Any) -> Any:
            return index.astype(ms.float32) * self.scale

    index = ms.Tensor(np.array([1, 2], np.int32))
    assert moved(own_rounding(Scaled(), (index,), {}, [], Scaled()(index))) == 0


def test_whole_timesteps_are_moved_where_they_can_be_no_indices(ms: Any) -> None:
    class Waves(ms.nn.Cell):  # type: ignore[misc, name-defined]
        def construct(self, t: Any) -> Any:
            return ms.ops.sin(t.astype(ms.float32))

    steps = ms.Tensor(np.array([981, 961], np.int64))
    assert moved(own_rounding(Waves(), (steps,), {}, [], Waves()(steps))) > 1e-6


def test_cells_inside_give_what_they_gave(ms: Any) -> None:
    class Outer(ms.nn.Cell):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.inner = ms.nn.ReLU()

        def construct(self, x: Any) -> Any:
            return self.inner(x * 3) + x

    outer, x = Outer(), tensor(ms, 1, 2, 4)
    answer = Answer((x * 3,), {}, tensor(ms, 10, 20, 40), place=0)
    # Not what the inner cell would compute, so the output shows that it was not called.
    found = own_rounding(outer, (x,), {}, [answer], tensor(ms, 11, 22, 44))
    assert 0 < moved(found) < 1e-6
    assert found is not None
    assert len(found.arguments) == 1
    assert found.arguments[0][0] is not None
    assert own_rounding(outer, (x,), {}, [], tensor(ms, 11, 22, 44)) is None
    assert own_rounding(outer, (x,), {}, [answer, answer], tensor(ms, 11, 22, 44)) is None
