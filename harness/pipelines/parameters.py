"""The loaded parameters of a pipeline: a checksum of each, after loading, casting and fusing."""

from __future__ import annotations

import difflib
import zlib
from collections.abc import Collection, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from harness.frameworks.framework import current
from harness.measurement.facts import Facts, Sketch
from harness.measurement.measurement import Array
from harness.measurement.sketching import sketch_of
from harness.pipelines.errors import PipelineError

# How many names are shown of those that a pattern may mean.
_NEAREST = 3


def loaded_facts(cells: Iterable[tuple[str, Any]], computed: Sequence[str] = ()) -> Facts:
    """Return the facts of the parameters of ``cells``, each with its name, that were not called yet.

    A parameter that several cells share counts once. Those that match a pattern in ``computed`` get a sketch.
    Raises :class:`PipelineError` for a pattern that no parameter matches.
    """
    parameters: dict[str, str] = {}
    sketches: dict[str, Sketch | None] = {}
    unreadable: list[str] = []
    seen: set[int] = set()
    for component, cell in cells:
        for path, parameter in current().parameters(cell):
            if id(parameter) in seen:
                continue
            seen.add(id(parameter))
            name = f"{component}/{path}"
            try:
                array = current().values(parameter)
                parameters[name] = checksum(array)
            except Exception:  # noqa: BLE001  a user's own parameter may raise anything
                unreadable.append(name)
                continue
            if any(fnmatchcase(name, pattern) for pattern in computed):
                sketches[name] = sketch_of(array)
    _check_matched(computed, (*parameters, *unreadable))
    return Facts(parameters, tuple(unreadable), sketches=sketches)


def _check_matched(computed: Sequence[str], names: Collection[str]) -> None:
    for pattern in computed:
        if any(fnmatchcase(name, pattern) for name in names):
            continue
        # Without the wildcards, which are in no name.
        written = pattern.replace("*", "").replace("?", "")
        near = difflib.get_close_matches(written, names, n=_NEAREST, cutoff=0.3)
        told = f"the nearest names are {', '.join(near)}" if near else "no name is near it"
        told = told if names else "the pipeline holds no cell with parameters"
        raise PipelineError(f"`computed_parameters`: no parameter matches {pattern!r}; {told}")


def checksum(array: Array) -> str:
    """Return the CRC-32 over the bytes, dtype and shape of ``array``, in 8 hex digits.

    It stands against accidents: who could forge it could record a baseline as well. It notices every change
    that lies within 32 bits, such as that of one number, and misses any other once in 2 ** 32. sha256 would
    be twice as slow, and take more than the 3 % of loading that facts may cost.
    """
    # Of bytes, because numpy lacks bfloat16, which MindSpore brings as an extension.
    data = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return f"{zlib.crc32(f'{array.dtype.name} {array.shape}'.encode(), zlib.crc32(data.data)):08x}"
