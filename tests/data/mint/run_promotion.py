"""Call every function of promotion.safetensors with every pair of dtypes; print as JSON where torch differs.

Usage: python tests/data/mint/run_promotion.py    (with harness importable; in a process of its own)
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

from harness.execution.profile import Profile, claim_core

REFERENCE = Path(__file__).with_name("promotion.safetensors")
# One unit in the last place, relative; float64 is as near as numpy's functions are to torch's.
# torch takes the logarithm in kl_div before the dtypes meet: there the operands' units count, too.
UNITS = {"float16": 1e-3, "bfloat16": 8e-3, "float32": 1.2e-7, "float64": 4e-16}


def main() -> None:
    """Print the number of calls and what differs."""
    profile = Profile(core=claim_core().core)
    profile.apply_before_import()
    import mindspore as ms

    profile.apply_after_import()
    from harness import kernels
    from harness.kernels.arrays import kind, result_dtype

    kernels.install()
    with safe_open(REFERENCE, "numpy") as file:
        facts = json.loads(file.metadata()["facts"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a dict
    dtypes = facts["dtypes"]
    differs: list[str] = []
    counts: Counter[str] = Counter()

    def operand(values: list[int], layout: str, dtype: str) -> Any:
        own = getattr(ms, {"bool": "bool_"}.get(dtype, dtype))
        if layout == "number":
            make = bool if dtype == "bool" else float if "float" in dtype else int
            return make(values[0])
        return ms.Tensor(values if layout == "vector" else values[0], ms.int64).astype(own)

    def pairs(layout: str) -> Any:
        left, right = layout.split()
        for row, first in enumerate(dtypes):
            for column, second in enumerate(dtypes):
                x, y = operand(facts["left"], left, first), operand(facts["right"], right, second)
                yield (row, column), x, y, f"{first}, {second} ({layout})"

    def filled(value: Any, x: Any, y: Any) -> Any:
        if isinstance(value, list):
            return [filled(each, x, y) for each in value]
        return {"x": x, "y": y}.get(value, value)

    def call(name: str, arguments: list[Any], x: Any, y: Any) -> Any:
        owner: Any = ms if name.startswith("Tensor.") else ms.mint
        for part in name.partition(" ")[0].split("."):
            owner = getattr(owner, part)
        first = facts["calls"][name][0][0]
        if first not in kernels.replaced():  # this release has a kernel of its own
            owner = kernels.KERNELS[first].function
        result = owner(*filled(arguments, x, y))
        return result if isinstance(result, ms.Tensor) else ms.Tensor(result)

    def problem(name: str, arguments: list[Any], x: Any, y: Any, dtype: str, values: Any) -> str | None:
        in_place = name.endswith("_")
        if dtype == "refused":
            if not in_place or kind(result_dtype(x, y)) <= kind(x.dtype):
                return None  # only that a tensor cannot hold the result is the kernels' own affair
            try:
                got = call(name, arguments, x, y)
            except Exception:  # noqa: BLE001  refused, as by torch
                return None
            return f"not refused, but {got.dtype}"
        try:
            result = call(name, arguments, x, y)
            result = x if in_place else result
        except Exception as error:  # noqa: BLE001  told
            return f"{type(error).__name__}: {error}".splitlines()[0]
        if str(result.dtype).lower() != dtype:
            return f"{result.dtype}, not {dtype}"
        got = (result.astype(ms.float32) if dtype == "bfloat16" else result).asnumpy().astype(np.float64)
        unit = UNITS.get(dtype, 0)
        if name.endswith("kl_div"):
            unit = max(UNITS.get(str(each.dtype).lower(), 0) for each in (x, y))
        if not np.allclose(got, values, rtol=unit, atol=0):
            return f"{got.tolist()}, not {values.tolist()}"
        return None

    for layout in facts["layouts"]:
        for at, x, y, said in pairs(layout):
            wanted = dtypes[tensors[f"result_type/{layout}"][at]]
            got = str(result_dtype(x, y)).lower()
            counts["result_type"] += 1
            if got != wanted:
                differs.append(f"result_type of {said}: {got}, not {wanted}")
        for name, (_, arguments) in facts["calls"].items():
            key = f"{name}/{layout}"
            if key not in tensors:
                continue
            for at, x, y, said in pairs(layout):
                place = tensors[f"{key}/dtype"][at]
                counts[name] += place >= 0
                dtype = dtypes[place] if place >= 0 else "refused"
                if told := problem(name, arguments, x, y, dtype, tensors[key][at]):
                    differs.append(f"{name} of {said}: {told}")
    print(json.dumps({"counts": counts, "differs": differs}, default=int))


if __name__ == "__main__":
    main()
