"""A dump of msprobe, read: its calls in order, and the arrays of their tensors when they are asked for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.codec import parse_json
from harness.dumps.arrays import READABLE, read_array
from harness.dumps.names import ARRAYS, CONSTRUCT, DUMP, CallName
from harness.dumps.places import Place
from harness.errors import HarnessError
from harness.foreign_files import ForeignFileError, ForeignFileMissing, read_foreign
from harness.measurement.measurement import Array

# A call takes about 1,500 bytes of JSON; the largest models make some ten thousand calls in a step.
LARGEST_JSON = 64 << 20
_DEEPEST = 200
_MOST_SIZE = 1 << 40
_AGAIN = "dump it again"
_TENSORS = ("mindspore.Tensor", "torch.Tensor", "numpy.ndarray")
_NUMBERS = {"bool": "bool", "int": "int64", "float": "float64"}
_MOST_NUMBER = 2**63 - 1


class DumpError(HarnessError):
    """A dump cannot be read, or not be compared with the other one."""


@dataclass(frozen=True)
class Tensor:
    """One tensor or number of a call.

    ``label`` says which one (``input.0``, ``input.timestep``, ``output.1``, ``weight``), ``dtype`` is the
    name without a framework's own spelling, and ``file`` is the name of its array; a number has its ``value``
    instead. ``extremes`` are its largest and smallest value, if ``dump.json`` has both.
    """

    label: str
    dtype: str
    shape: tuple[int, ...]
    file: str | None = None
    value: bool | int | float | None = None
    extremes: tuple[float, float] | None = None


@dataclass(frozen=True)
class DumpedCall:
    """One forward call of a cell or module; ``parent`` is the call that made it, None for the outermost."""

    name: CallName
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    parameters: tuple[Tensor, ...]
    parent: CallName | None


@dataclass(frozen=True)
class Dump:
    """A dump: where it is, the framework that made it, and its calls, inner calls before outer ones.

    ``others`` counts what is in it beside forward calls of cells: operators, backward calls. ``unreadable``
    counts tensors that cannot be compared: complex numbers, eight-bit floats.
    """

    place: Place
    framework: str
    calls: tuple[DumpedCall, ...]
    others: int
    unreadable: int

    def array(self, tensor: Tensor) -> Array:
        """Return the values of ``tensor``; raises :class:`DumpError` unless they are what was dumped."""
        if tensor.file is None:
            return np.array(tensor.value, tensor.dtype)
        path = self.place.folder / ARRAYS / tensor.file
        try:
            array = read_array(path, tensor.dtype, tensor.shape, self.place.folder)
        except ForeignFileMissing:
            raise DumpError(f"{path}: this array of the dump is missing; {_AGAIN}") from None
        except ForeignFileError as error:
            raise DumpError(f"{error}; {_AGAIN}") from None
        if tensor.extremes is not None and array.size and array.dtype.kind == "f":
            largest, smallest = float(array.max()), float(array.min())
            for found, told in zip((largest, smallest), tensor.extremes, strict=True):
                if math.isfinite(found) and not math.isclose(found, told, rel_tol=1e-5, abs_tol=1e-30):
                    raise DumpError(
                        f"{path}: it reaches {found:g}, in {DUMP} {told:g}, so it is of another run or step; "
                        f"{_AGAIN}"
                    )
        return array


def read_dump(place: Place) -> Dump:
    """Read the dump at ``place``, without its arrays; raises :class:`DumpError` for anything else."""
    path = place.folder / DUMP
    content = _json(path)
    data = content.get("data")
    framework, level, task = (content.get(name) for name in ("framework", "level", "task"))
    if not isinstance(data, dict) or not isinstance(framework, str):
        raise DumpError(f"{path}: it is no dump of msprobe; name a folder with the files of one step")
    parents = _parents(place.folder / CONSTRUCT)
    counts = _Counts()
    calls = []
    for text, found in data.items():
        name = CallName.parse(text)
        if name is None:
            counts.others += 1
        elif isinstance(found, dict):
            calls.append(_call(path, name, found, parents.get(text), counts))
        else:
            raise _broken(path, text)
    if not calls:
        raise DumpError(
            f"{path}: it has no forward call of a cell or module (level {level}); dump with level L0 or mix"
        )
    if not counts.files:
        raise DumpError(f"{path}: it has figures, but no arrays (task {task}); dump with the task tensor")
    _check_depth(path, calls)
    return Dump(place, framework, tuple(calls), counts.others, counts.unreadable)


class _Counts:
    """What is counted while a dump is read, and the files that were named."""

    def __init__(self) -> None:
        self.others = self.unreadable = 0
        self.files: set[str] = set()


def _json(path: Path) -> dict[str, Any]:
    try:
        content = parse_json(read_foreign(path, limit=LARGEST_JSON))
    except ForeignFileError as error:
        raise DumpError(f"{error}; name a folder with the files of one step") from None
    except ValueError as error:
        raise DumpError(f"{path}: it is cut off, or no JSON ({error}); {_AGAIN}") from None
    if not isinstance(content, dict):
        raise DumpError(f"{path}: it is no dump of msprobe; {_AGAIN}")
    return content


def _parents(path: Path) -> Mapping[str, CallName | None]:
    """Return which call made which; a dump without extra information does not say so."""
    try:
        found = _json(path)
    except DumpError:
        if path.exists() or path.is_symlink():
            raise
        return {}
    return {
        name: CallName.parse(parent) if isinstance(parent, str) else None for name, parent in found.items()
    }


def _call(
    path: Path, name: CallName, found: Mapping[str, Any], parent: CallName | None, counts: _Counts
) -> DumpedCall:
    def tensors(label: str, *keys: str) -> tuple[Tensor, ...]:
        found_in = (leaf for key in keys for leaf in _leaves(found.get(key), label))
        read = (_tensor(path, name, where, described, counts) for where, described in found_in)
        return tuple(tensor for tensor in read if tensor is not None)

    inputs = tensors("input", "input_args", "input_kwargs")
    return DumpedCall(name, inputs, tensors("output", "output"), tensors("", "parameters"), parent)


def _leaves(value: Any, label: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the descriptions of tensors and numbers in ``value``; it is nested as the arguments were."""
    if isinstance(value, list):
        for place, each in enumerate(value):
            yield from _leaves(each, f"{label}.{place}")
    elif isinstance(value, dict):
        if isinstance(value.get("type"), str):
            yield label, value
            return
        for key, each in value.items():
            yield from _leaves(each, f"{label}.{key}" if label else key)


