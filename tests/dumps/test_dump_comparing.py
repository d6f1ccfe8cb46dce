"""Two dumps beside each other: which tensors are compared, in which dtype, and what is recomputed."""

import json
from pathlib import Path

import numpy as np
import pytest

from harness.dumps import yardstick
from harness.dumps.comparing import DumpComparison, compare_dumps
from harness.dumps.dump import read_dump
from harness.dumps.places import Place

RNG = np.random.default_rng(3)
X = RNG.standard_normal((2, 4)).astype(np.float32)
WEIGHT, BIAS = RNG.standard_normal((3, 4)).astype(np.float32), RNG.standard_normal(3).astype(np.float32)


def silu(x):
    return x / (1 + np.exp(-x))


def make(folder, calls, framework="mindspore", parents=None):
    """Write and read a dump of ``calls``: name -> (args, kwargs, outputs, parameters)."""
    arrays = folder / "dump_tensor_data"
    arrays.mkdir(parents=True)

    def described(name, value):
        if not isinstance(value, np.ndarray):
            return {"type": type(value).__name__, "value": value}
        np.save(arrays / f"{name}.npy", value)
        dtype, shape = str(value.dtype).capitalize(), list(value.shape)
        return {"type": "mindspore.Tensor", "dtype": dtype, "shape": shape, "data_name": f"{name}.npy"}

    data = {}
    for name, (args, kwargs, outputs, parameters) in calls.items():
        full = f"Cell.{name}.forward.0"
        data[full] = {
            "input_args": [described(f"{full}.input.{i}", each) for i, each in enumerate(args)],
            "input_kwargs": {key: described(f"{full}.input.{key}", each) for key, each in kwargs.items()},
            "output": [described(f"{full}.output.{i}", each) for i, each in enumerate(outputs)],
            "parameters": {key: described(f"{full}.{key}", each) for key, each in parameters.items()},
        }
    content = {"task": "tensor", "level": "L0", "framework": framework, "data": data}
    (folder / "dump.json").write_text(json.dumps(content))
    named = {f"Cell.{inner}.forward.0": f"Cell.{outer}.forward.0" for inner, outer in (parents or {}).items()}
    (folder / "construct.json").write_text(json.dumps(named))
    return read_dump(Place(Path(folder), 0, ""))


def compared(ours, theirs):
    *_, whole = compare_dumps(ours, theirs)
    assert isinstance(whole, DumpComparison)
    return whole


def exact(tmp_path, name, args, outputs, parameters=None, **others):
    """Return how far the output of a call is from what the yardstick computes."""
    dump = make(tmp_path / name, {f"a.{name}": (args, {}, outputs, parameters or {}), **others})
    return yardstick.exactness(dump, dump.calls[0])


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("SiLU", silu),
        ("Sigmoid", lambda x: 1 / (1 + np.exp(-x))),
        ("Tanh", np.tanh),
        ("ReLU", lambda x: np.where(x > 0, x, 0)),
    ],
)
def test_functions_without_settings(tmp_path, name, function):
    right = function(X.astype(np.float64)).astype(np.float32)
    assert exact(tmp_path, name, [X], [right]) < 1e-7
    assert exact(tmp_path / "wrong", name, [X], [right * np.float32(1.001)]) == pytest.approx(1e-3, rel=1e-3)


@pytest.mark.parametrize("name", ["Dense", "Linear"])
@pytest.mark.parametrize("bias", [True, False])
def test_matrix_products(tmp_path, name, bias):
    parameters = {"weight": WEIGHT, **({"bias": BIAS} if bias else {})}
    right = (X.astype(np.float64) @ WEIGHT.T.astype(np.float64) + (BIAS if bias else 0)).astype(np.float32)
    assert exact(tmp_path, name, [X], [right], parameters) < 1e-7
    assert exact(tmp_path / "wrong", name, [X], [right + 1], parameters) > 0.1
    assert exact(tmp_path / "deep", name, [X[None, None]], [right[None, None]], parameters) < 1e-7


def test_what_is_never_recomputed(tmp_path):
    right = X @ WEIGHT.T
    whole = {"weight": WEIGHT, "bias": BIAS}
    for number, (name, args, outputs, parameters) in enumerate((
        ("Conv2d", [X], [right], whole),
        ("GroupNorm", [X], [X], {"weight": BIAS}),
        ("GELU", [X], [X], {}),
        ("Dense", [X], [right], {}),  # an exported trace has no parameters
        ("Dense", [X], [right], {**whole, "scale": BIAS}),
        ("Dense", [X, X], [right], whole),
        ("Dense", [X], [right, right], whole),
        ("Dense", [X], [X], whole),
        ("Dense", [X], [right], {"weight": WEIGHT[0]}),
        ("Dense", [X], [right], {"weight": WEIGHT, "bias": WEIGHT}),
        ("Dense", [X.astype(np.int64)], [right], whole),
        ("SiLU", [X], [X], {"weight": BIAS}),
        ("SiLU", [X], [right], {}),
    )):  # fmt: skip
        assert exact(tmp_path / str(number), name, args, outputs, parameters) is None, (number, name)


