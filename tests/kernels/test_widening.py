"""bfloat16 on CPU: along every route, what float32 gives, rounded once; and what torch gives.

The routes run in processes of their own (tests/data/mint/run_bfloat16.py).
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).parents[1] / "data" / "mint"
sys.path.insert(0, str(DATA))
from bfloat16_routes import ROUTES  # noqa: E402

# What is lost of float32 sums in another order may turn one rounding to bfloat16.
FROM_TORCH = 1.0
# Of several operators, each of which rounds.
COMPOSED = {"LinalgVectorNorm nn.functional.normalize"}
# Methods of TensorPy that neither compute nor need bfloat16: they move values, or tell about the tensor.
OTHER_METHODS = frozenset(
    """
    broadcast_to chunk clone expand_as flatten imag narrow new_empty permute real reshape select split squeeze
    t to _to transpose type_as unbind unsqueeze view view_as bitwise_and bitwise_not bitwise_or bitwise_xor
    __and__ __or__ __xor__ gcd asnumpy data_sync dim wait_pipeline is_complex is_signed is_contiguous stride
    storage_offset __str__ __repr__ __getitem__ __setitem__ __getstate__ __setstate__ hooks storage
    untyped_storage get_bytes is_init set_init_flag assign_value_cpp set_dtype offload offload_file_path
    move_to set_cast_dtype set_device_address persistent_data_from_numpy is_persistent_data
    asnumpy_of_slice_persistent_data pin_memory is_pinned is_shared requires_grad_ to_dlpack set_
    """.split()  # noqa: SIM905  as text, a list of so many names can be read
)


def run(*options: str, python: str = sys.executable) -> dict[str, Any]:
    command = [python, str(DATA / "run_bfloat16.py"), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    return run()


@pytest.fixture(scope="module")
def native() -> dict[str, Any]:
    return run("--native")


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_gives_float32_rounded_once(told, route):
    outcome = told["routes"][route]
    assert "error" not in outcome
    assert outcome["differing"] == 0


@pytest.mark.parametrize("route", [route for route, (_, torchs) in ROUTES.items() if torchs])
def test_a_route_gives_what_torch_gives(told, route):
    assert told["routes"][route]["ulps"] <= FROM_TORCH


def test_every_kernel_gives_float32_rounded_once(told):
    wrong = {
        name: outcome
        for name, outcome in told["kernels"].items()
        if name.split(" ", 1)[1] not in COMPOSED and ("error" in outcome or outcome["differing"])
    }
    assert len(told["kernels"]) > 600
    assert wrong == {}


def test_float32_stays_where_it_is_asked_for_or_takes_part(told):
    dtypes = {route: outcome["dtypes"] for route, outcome in told["routes"].items()}
    assert dtypes["mint.sum in float32"] == dtypes["with float32: +"] == ["float32"]
    assert dtypes["mint.sum of float32"] == dtypes["with int64: *"] == ["bfloat16"]


def test_most_routes_need_it(native):
    lacking = {route for route, outcome in native["routes"].items() if "error" in outcome}
    assert {"ops.matmul", "ops.Conv2D", "ops.softmax", "ops.exp", "ops.gather", "operator <"} <= lacking
    assert len(lacking) > len(ROUTES) / 2
    # These only move values, and are left alone.
    assert not {"mint.cat", "ops.split", "view: reshape", "view: transpose", "read by slices"} & lacking


def test_every_method_in_cpp_is_known(mindspore):
    from mindspore._c_expression import TensorPy

    from harness.kernels.widening import METHODS, METHODS_IN_PLACE

    methods = {name for name, value in vars(TensorPy).items() if type(value).__name__ == "method_descriptor"}
    public = {name for name in methods if not name.startswith("_") or name.startswith("__")}
    assert public - METHODS - METHODS_IN_PLACE - OTHER_METHODS == set()


@pytest.mark.parametrize("values", ["noise", "corners"])
def test_conversion_rounds_as_mindspore_does(mindspore, values):
    import numpy as np

    from harness.kernels.bfloat16 import to_bfloat16, to_float32
    from harness.measurement.bfloat16 import to_bfloat16 as of_numpy
    from harness.measurement.bfloat16 import to_numpy

    array = {
        "noise": np.random.default_rng(0).standard_normal((3, 40_000), dtype=np.float32),
        "corners": np.float32(
            [0, -0.0, 1, 1.00390625, 1.01171875, 3.4e38, 1e-40, np.inf, -np.inf, np.nan, -np.nan]
        ),
    }[values]
    given = mindspore.Tensor(array)
    rounded = to_bfloat16(given)
    assert rounded.dtype == mindspore.bfloat16
    np.testing.assert_array_equal(to_numpy(rounded), of_numpy(array))
    np.testing.assert_array_equal(to_numpy(rounded), given.astype(mindspore.bfloat16).float().asnumpy())
    np.testing.assert_array_equal(to_float32(rounded).asnumpy(), to_numpy(rounded))
    for shape in ((), (0, 3)):
        empty = to_bfloat16(mindspore.Tensor(np.zeros(shape, np.float32)))
        assert (empty.shape, empty.dtype) == (shape, mindspore.bfloat16)
        assert to_float32(empty).shape == shape
