"""Reading a model's weights, and saying everything that is wrong with them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from harness.pipelines.errors import CheckpointError

_ATTENTION_RENAMES = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
_OLD_ATTENTION = re.compile(r"(attentions\.\d+)\.(query|key|value|proj_attn)\.(weight|bias)$")
# Types of safetensors that numpy has not; other types that do not fit are named with all else that is wrong.
_UNKNOWN_TO_NUMPY = re.compile(r"BF16|F[468](_.*)?")
_LISTED = 8


class SafetensorsState(Mapping[str, npt.NDArray[Any]]):
    """The tensors of an open safetensors file, each read when it is asked for."""

    def __init__(self, path: Path, handle: Any) -> None:
        self._path = path
        self._handle = handle
        self._names = list(handle.keys())

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        stored = self._handle.get_slice(name).get_dtype()
        if _UNKNOWN_TO_NUMPY.fullmatch(stored):
            raise CheckpointError(
                f"{self._path}: {name} is stored as {stored}; supported: F16, F32, F64; "
                "save the model in float32 or float16"
            )
        array: npt.NDArray[Any] = self._handle.get_tensor(name)
        return array


@contextlib.contextmanager
def open_safetensors(path: Path) -> Iterator[SafetensorsState]:
    """Open a safetensors file for reading tensor by tensor.

    Raises CheckpointError naming the file if it is missing, truncated or not a safetensors file.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file; a model folder needs its weights as safetensors")
    try:
        with safe_open(path, framework="numpy") as handle:
            yield SafetensorsState(path, handle)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: not a whole safetensors file ({error}); fetch it again") from error


def checked(
    state: Mapping[str, npt.NDArray[Any]],
    shapes: Mapping[str, tuple[int, ...]],
    dtype: npt.DTypeLike,
    where: str,
) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Yield (parameter name, array cast to `dtype`) for every parameter in `shapes` whose array is sound.

    Raises CheckpointError at once if names are missing or unexpected, and at the end if any array has the
    wrong shape, is no array of floats, or holds values that are not finite in `dtype`.
    """
    source = {_current_name(name): name for name in state}
    clashing = sorted(set(state) - set(source.values()))
    missing = sorted(set(shapes) - set(source))
    unexpected = sorted(source[name] for name in set(source) - set(shapes))
    problems = [
        f"{kind}: {_listed(names)}"
        for kind, names in (("missing", missing), ("unexpected", unexpected), ("given twice", clashing))
        if names
    ]
    if problems:
        _refuse(where, problems)
    for name, shape in shapes.items():
        stored = np.asarray(state[source[name]])
        if stored.shape != shape:
            problem = f"shape {list(stored.shape)}, the configuration needs {list(shape)}"
        elif stored.dtype.kind != "f":
            problem = f"dtype {stored.dtype}, a floating one is needed"
        else:
            with np.errstate(over="ignore"):
                array = np.ascontiguousarray(stored, dtype=dtype)
            wrong = array.size - int(np.count_nonzero(np.isfinite(array)))
            if not wrong:
                yield name, array
                continue
            problem = f"{wrong} of {array.size} values are NaN, infinite or too large for {array.dtype}"
        problems.append(f"{source[name]}: {problem}")
    if problems:
        _refuse(where, problems)


def _refuse(where: str, problems: list[str]) -> None:
    listed = "".join(f"\n  {problem}" for problem in problems[:_LISTED])
    rest = len(problems) - _LISTED
    more = f"\n  and {rest} more" if rest > 0 else ""
    raise CheckpointError(f"{where}: these weights do not fit the model or are damaged:{listed}{more}")


def _listed(names: list[str]) -> str:
    rest = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {rest} more" if rest > 0 else "")


def _current_name(name: str) -> str:
    """Give today's name of a tensor; older releases of diffusers called attention layers otherwise."""
    return _OLD_ATTENTION.sub(lambda found: f"{found[1]}.{_ATTENTION_RENAMES[found[2]]}.{found[3]}", name)
