"""The numbers that an entry gets: the same for every environment, from its name alone."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np

from harness.atlas.entry import Drawn, Entry
from harness.measurement.bfloat16 import BFLOAT16, to_bfloat16
from harness.measurement.measurement import Array

# How many values of a result an atlas keeps.
SAMPLE = 24


def generator(*words: object) -> np.random.Generator:
    """Return numpy's PCG64 with a seed made of ``words``."""
    seed = hashlib.sha256(" ".join(map(str, words)).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(seed[:16], "little")))


def draw(entry: Entry, batch: int) -> list[Array]:
    """Return an array for each drawn argument, for a ``batch`` of rows; a smaller batch has the same rows.

    They are rounded to the entry's dtype; bfloat16 is held in float32.
    """
    return [_drawn(each, entry, place, batch) for place, each in enumerate(entry.drawn)]


def draw_parameter(entry: Entry, name: str, shape: tuple[int, ...], dtype: str) -> Array:
    """Return the value of a parameter of the entry's class: a scale is near 1, weights are small."""
    rng = generator("atlas", entry.subject, "parameter", name)
    values = rng.standard_normal(shape, dtype=np.float32)
    if name.endswith("variance"):
        values = np.abs(values) + np.float32(0.5)
    elif len(shape) < 2:
        values = values * np.float32(0.1) + np.float32(name.endswith(("gamma", "norm.weight")))
    else:
        values = values / np.float32(math.sqrt(math.prod(shape[1:])))
    return rounded(values, dtype)


def places(name: str, size: int) -> Array:
    """Return which values of a result of ``size`` values are kept, in order."""
    if size <= SAMPLE:
        return np.arange(size)
    return np.sort(generator("atlas", name, "sample").choice(size, SAMPLE, replace=False))


def rounded(values: Array, dtype: str) -> Array:
    """Return float ``values`` rounded to ``dtype``; others unchanged."""
    if values.dtype.kind != "f":
        return values
    return to_bfloat16(values) if dtype == BFLOAT16 else values.astype(dtype)


def _drawn(spec: Drawn, entry: Entry, place: int, batch: int) -> Array:
    rng = generator("atlas", entry.subject, place)
    shape = (batch, *spec.shape[1:]) if spec.batch else spec.shape
    values = _values(spec.domain, shape, rng)
    return rounded(values, entry.dtype) if spec.dtype is None else values.astype(spec.dtype)


def _values(domain: str, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    if domain == "flags":
        return rng.integers(0, 2, shape) > 0
    if domain.startswith("index "):
        return rng.integers(0, int(domain[6:]), shape)
    normal = rng.standard_normal(shape, dtype=np.float32)
    values: Array = _of_normal(domain, normal, shape)
    return values


def _of_normal(domain: str, normal: Array, shape: tuple[int, ...]) -> Any:
    match domain:
        case "normal":
            return normal
        case "positive":
            return np.abs(normal) + np.float32(0.05)
        case "unit":
            return np.clip(normal / np.float32(4), np.float32(-0.98), np.float32(0.98))
        case "above one":
            return np.abs(normal) + np.float32(1.05)
        case "weights":
            fan = math.prod(shape[1:]) if len(shape) > 2 else shape[0]
            return normal / np.float32(math.sqrt(max(fan, 1)))
        case "sorted":
            return np.sort(normal.ravel()).reshape(shape)
    raise ValueError(f"an entry of the atlas draws from {domain!r}, which is not defined")


def plain(value: Any) -> Any:
    """Return lists as tuples, at every depth: an entry has gone through JSON."""
    return tuple(map(plain, value)) if isinstance(value, list | tuple) else value
