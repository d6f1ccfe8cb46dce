"""The weights of a user's own pipeline that no checkpoint of its case covers: named files, or cells."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harness.foreign_files import ForeignFileError, hash_foreign
from harness.frameworks.framework import current
from harness.pipelines.errors import CheckpointError, PipelineError
from harness.pipelines.folder import folder_hashes
from harness.pipelines.held import cells_of

_ATTRIBUTE = "checkpoint_files"


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
    names: set[str] = set()
    for each in named:
        if not isinstance(each, str | os.PathLike):
            raise PipelineError(f"{pipeline}: {_ATTRIBUTE} holds {type(each).__name__}, not paths alone")
        path = folder / os.fspath(each)
        # Without the folders of this machine, so that it reads the same everywhere.
        name = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name
        # As much of the path as tells it from those before it.
        parts = 1
        while name in names and parts < len(path.parts):
            parts += 1
            name = "/".join(path.parts[-parts:])
        names.add(name)
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
    return {name: _parameters(cell) for name, cell in cells_of(made)}


def _parameters(cell: Any) -> str:
    digest = hashlib.sha256()
    for name, parameter in sorted(current().parameters(cell), key=lambda item: item[0]):
        array = current().values(parameter)
        digest.update(f"{name} {parameter.dtype} {array.shape}\0".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
