"""Write a deep trace as a dump of msprobe, which its ``compare`` and ``graph_visualize`` read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.dumps.names import ARRAYS, CONSTRUCT, DUMP, STACK, CallName
from harness.errors import HarnessError
from harness.measurement.measurement import Array
from harness.tracing.trace import CellCall, DeepTrace, Value

# In the place of a call stack, which a trace does not have.
_NO_STACK = "recorded by harness, without call stacks"
# MindSpore's spelling of the names that are not capitalized words.
_DTYPES = {
    "bfloat16": "BFloat16",
    "uint8": "UInt8",
    "uint16": "UInt16",
    "uint32": "UInt32",
    "uint64": "UInt64",
}
_FLOATS = "f"


def write_dump(folder: Path, trace: DeepTrace, *, final: Path | None = None) -> Path:
    """Write ``trace`` below ``folder``, as ``step<N>/rank0``, and return that folder.

    ``final`` is where ``folder`` will be moved, if it will. Parameters are left out, because a trace has no
    more of them than their hashes, and so are the steps of schedulers. Raises :class:`HarnessError` for a
    cell whose name cannot be that of a file; OSError.
    """
    place = Path(f"step{trace.step}", "rank0")
    rank, arrays = folder / place, folder / place / ARRAYS
    arrays.mkdir(parents=True)
    calls = [call for call in trace.calls if call.of_cell]
    names = [_name(call) for call in calls]
    data: dict[str, Any] = {}
    for call, name in zip(calls, names, strict=True):
        described = {}
        for key, kind, values in (("input_args", "input", call.inputs), ("output", "output", call.outputs)):
            described[key] = [
                _tensor(arrays, f"{name}.{kind}.{place}.npy", value, trace.arrays[value.sha256])
                for place, value in enumerate(values)
            ]
        data[name] = {
            "input_args": described["input_args"],
            "input_kwargs": {},
            "output": described["output"],
            "parameters": {},
        }
    read_from = str(((final or folder) / place / ARRAYS).absolute())
    head = {"task": "tensor", "level": "L0", "framework": "mindspore", "dump_data_dir": read_from}
    _write(rank / DUMP, {**head, "data": data})
    _write(rank / STACK, {"0": [names, [_NO_STACK]]} if names else {})
    _write(rank / CONSTRUCT, construct(calls, names))
    return rank


def construct(calls: Sequence[CellCall], names: Sequence[str]) -> dict[str, str | None]:
    """Return which call each call was made by, outer calls first; ``calls`` are in order of completion."""
    parents: dict[str, str | None] = {}
    # What has ended, and was not yet found to belong to a call around it.
    inside: dict[str, list[str]] = {}
    waiting: list[tuple[str, str]] = []
    for call, name in zip(calls, names, strict=True):
        own = [each for each in waiting if each[0].startswith(f"{call.path}.")]
        waiting = [each for each in waiting if each not in own]
        inside[name] = [inner for _, inner in own]
        waiting.append((call.path, name))

    def enter(outer: str | None, children: list[str]) -> None:
        for name in children:
            parents[name] = outer
            enter(name, inside[name])

    enter(None, [name for _, name in waiting])
    return parents


def _name(call: CellCall) -> str:
    # The size of a kernel follows the class.
    name = str(CallName("Cell", call.path, call.operator.partition(" ")[0], call.index))
    if "/" in name or "\0" in name:
        raise HarnessError(
            f"{call.path}: the name of this cell cannot be that of a file, so it is not exported"
        )
    return name


def _tensor(folder: Path, name: str, value: Value, array: Array) -> dict[str, Any]:
    np.save(folder / name, array, allow_pickle=False)
    described = {
        "type": "mindspore.Tensor",
        "dtype": _DTYPES.get(value.dtype, value.dtype.capitalize()),
        "shape": list(array.shape),
    }
    return {**described, **_statistics(array), "data_name": name}


def _statistics(array: Array) -> dict[str, float | bool | None]:
    if array.size == 0:
        return dict.fromkeys(("Max", "Min", "Mean", "Norm"))
    if array.dtype.kind == "b":
        return {"Max": bool(array.max()), "Min": bool(array.min()), "Mean": None, "Norm": None}
    wide = array.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        return {
            "Max": float(wide.max()),
            "Min": float(wide.min()),
            "Mean": float(wide.mean()),
            "Norm": float(np.linalg.norm(wide)),
        }


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1))
