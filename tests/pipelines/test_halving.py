"""Guidance in two calls: the model gets each half by itself, and the pipeline one result."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from harness.pipelines.halving import NeverDoubled, halved


@dataclass
class Result:
    sample: Any
    name: str = "kept"


def made(ms: Any) -> Any:
    class Model(ms.nn.Cell):
        def __init__(self) -> None:
            super().__init__()
            self.rows: list[Any] = []

        def construct(self, sample: Any, timestep: Any, added: Any = None) -> Any:
            self.rows.append((sample.shape[0], timestep.shape, None if added is None else added["ids"].shape))
            total = sample * 2 + (0 if added is None else added["ids"])
            return Result(total), [total, timestep]

    return SimpleNamespace(unet=Model())


def test_each_half_is_a_call_of_its_own_and_the_result_is_one(mindspore: Any) -> None:
    pipeline = made(mindspore)
    rows = mindspore.Tensor(np.arange(12, dtype=np.float32).reshape(4, 3))
    shared, ids = mindspore.Tensor(np.float32(9)), mindspore.Tensor(np.ones((4, 1), np.float32))
    expected, _ = pipeline.unet(rows, shared, added={"ids": ids})
    with halved("a pipeline", pipeline, 2):
        found, (total, timestep) = pipeline.unet(rows, shared, added={"ids": ids})
    assert pipeline.unet.rows == [(4, (), (4, 1)), (2, (), (2, 1)), (2, (), (2, 1))]
    assert np.array_equal(found.sample.asnumpy(), expected.sample.asnumpy())
    assert np.array_equal(total.asnumpy(), expected.sample.asnumpy())
    assert (found.name, timestep.asnumpy()) == ("kept", 9)
    # Afterwards it is called as before, and also where it was not doubled.
    pipeline.unet(rows, shared)
    assert pipeline.unet.rows[-1][0] == 4


def test_a_model_that_is_never_doubled_is_told(mindspore: Any) -> None:
    pipeline = made(mindspore)
    rows = mindspore.Tensor(np.ones((3, 3), np.float32))
    with pytest.raises(NeverDoubled, match="calls no denoising model with 4 rows for 2 images"):  # noqa: SIM117
        with halved("a pipeline", pipeline, 2):
            pipeline.unet(rows, mindspore.Tensor(np.float32(1)))


def test_a_compiled_model_stays_compiled(mindspore: Any) -> None:
    pipeline = made(mindspore)
    own = pipeline.unet.construct
    compiled = lambda *given: own(*given)  # noqa: E731
    pipeline.unet.construct = compiled
    rows = mindspore.Tensor(np.ones((2, 3), np.float32))
    with halved("a pipeline", pipeline, 1):
        assert pipeline.unet.construct is not compiled
        pipeline.unet(rows, mindspore.Tensor(np.float32(1)))
    assert pipeline.unet.construct is compiled