def test_no_large_product_is_recomputed(tmp_path, monkeypatch):
    right, whole = X @ WEIGHT.T, {"weight": WEIGHT}
    assert exact(tmp_path, "Dense", [X], [right], whole) is not None
    monkeypatch.setattr(yardstick, "_MOST_PRODUCTS", X.size * 3 - 1)
    assert exact(tmp_path / "again", "Dense", [X], [right], whole) is None


def test_no_cell_with_cells_inside_is_recomputed(tmp_path):
    calls = {"act.inner.Scale": ([X], {}, [X], {}), "act.SiLU": ([X], {}, [silu(X)], {})}
    alone = make(tmp_path / "a", calls)
    nested = make(tmp_path / "b", calls, parents={"act.inner.Scale": "act.SiLU"})
    assert [each.exact is not None for each in compared(alone, alone).calls] == [False, True]
    # On either side.
    for pair in ((nested, nested), (alone, nested), (nested, alone)):
        assert [each.exact for each in compared(*pair).calls] == [None, None]


def test_another_dtype_is_a_finding_within_one_framework(tmp_path):
    half = X.astype(np.float16)
    ours, theirs = (
        make(tmp_path / name, {"a.Net": ([x], {}, [x], {})}) for name, x in (("a", half), ("b", X))
    )
    (call,) = compared(ours, theirs).calls
    assert call.inputs[0].difference.form == "float16 here, float32 in the reference"


def test_two_frameworks_are_compared_in_the_coarser_dtype(tmp_path):
    half = X.astype(np.float16)
    ours = make(tmp_path / "a", {"a.Net": ([half, 7], {}, [half], {})})
    theirs = make(tmp_path / "b", {"a.Net": ([X, np.array([7], np.int32)], {}, [X * 2], {})}, "pytorch")
    (call,) = compared(ours, theirs).calls
    assert [(each.dtype, each.difference) for each in call.inputs] == [("float16", None), ("int64", None)]
    assert call.outputs[0].difference.relative_l2 == pytest.approx(0.5, rel=1e-3)


def test_arguments_by_name_and_by_position(tmp_path):
    other = RNG.standard_normal((2, 5)).astype(np.float32)
    ours = make(tmp_path / "a", {"a.Net": ([X, other], {"flag": True}, [X], {})})
    theirs = make(tmp_path / "b", {"a.Net": ([X], {"flag": True, "context": other}, [X], {})}, "pytorch")
    (call,) = compared(ours, theirs).calls
    assert [(each.label, each.difference) for each in call.inputs] == [
        ("input.0", None), ("input.flag", None), ("input.1", None),
    ]  # fmt: skip
    # What one framework alone passes is no difference between two frameworks, but is within one.
    fewer = {"a.Net": ([X], {"flag": True}, [X], {})}
    assert len(compared(ours, make(tmp_path / "c", fewer, "pytorch")).calls[0].inputs) == 2
    (found,) = compared(ours, make(tmp_path / "d", fewer)).calls[0].inputs
    assert found.difference.form == "3 tensors and numbers here, 2 in the reference"


def test_a_number_is_compared_as_what_it_is(tmp_path):
    def scaled(name, value):
        return make(tmp_path / name, {"a.Net": ([X, value], {}, [X], {})})

    sound = scaled("a", 0.1)
    assert compared(scaled("b", 0.1), sound).calls[0].inputs[1].difference is None
    assert compared(scaled("c", 0.1001), sound).calls[0].inputs[1].difference.beyond_rounding("float64")
    # harness writes a number as an array without axes.
    assert compared(scaled("d", np.array(0.1)), sound).calls[0].inputs[1].difference is None


def test_what_one_side_alone_calls_is_named_in_its_order(tmp_path):
    def of(name, *paths):
        return make(tmp_path / name, {f"{path}.Net": ([X], {}, [X], {}) for path in paths})

    found = compared(of("a", "z", "x", "y", "m", "n"), of("b", "x", "y", "k", "b", "z"))
    assert [call.path for call in found.calls] == ["z", "x", "y"]
    assert (found.missing, found.added) == (("k", "b"), ("m", "n"))


def test_two_cells_of_one_path(tmp_path):
    both = {"Encoder": ([X], {}, [X], {}), "Decoder": ([X], {}, [X], {})}
    sound = make(tmp_path / "a", {f"net.{name}": call for name, call in both.items()})
    found = compared(sound, sound)
    assert [(call.path, call.operator) for call in found.calls] == [
        ("net", "Encoder"),
        ("net.Decoder", "Decoder"),
    ]
