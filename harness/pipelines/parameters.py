"""The loaded parameters of a pipeline: a checksum of each, after loading, casting and fusing."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from harness.measurement.facts import Facts
from harness.measurement.measurement import Array


def loaded_facts(cells: Iterable[tuple[str, Any]]) -> Facts:
    """Return the facts of the parameters of ``cells``, each with its name, that were not called yet.

    A parameter that several cells share counts once.
    """
    parameters: dict[str, str] = {}
    unreadable: list[str] = []
    seen: set[int] = set()
    for component, cell in cells:
        for path, parameter in cell.parameters_and_names():
            if id(parameter) in seen:
                continue
            seen.add(id(parameter))
            name = f"{component}/{path}"
            try:
                parameters[name] = checksum(parameter.asnumpy())
            except Exception:  # noqa: BLE001  a user's own parameter may raise anything
                unreadable.append(name)
    return Facts(parameters, tuple(unreadable))


def checksum(array: Array) -> str:
    """Return the CRC-32 over the bytes, dtype and shape of ``array``, in 8 hex digits.

    It stands against accidents: who could forge it could record a baseline as well. It notices every change
    that lies within 32 bits, such as that of one number, and misses any other once in 2 ** 32. sha256 would
    be twice as slow, and take more than the 3 % of loading that facts may cost.
    """
    # Of bytes, because numpy lacks bfloat16, which MindSpore brings as an extension.
    data = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return f"{zlib.crc32(f'{array.dtype.name} {array.shape}'.encode(), zlib.crc32(data.data)):08x}"
