"""Write promotion.safetensors: what torch makes of operands of two dtypes, for every pair.

Usage: python tests/data/mint/make_promotion.py    (needs torch and safetensors; not MindSpore)

For each function of CALLS and each layout of the operands there are two tensors over all pairs of DTYPES:
`<function>/<layout>` holds the values in float64, `<function>/<layout>/dtype` the place of the result's dtype
in DTYPES, or -1 where torch refuses. `result_type/<layout>` holds torch.result_type alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save_file

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64"]
LEFT, RIGHT = [3, 1, 2], [2, 3, 1]
# Of each operand: a vector, a tensor without axes, or Python's number.
LAYOUTS = ("vector vector", "vector scalar", "scalar vector", "scalar scalar", "vector number")
# The function below mindspore.mint (or a method of Tensor), the primitives that it ends in, and its
# arguments: "x" and "y" are the operands, ["x", "y"] a list of them.
CALLS: dict[str, tuple[tuple[str, ...], list[Any]]] = {
    "atan2": (("Atan2Ext",), ["x", "y"]),
    "logaddexp": (("LogAddExp",), ["x", "y"]),
    "logaddexp2": (("LogAddExp2",), ["x", "y"]),
    "equal": (("EqualExt",), ["x", "y"]),
    "bitwise_or": (("BitwiseOrTensor", "BitwiseOrScalar"), ["x", "y"]),
    "bitwise_xor": (("BitwiseXorTensor", "BitwiseXorScalar"), ["x", "y"]),
    "Tensor.floor_divide": (("FloorDivScalar",), ["x", "y"]),
    "mul": (("Muls",), ["x", "y"]),
    "addcdiv": (("AddcdivExt",), ["x", "y", "y"]),
    "addcdiv of the other": (("AddcdivExt",), ["y", "x", "y"]),
    "nn.functional.mse_loss": (("MSELossExt",), ["x", "y"]),
    "nn.functional.l1_loss": (("L1LossExt",), ["x", "y"]),
    "nn.functional.kl_div": (("KLDiv",), ["x", "y"]),
    "stack": (("StackExt",), [["x", "y"]]),
    "outer": (("Outer",), ["x", "y"]),
    "einsum": (("einsum",), ["i,i->i", "x", "y"]),
    "einsum of a sum": (("einsum",), ["i,i->", "x", "y"]),
    "bincount": (("BincountExt",), ["x", "y"]),
    "Tensor.add_": (("InplaceAddExt",), ["x", "y"]),
    "Tensor.sub_": (("InplaceSubExt",), ["x", "y"]),
    "Tensor.mul_": (("InplaceMul",), ["x", "y"]),
    "Tensor.div_": (("InplaceDiv",), ["x", "y"]),
}
# torch broadcasts these operands before their dtypes meet, mint does not.
BROADCAST = ("nn.functional.mse_loss", "nn.functional.l1_loss", "nn.functional.kl_div")


def function_of(name: str) -> Callable[..., Any]:
    name = name.partition(" ")[0]
    owner: Any = torch.Tensor if name.startswith("Tensor.") else torch
    for part in name.removeprefix("Tensor.").split("."):
        owner = getattr(owner, part)
    return owner


def operand(values: list[int], layout: str, dtype: str) -> Any:
    tensor = torch.tensor(values).to(getattr(torch, dtype))
    if layout == "number":
        return tensor[0].item()
    return tensor if layout == "vector" else tensor[0]


def place(dtype: torch.dtype) -> int:
    return DTYPES.index(str(dtype).removeprefix("torch."))


def filled(value: Any, x: Any, y: Any) -> Any:
    if isinstance(value, list):
        return [filled(each, x, y) for each in value]
    return {"x": x, "y": y}.get(value, value)


def pairs(layout: str) -> Any:
    left, right = layout.split()
    for row, first in enumerate(DTYPES):
        for column, second in enumerate(DTYPES):
            yield (row, column), operand(LEFT, left, first), operand(RIGHT, right, second)


def main() -> None:
    torch.set_num_threads(1)
    tensors: dict[str, np.ndarray] = {}
    shape = (len(DTYPES), len(DTYPES))
    for layout in LAYOUTS:
        of_pairs = np.full(shape, -1, np.int8)
        for at, x, y in pairs(layout):
            of_pairs[at] = place(torch.result_type(x, y))
        tensors[f"result_type/{layout}"] = of_pairs
        for name, (_, arguments) in CALLS.items():
            if name in BROADCAST and layout != "vector vector":
                continue
            dtypes, results = np.full(shape, -1, np.int8), {}
            for at, x, y in pairs(layout):
                try:
                    result = torch.as_tensor(function_of(name)(*filled(arguments, x, y)))
                except (AttributeError, IndexError, RuntimeError, TypeError, ValueError):
                    continue
                dtypes[at], results[at] = place(result.dtype), result.double().numpy()
            if results:
                values = np.zeros((*shape, *next(iter(results.values())).shape))
                for at, result in results.items():
                    values[at] = result
                tensors[f"{name}/{layout}"] = values
                tensors[f"{name}/{layout}/dtype"] = dtypes
    facts = {"torch": torch.__version__, "dtypes": DTYPES, "layouts": LAYOUTS, "calls": CALLS}
    facts |= {"left": LEFT, "right": RIGHT}
    target = Path(__file__).with_name("promotion.safetensors")
    save_file(tensors, target, {"facts": json.dumps(facts)})
    print(f"{len(tensors)} tensors, {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
