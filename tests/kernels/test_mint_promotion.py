"""Operands of two dtypes meet in torch's dtype, with torch's values, for every pair of dtypes.

The calls run in a process of their own (tests/data/mint/run_promotion.py).
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open

DATA = Path(__file__).parents[1] / "data" / "mint"

with safe_open(DATA / "promotion.safetensors", "numpy") as _file:
    FACTS = json.loads(_file.metadata()["facts"])
with safe_open(DATA / "kernels.safetensors", "numpy") as _file:
    CASES = json.loads(_file.metadata()["cases"])

# Kernels of several tensors whose dtypes do not meet. torch refuses operands of two dtypes here, too:
REFUSED = {
    *("Addbmm", "Addmm", "Addmv", "Baddbmm", "Dot", "Mm", "Mv", "ConvTranspose2D", "FlashAttentionScore"),
    *(f"Conv{axes}D{kind}" for axes in (1, 2, 3) for kind in ("Ext", "Padding")),
    *("InplaceIndexCopy", "InplaceScatterAdd", "InplaceScatterSrc", "ScatterAddExt", "TriangularSolve"),
}
# The result has the dtype of one of them, in torch as well: the others are places, flags, counts or weights.
OF_ONE = {
    *("BatchNormExt", "Embedding", "IndexSelect", "InplaceFillScalar", "InplaceMaskedFillScalar"),
    *("InplaceScatterValue", "LayerNormExt", "MaxUnpool2DExt", "RepeatInterleaveTensor", "Take"),
}


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    command = [sys.executable, str(DATA / "run_promotion.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", ["result_type", *FACTS["calls"]])
def test_every_pair_of_dtypes(name, told):
    assert told["counts"][name] >= 9
    assert [each for each in told["differs"] if each.startswith(f"{name} of ")] == []


def test_nothing_else_differs(told):
    assert told["differs"] == []


def test_every_kernel_of_several_tensors_is_accounted_for():
    several = {case[0] for case in CASES if json.dumps(case[2:4]).count('"@') > 1}
    called = {primitive for primitives, _ in FACTS["calls"].values() for primitive in primitives}
    assert several - called == REFUSED | OF_ONE
