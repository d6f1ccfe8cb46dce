"""Count how often each operator comes to harness's arithmetic, before and after it is installed."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable
from functools import partial
from operator import methodcaller
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, mint

from harness import kernels
from harness.kernels import arithmetic

X, Y = Tensor(np.arange(1, 4, dtype=np.float32)), Tensor(np.full(3, 0.3, np.float32))
WAYS: dict[str, Callable[[], Any]] = {
    **{name: partial(getattr(operator, name), X, Y) for name in ("add", "sub", "mul", "truediv")},
    **{name: partial(getattr(operator, name), X, Y) for name in ("eq", "lt", "le", "gt", "ge")},
    **{f"r{name}": partial(getattr(operator, name), 0.3, X) for name in ("add", "sub", "mul")},
    **{f"mint.{name}": partial(getattr(mint, name), X, Y) for name in ("add", "sub", "mul", "div")},
    # By name, because the methods are what is replaced.
    **{f"Tensor.{name}": partial(methodcaller(name, Y), X) for name in ("add", "sub", "mul", "div")},
    "Parameter": partial(operator.mul, ms.Parameter(X, name="weight"), Y),
}


def counted() -> dict[str, int]:
    """Return how many tensors each way makes by numpy."""
    original, calls = arithmetic.tensor_of, []

    def tensor_of(array: Any) -> Tensor:
        calls.append(array)
        return original(array)

    counts = {}
    arithmetic.tensor_of = tensor_of
    for name, way in WAYS.items():
        calls.clear()
        way()
        counts[name] = len(calls)
    arithmetic.tensor_of = original
    return counts


def results() -> list[bytes]:
    """Return the bytes of what each way gives."""
    return [way().asnumpy().tobytes() for way in WAYS.values()]


before, native = counted(), results()
kernels.install()
print(json.dumps({"before": before, "installed": counted(), "same": native == results()}))