def _tensor(
    path: Path, name: CallName, label: str, described: Mapping[str, Any], counts: _Counts
) -> Tensor | None:
    kind = described["type"]
    if kind in _NUMBERS:
        value = described.get("value")
        whole = isinstance(value, int) and -_MOST_NUMBER <= value <= _MOST_NUMBER
        if not whole and not (kind == "float" and isinstance(value, float)):
            raise _broken(path, f"{name}.{label}")
        return Tensor(label, _NUMBERS[kind], (), value=value)
    if kind not in _TENSORS:
        return None
    dtype, shape, file = (described.get(key) for key in ("dtype", "shape", "data_name"))
    if not isinstance(dtype, str) or not isinstance(shape, list):
        raise _broken(path, f"{name}.{label}")
    if not all(type(axis) is int and 0 <= axis <= _MOST_SIZE for axis in shape):
        raise _broken(path, f"{name}.{label}")
    if file is None:  # a dump of figures alone
        return None
    if not isinstance(file, str) or "/" in file or "\0" in file or file in ("", ".", ".."):
        raise DumpError(f"{path}: {name}.{label} is in {file!r}, which is no file of the dump; {_AGAIN}")
    if file in counts.files:
        raise DumpError(f"{path}: {file} is named twice; {_AGAIN}")
    counts.files.add(file)
    plain = dtype.lower().removeprefix("torch.")
    if plain not in READABLE:
        counts.unreadable += 1
        return None
    return Tensor(label, plain, tuple(shape), file, extremes=_extremes(described))


def _extremes(described: Mapping[str, Any]) -> tuple[float, float] | None:
    largest, smallest = described.get("Max"), described.get("Min")
    if not isinstance(largest, float) or not isinstance(smallest, float):  # none of an array of integers
        return None
    return (largest, smallest) if math.isfinite(largest) and math.isfinite(smallest) else None


def _check_depth(path: Path, calls: list[DumpedCall]) -> None:
    parents = {call.name: call.parent for call in calls}
    depth: dict[CallName, int] = {}
    for call in calls:
        way: list[CallName] = []
        name: CallName | None = call.name
        while name is not None and name not in depth:
            way.append(name)
            if len(way) > _DEEPEST:
                raise DumpError(f"{path}: its calls are nested more than {_DEEPEST} deep; {_AGAIN}")
            name = parents.get(name)
        below = 0 if name is None else depth[name]
        for each in reversed(way):
            below += 1
            depth[each] = below
        if below > _DEEPEST:
            raise DumpError(f"{path}: its calls are nested more than {_DEEPEST} deep; {_AGAIN}")


def _broken(path: Path, name: str) -> DumpError:
    return DumpError(f"{path}: what it has of {name} is not what msprobe writes; {_AGAIN}")
