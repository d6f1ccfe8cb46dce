"""Installing the kernels: once, for every alias, with the calls counted; and what is left to MindSpore."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

PROGRAM = """
import json, sys, types
from harness.execution.profile import Profile, claim_core
profile = Profile(core=claim_core().core)
profile.apply_before_import()
import mindspore as ms
import numpy as np
profile.apply_after_import()
from mindspore import mint as functions
from mindspore.mint import arange as bound_before, einsum as einsum_before
from mindspore.ops.auto_generate import gen_ops_prim

users = types.ModuleType("users_own_pipeline")
users.einsum = einsum_before
sys.modules["users_own_pipeline"] = users
matmul_before, exp_before = gen_ops_prim.MatMul.__call__, ms.Tensor.exp

from harness import kernels
from harness.kernels.registry import KERNELS
told = {}
told["before"] = sorted(kernels.replaced())
kernels.install()
arange = gen_ops_prim.Arange.__call__
kernels.install()
told["twice"] = gen_ops_prim.Arange.__call__ is arange
told["aliases"] = [bound_before(3).asnumpy().tolist(), functions.arange(3).asnumpy().tolist()]
eye = functions.eye(2)
told["user's einsum"] = users.einsum("ij,jk->ik", eye, eye).asnumpy().tolist()
told["used"] = kernels.used()
kernels.reset()
told["used after reset"] = kernels.used()
told["untouched"] = [gen_ops_prim.MatMul.__call__ is matmul_before, ms.Tensor.exp is exp_before]
told["made with arguments"] = gen_ops_prim.Roll(2, 0)(ms.Tensor([1, 2, 3])).asnumpy().tolist()
told["version"] = kernels.VERSION
base = functions.zeros((2, 3))
base.fill_(2.5)
told["in place"] = base.asnumpy().tolist()
told["unknown"] = sorted(kernels.replaced() - set(KERNELS))
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_nothing_is_replaced_by_importing(told):
    assert told["before"] == []


def test_installing_again_changes_nothing(told):
    assert told["twice"]


def test_names_bound_before_are_served_too(told):
    assert told["aliases"] == [[0, 1, 2], [0, 1, 2]]
    assert told["user's einsum"] == [[1.0, 0.0], [0.0, 1.0]]


def test_calls_are_counted_until_reset(told):
    assert told["used"] == {"Arange": 2, "einsum": 1}
    assert told["used after reset"] == {}


def test_what_mindspore_has_is_left_alone(told):
    assert told["untouched"] == [True, True]
    assert told["unknown"] == []


def test_a_primitive_made_with_arguments_keeps_them(told):
    assert told["made with arguments"] == [2, 3, 1]


def test_methods_in_place_write_into_their_tensor(told):
    assert told["in place"] == [[2.5] * 3] * 2


def test_the_version_is_a_number(told):
    assert told["version"] >= 1


def test_a_primitive_has_one_kernel(mindspore):
    from harness.kernels.registry import kernel

    with pytest.raises(ValueError, match="Arange has two kernels"):
        kernel("Arange", serves=("mint.arange",))(len)
