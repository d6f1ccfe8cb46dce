"""What happens after the last denoising step, recomputed in float32 with plain arithmetic.

Pipelines turn the last array of the model, which is their latents or what the decoder gives, into images by a
few operations whose results IEEE 754 defines: halving is exact, and the sum after it is rounded once. So the
same array gives the same image everywhere, whatever the dtype of the model.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np

from harness.measurement.figures import HostProcessing
from harness.measurement.measurement import Array
from harness.measurement.perturbation import rounded

_LAST = "channels last"
_HALVED, _IN_FEWER_BITS = "halved plus 0.5", "in the model's dtype"
_UNCLAMPED, _UNIT, _SIGNED = "not clamped", "clamped to [0, 1]", "clamped to [-1, 1]"
_BOUNDS = {_UNIT: (np.float32(0), np.float32(1)), _SIGNED: (np.float32(-1), np.float32(1))}


def recomputed(array: Array, dtype: str, shape: tuple[int, ...]) -> Iterator[tuple[str, Array]]:
    """Yield the name and the float32 result of each recipe that turns ``array`` into ``shape``.

    ``dtype`` is the name of the array's dtype.

    A recipe may move the channels of images ``[n, channels, height, width]`` or videos
    ``[n, channels, frames, height, width]`` to the end, map the values from [-1, 1] to [0, 1], and clamp
    them. A model in fewer bits than float32 may map them before it converts them.
    """
    for layout in ("", f"{_LAST}, ") if array.ndim >= 4 else ("",):
        placed = np.asarray(np.moveaxis(array, 1, -1) if layout else array, np.float32)
        if placed.shape != shape:
            continue
        yield from _clamped(layout, placed, _UNCLAMPED, _UNIT, _SIGNED)
        halved = placed / np.float32(2) + np.float32(0.5)
        yield from _clamped(f"{layout}{_HALVED}, ", halved, _UNCLAMPED, _UNIT)
        if dtype != "float32":
            narrow = rounded(halved, dtype).astype(np.float32)
            yield from _clamped(f"{layout}{_HALVED} {_IN_FEWER_BITS}, ", narrow, _UNCLAMPED, _UNIT)


def _clamped(name: str, values: Array, *ranges: str) -> Iterator[tuple[str, Array]]:
    for each in ranges:
        least, most = _BOUNDS.get(each, (None, None))
        yield name + each, values if least is None else np.clip(values, least, most)


def host_processing(source: str, array: Array, dtype: str, output: Array) -> HostProcessing | None:
    """Return how far each recipe for ``array``, called ``source``, is from ``output``.

    Returns None if no recipe gives an array of its shape, or one that can be compared.
    """
    found = {}
    if output.size and output.dtype.kind == "f":
        for name, made in recomputed(array, dtype, output.shape):
            difference = _largest(made, output)
            if np.isfinite(difference):
                found[name] = difference
    return HostProcessing(source, found) if found else None


def moved_output(host: HostProcessing | None, output: Array, moved: Array) -> HostProcessing | None:
    """Return ``host`` after ``output`` became ``moved`` without the array before it, up to rounding."""
    if host is None:
        return None
    by = _largest(output, moved)
    return HostProcessing(host.source, {name: each + by for name, each in host.differences.items()})


def deviation(
    recipes: Iterable[str], decoded: Array, dtype: str, output: Array
) -> tuple[float, float] | None:
    """Return how far the image that one of ``recipes`` makes of ``decoded`` is from ``output``.

    The two figures are the largest difference and the relative L2 distance, of the recipe that is nearest.
    Returns None if none of them gives the shape of ``output``.
    """
    known = set(recipes)
    found = []
    for name, made in recomputed(decoded, dtype, output.shape):
        if name in known:
            moved = np.subtract(made, output, dtype=np.float64)
            norm = float(np.linalg.norm(np.asarray(output, np.float64)))
            distance = float(np.linalg.norm(moved)) / norm if norm else math.inf
            found.append((float(np.abs(moved).max()), distance))
    return min(found, default=None)


def _largest(made: Array, output: Array) -> float:
    """Return the largest difference of two arrays, as a share of the largest value of the first."""
    difference = float(np.abs(np.subtract(made, output, dtype=np.float64)).max())
    largest = float(np.abs(made).max())
    return difference / largest if largest else math.inf if difference else 0.0
