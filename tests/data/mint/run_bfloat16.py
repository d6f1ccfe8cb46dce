"""Run bfloat16 along every route and print as JSON how far each is from float32, rounded once.

Usage: python tests/data/mint/run_bfloat16.py [--native]    (with harness importable; in a process of its own)

The expressions are those of bfloat16_routes.py, whose results are compared with torch's, too, and the cases
of kernels.safetensors, with bfloat16 in place of float32. "differing" counts the values whose bits are not
those of the same call on the same values in float32, with its float32 results rounded to bfloat16 once.
"ulps" is the largest distance from torch, in units in the last place of bfloat16. With --native nothing is
installed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from bfloat16_routes import ROUTES, inputs
from run_cases import Caller, load
from safetensors import safe_open

from harness.execution.profile import Profile, claim_core

# What is in these is not decided.
EMPTY = ("Empty", "EmptyLike")


def main(*, native: bool) -> None:
    profile = Profile(core=claim_core().core)
    profile.apply_before_import()
    import mindspore as ms

    profile.apply_after_import()
    from harness import kernels

    if not native:
        kernels.install(bfloat16=True)
    with safe_open(Path(__file__).with_name("bfloat16.safetensors"), "numpy") as file:
        torchs = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a dict
        dtypes = json.loads(file.metadata()["dtypes"])
    told = {"routes": {}, "kernels": {}, "mindspore": ms.__version__}
    for route, (expression, _) in ROUTES.items():
        try:
            narrow = _listed(eval(expression, _names(narrow=True)))
            wide = [] if native else _listed(eval(expression, _names(narrow=False)))
        except Exception as error:  # noqa: BLE001  whatever MindSpore raises is what is told
            told["routes"][route] = {"error": repr(error)[:200]}
            continue
        outcome = _compared(narrow, wide, route.startswith("with float32"))
        if f"{route}.0" in torchs:
            theirs = [(torchs[f"{route}.{n}"], dtypes[f"{route}.{n}"]) for n in range(len(narrow))]
            outcome["ulps"] = max(_ulps(a, *b) for a, b in zip(narrow, theirs, strict=True))
        told["routes"][route] = outcome
    if not native:
        for place, (primitive, function, args, kwargs, _) in enumerate(load()[1]):
            if kernels.KERNELS[primitive].family != "random" and primitive not in EMPTY:
                told["kernels"][f"{place} {primitive} {function}"] = _case(function, args, kwargs)
    print(json.dumps(told))


def _names(*, narrow: bool) -> dict[str, Any]:
    """Return what the expressions may name; without ``narrow``, bfloat16's values are in float32."""
    import mindspore as ms
    from mindspore import Tensor, mint, nn, ops

    def changed(x: Any, change: Any) -> Any:
        x = x.copy()
        result = change(x)
        if not narrow:  # MindSpore's own leave their tensor as it was (docs/findings.md)
            return result
        assert result is x or np.array_equal(_values(result)[0], _values(x)[0])
        return x

    def written(x: Any, index: Any, value: Any) -> Any:
        x = x.copy()
        x[index] = value
        return x

    def filled(cell: Any, weight: Any) -> Any:
        if not narrow:
            cell.to_float(ms.float32)
            for parameter in cell.get_parameters():
                parameter.set_dtype(ms.float32)
        cell.weight.set_data(weight)
        return cell

    tensors = {}
    for name, array in inputs().items():
        tensors[name] = Tensor(array)
        if array.dtype == np.float32 and name != "f":
            tensors[name] = tensors[name].astype(ms.bfloat16)
            if not narrow:
                tensors[name] = tensors[name].astype(ms.float32)
    own = {"changed": changed, "written": written, "filled": filled}
    return {"ms": ms, "mint": mint, "ops": ops, "nn": nn, **own, **tensors}


def _case(function: str, args: Any, kwargs: Any) -> dict[str, Any]:
    import mindspore as ms

    class Narrow(Caller):
        def __init__(self, tensors: Any, dtype: Any) -> None:
            super().__init__(tensors)
            self.dtype = dtype

        def decoded(self, value: Any) -> Any:
            found = super().decoded(value)
            floats = (ms.float16, ms.float32, ms.bfloat16)
            if isinstance(found, ms.Tensor) and found.dtype in floats:
                return found.astype(ms.bfloat16).astype(self.dtype)
            return ms.bfloat16 if found is ms.float16 else found

    tensors = load()[0]
    try:
        narrow = Narrow(tensors, ms.bfloat16).results(function, args, kwargs)
        wide = Narrow(tensors, ms.float32).results(function, args, kwargs)
    except Exception as error:  # noqa: BLE001  whatever MindSpore raises is what is told
        return {"error": repr(error)[:200]}
    return _compared(narrow, wide, False)


def _listed(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple | list) else [result]


def _values(value: Any) -> tuple[np.ndarray, str]:
    import mindspore as ms

    from harness.measurement.bfloat16 import to_numpy

    if not isinstance(value, ms.Tensor):
        return np.asarray(value), "number"
    return to_numpy(value), str(value.dtype).lower()


def _compared(narrow: list[Any], wide: list[Any], stays_wide: bool) -> dict[str, Any]:
    from harness.measurement.bfloat16 import to_bfloat16

    found, differing = [], 0
    for ours, theirs in zip(narrow, wide, strict=False):
        (one, dtype), (other, wide_dtype) = _values(ours), _values(theirs)
        found.append(dtype)
        if dtype == "bfloat16" and not stays_wide:
            other = to_bfloat16(other)
        elif dtype != wide_dtype:
            differing += 1
        same = one.shape == other.shape and _bits(one) == _bits(other)
        differing += 0 if same else max(int((one != other).sum()) if one.shape == other.shape else 1, 1)
    return {"dtypes": found, "differing": differing}


def _bits(array: np.ndarray) -> bytes:
    # One NaN is as good as another.
    return (
        np.where(np.isnan(array), array.dtype.type("nan"), array) if array.dtype.kind == "f" else array
    ).tobytes()


def _ulps(ours: Any, theirs: np.ndarray, dtype: str) -> float:
    one, own = _values(ours)
    if own != dtype or one.shape != theirs.shape:
        return float("inf")
    if one.dtype.kind != "f":
        return 0.0 if np.array_equal(one, theirs) else float("inf")
    bits = {"bfloat16": 8, "float32": 24, "float16": 11}[dtype]
    exponent = np.frexp(np.maximum(np.abs(one), np.abs(theirs)))[1]
    apart = np.abs(one.astype(np.float64) - theirs) / np.ldexp(1.0, exponent - bits)
    return float(apart.max(initial=0.0))


if __name__ == "__main__":
    main(native="--native" in sys.argv)
