"""The weights of a user's own pipeline that no checkpoint of its case covers: named files, or cells."""

from __future__ import annotations

import functools
import hashlib
import inspect
import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from harness.foreign_files import ForeignFileError, hash_foreign
from harness.pipelines.errors import CheckpointError, PipelineError
from harness.pipelines.folder import folder_hashes

_ATTRIBUTE = "checkpoint_files"
# A pipeline keeps its models at most in a list of an object of its own; the rest is other people's objects.
_DEEPEST = 4
_MOST_OBJECTS = 10_000
_CONTAINERS = (Mapping, list, tuple)
_PLAIN = (str, bytes, int, float, complex, np.ndarray, type(None))


def named_weights(pipeline: str, factory: Any, made: Any) -> dict[str, str] | None:
    """Return the sha256 of the files that ``made`` or its ``factory`` names; None if neither names any.

    The attribute ``checkpoint_files`` lists paths of files and folders, relative to the folder of the
    factory's module. Raises :class:`PipelineError` if it is anything else, and if a file cannot be read.
    """
    named = getattr(made, _ATTRIBUTE, None)
    named = getattr(factory, _ATTRIBUTE, None) if named is None else named
    if named is None:
        return None
    if isinstance(named, Mapping):
        # A pipeline of harness's core, which a factory may return, has the hashes of its files already.
        return {str(name): str(sha256) for name, sha256 in named.items()} or None
    if isinstance(named, str | bytes) or not isinstance(named, Iterable):
        raise PipelineError(f"{pipeline}: {_ATTRIBUTE} is not a list of paths")
    # Not the file of the function, which may be that of a decorator.
    folder = Path(sys.modules[factory.__module__].__file__ or "").parent
    found: dict[str, str] = {}
    for each in named:
        if not isinstance(each, str | os.PathLike):
            raise PipelineError(f"{pipeline}: {_ATTRIBUTE} holds {type(each).__name__}, not paths alone")
        path = folder / os.fspath(each)
        # Without the folders of this machine, so that it reads the same everywhere.
        name = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name
        if name in found:
            name = f"{path.parent.name}/{path.name}"
        try:
            if path.is_dir():
                found |= {f"{name}/{inner}": sha256 for inner, sha256 in folder_hashes(path).items()}
            else:
                found[name] = hash_foreign(path)
        except (ForeignFileError, CheckpointError) as error:
            raise PipelineError(f"{pipeline}: {_ATTRIBUTE}: {error}") from None
    return found


def cell_weights(made: Any) -> dict[str, str]:
    """Return the sha256 over the parameters of each cell that ``made`` holds, by where it holds the cell."""
    if "mindspore" not in sys.modules:
        return {}
    return {name: _parameters(cell) for name, cell in _cells(made)}


def _cells(made: Any) -> Iterator[tuple[str, Any]]:
    from mindspore import nn

    seen: set[int] = set()
    kept: list[Any] = []  # so that no address is used twice
    waiting: deque[tuple[str, Any, int]] = deque([("", made, 0)])
    while waiting and len(seen) < _MOST_OBJECTS:
        name, value, depth = waiting.popleft()
        if id(value) in seen or isinstance(value, _PLAIN):
            continue
        seen.add(id(value))
        kept.append(value)
        if isinstance(value, nn.Cell):
            yield name or type(value).__name__, value
        elif depth < _DEEPEST:
            # They may do anything when they are looked into.
            with suppress(Exception):
                held = islice(_held(value), _MOST_OBJECTS)
                waiting += [(f"{name}.{key}".strip("."), each, depth + 1) for key, each in held]


def _held(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield what ``value`` holds that may be a cell, or hold one."""
    if isinstance(value, Mapping):
        yield from ((str(key), value[key]) for key in value)
    elif isinstance(value, list | tuple):
        yield from ((str(index), each) for index, each in enumerate(value))
    elif inspect.ismethod(value):
        yield from (("", value.__self__), ("", value.__func__))
    elif isinstance(value, functools.partial):
        yield from (("", value.func), ("", value.args), ("", value.keywords))
    elif inspect.isfunction(value):
        names = inspect.getclosurevars(value)
        # A container of the module may be a cache, which holds what other cases loaded.
        shared = {key: each for key, each in names.globals.items() if not isinstance(each, _CONTAINERS)}
        yield from sorted({**shared, **names.nonlocals}.items(), key=lambda item: item[0])
    elif not isinstance(value, type) and not inspect.ismodule(value):
        yield from sorted(getattr(value, "__dict__", {}).items())


def _parameters(cell: Any) -> str:
    digest = hashlib.sha256()
    for name, parameter in sorted(cell.parameters_and_names(), key=lambda item: item[0]):
        array = parameter.asnumpy()
        digest.update(f"{name} {parameter.dtype} {array.shape}\0".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
