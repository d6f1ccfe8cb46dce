"""Count how often each way to cast a tensor comes to harness's casts, before and after they are installed."""

from __future__ import annotations

import json
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops

from harness import kernels
from harness.kernels import casting

SINGLE, DOUBLE = Tensor(np.ones(3, np.float32)), Tensor(np.ones(3))
WAYS = {
    "ops.cast": lambda: ops.cast(SINGLE, ms.float16),
    "Cast": lambda: ops.Cast()(SINGLE, ms.float16),
    "to": lambda: SINGLE.to(ms.float16),
    "astype": lambda: SINGLE.astype("float16"),
    "half": lambda: SINGLE.half(),
    "float": lambda: DOUBLE.float(),
}


def counted() -> dict[str, int]:
    """Return how many casts each way makes by numpy."""
    original, calls = casting.converted, []

    def converted(array: Any, kind: Any) -> Any:
        calls.append(kind)
        return original(array, kind)

    counts = {}
    casting.converted = converted
    for name, way in WAYS.items():
        calls.clear()
        way()
        counts[name] = len(calls)
    casting.converted = original
    return counts


before = counted()
kernels.install()
print(json.dumps({"before": before, "installed": counted()}))
