"""Assign into tensors that were taken from others, and tell what can be seen afterwards, as JSON.

The argument is "native", or "installed" for the kernels.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor

from harness import kernels

PLACES, MASK = Tensor([2, 0, 1]), Tensor([True, False, True])
seen: dict[str, Any] = {}
ended: dict[str, bool] = {}


def fresh() -> Tensor:
    return Tensor(np.arange(6, dtype=np.int32))


def keep(name: str, child: Tensor, *others: Tensor) -> None:
    child[MASK] = 9
    seen[name] = [each.asnumpy().tolist() for each in (child, *others)]
    ended[name] = child.parent_tensor_ is None


def run() -> None:
    child = fresh()
    for _ in range(4):
        child = child[PLACES]
        child[MASK] += 1
    keep("loop", child)
    parent = fresh()
    keep("held parent", parent[PLACES], parent)
    grandparent = fresh()
    keep("held grandparent", grandparent[PLACES][PLACES], grandparent)
    parent = fresh()
    sibling, child = parent[PLACES], parent[PLACES]
    del parent
    keep("held sibling", child, sibling)
    weight = ms.Parameter(fresh(), name="weight")
    keep("parameter", weight[PLACES], weight)
    parent = fresh()
    view, child = parent.view((2, 3)), parent[0:3]
    del parent
    keep("slice", child, view)
    parent = fresh()
    view, child = parent.view((2, 3)), parent[PLACES]
    del parent
    keep("view of the parent", child, view)


if sys.argv[1] == "installed":
    kernels.install()
run()
print(json.dumps({"seen": seen, "ended": ended}))
