"""How outputs differ, for the page: their images or frames with a map, and a histogram.

An output is shown as pictures if it is ``[n, height, width, channels]`` or ``[n, frames, height, width,
channels]`` with 1, 3 or 4 channels; anything else (latents, embeddings) has none.
"""

from __future__ import annotations

import base64
import io
import math
from typing import Any

import numpy as np
from PIL import Image

from harness.measurement.measurement import Array

_CHANNELS = (1, 3, 4)
# The most that all pictures of a case may add to the page: a browser must be able to open 200 cases.
PIXELS_PASSED, PIXELS_FAILED = 2**16, 2**18
MOST_PICTURES = 64
# Codes 1 to 255 span this many decades below the largest difference, in steps of 5.6 %.
DECADES = 6
BINS_PER_DECADE = 4
# Differences further below the largest than this are counted with the smallest bin.
_HISTOGRAM_DECADES = 10


def picture_set(measured: Array | None, baseline: Array | None, *, pixels: int) -> dict[str, Any] | None:
    """Return the pictures of two outputs as JSON values, or None if neither has any.

    Either may be None. Together they have at most about ``pixels`` pixels: larger ones are reduced by whole
    blocks, pictures to the mean of a block and differences to its largest, so that no pixel that differs is
    lost. If there are more than :data:`MOST_PICTURES`, an even selection is shown that includes the worst.
    """
    sides = {"measured": measured, "baseline": baseline}
    shown = {
        name: side
        for name, side in sides.items()
        if side is not None and side.ndim in (4, 5) and side.shape[-1] in _CHANNELS and side.size
    }
    if not shown:
        return None
    arrays = list(shown.values())
    first, last = arrays[0], arrays[-1]
    low, high = value_range(last)
    distance = difference(first, last) if len(arrays) == 2 else None
    if distance is not None:
        distance = _pictures(distance)
    # If the shapes differ, one side may have fewer.
    count = min(len(_pictures(side)) for side in arrays)
    chosen = _chosen(count, distance)
    frames = first.shape[1] if first.ndim == 5 else 0
    top = 0.0 if distance is None else largest(distance)
    sizes = {name: len(chosen) * side.shape[-3] * side.shape[-2] for name, side in shown.items()}
    blocks = {name: math.ceil(math.sqrt(size / pixels)) for name, size in sizes.items()}

    def item(index: int) -> dict[str, Any]:
        same = distance is not None and not distance[index].any()
        made: dict[str, Any] = {
            "image": index // frames if frames else index,
            "frame": index % frames if frames else None,
            "same": same,
            **dict.fromkeys(("difference", "measured", "baseline")),
        }
        for name, side in shown.items():
            # Equal pictures are stored once.
            if not (same and name == "measured"):
                made[name] = _png(_to_bytes(_pictures(side)[index], low, high, blocks[name]))
        if distance is not None and not same:
            codes = to_codes(_reduced(distance[index], blocks["baseline"], np.maximum), top)
            # The channels are stacked as grey images, because a browser may change colours that are
            # transparent.
            made["difference"] = _png(codes.transpose(2, 0, 1).reshape(-1, codes.shape[1], 1))
            made["largest"] = largest(distance[index])
        return made

    return {
        "low": low,
        "high": high,
        "channels": first.shape[-1],
        "height": first.shape[-3],
        "width": first.shape[-2],
        "block": max(blocks.values()),
        "images": first.shape[0],
        "frames": frames,
        "compared": distance is not None,
        "largest": top,
        "decades": DECADES,
        "items": [item(index) for index in chosen],
    }


def worst_item(found: dict[str, Any]) -> dict[str, Any]:
    """Return the item of a :func:`picture_set` that differs most; the first if none differs."""
    worst: dict[str, Any] = max(found["items"], key=lambda item: item.get("largest", 0.0))
    return worst


def side_by_side(found: dict[str, Any], item: dict[str, Any]) -> dict[str, str]:
    """Return the PNG files, in base64, of an item of a :func:`picture_set`: old, new, and how they differ.

    The difference is amplified linearly, so that the largest of the set is white.
    """
    new = item["baseline"] if item["same"] else item["measured"]
    sides = {"baseline": item["baseline"], "new": new}
    if item["difference"]:
        gain = (found["high"] - found["low"]) / (found["largest"] or math.inf)
        sides[f"difference \u00d7 {gain:,.3g}" if gain else "difference"] = _amplified(
            item, found["channels"]
        )
    return {name: png for name, png in sides.items() if png}


def _amplified(item: dict[str, Any], channels: int) -> str:
    codes = np.asarray(Image.open(io.BytesIO(base64.b64decode(item["difference"]))), np.float64)
    planes = codes.reshape(channels, -1, codes.shape[1]).transpose(1, 2, 0)
    levels = np.where(planes > 0, 255 * 10.0 ** (-DECADES * (255 - planes) / 254), 0.0)
    if channels == 4:
        # A browser would show alpha as transparency.
        levels = np.minimum(levels[..., :3] + levels[..., 3:], 255)
    return _png(np.rint(levels).astype(np.uint8))


def value_range(array: Array) -> tuple[float, float]:
    """Return the values for black and for full brightness: the type's bounds, 0 and 1, or the extremes."""
    if array.dtype.kind == "b":
        return 0.0, 1.0
    if array.dtype.kind in "iu":
        return float(np.iinfo(array.dtype).min), float(np.iinfo(array.dtype).max)
    finite = array[np.isfinite(array)]
    low, high = float(finite.min(initial=np.inf)), float(finite.max(initial=-np.inf))
    if low > high or (low >= 0 and high <= 1):
        return 0.0, 1.0
    return low, high if high > low else low + 1.0


def _pictures(array: Array) -> Array:
    return array.reshape(-1, *array.shape[-3:])


def _chosen(count: int, distance: Array | None) -> list[int]:
    if count <= MOST_PICTURES:
        return list(range(count))
    indices = {round(index) for index in np.linspace(0, count - 1, MOST_PICTURES - 1)}
    if distance is not None:
        indices.add(int(np.argmax(distance[:count].reshape(count, -1).max(axis=1))))
    return sorted(indices)


def _to_bytes(picture: Array, low: float, high: float, block: int) -> Array:
    # NaN is shown as black; the map of differences and the reasons distinguish it from real black.
    values = np.nan_to_num(np.asarray(picture, np.float64), nan=low, posinf=high, neginf=low)
    means = _reduced(values, block, np.add) / _reduced(np.ones_like(values), block, np.add)
    scaled = (np.clip(means, low, high) - low) / (high - low)
    rounded: Array = np.rint(scaled * 255).astype(np.uint8)
    return rounded


def _reduced(values: Array, block: int, how: np.ufunc) -> Array:
    rows, columns = (np.arange(0, size, block) for size in values.shape[:2])
    reduced: Array = how.reduceat(how.reduceat(values, rows, axis=0), columns, axis=1)
    return reduced


def _png(pixels: Array) -> str:
    file = io.BytesIO()
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    image.save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")


def difference(a: Array | None, b: Array | None) -> Array | None:
    """Return ``|a - b|`` in float64: 0 for equal values, infinity if one is NaN or Inf.

    Return None if one of them is missing, or if their values cannot be subtracted.
    """
    if a is None or b is None or a.shape != b.shape or a.dtype != b.dtype:
        return None
    left, right = np.asarray(a, np.float64), np.asarray(b, np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        distance = np.abs(left - right)
    return np.where(left == right, 0.0, np.where(np.isfinite(distance), distance, np.inf))


def largest(distance: Array) -> float:
    """Return the largest finite entry, or 0 if there is none."""
    return float(np.max(distance, initial=0.0, where=np.isfinite(distance)))


def to_codes(distance: Array, top: float) -> Array:
    """Return ``distance`` as uint8 on a logarithmic scale below ``top``, the largest finite difference.

    0 is no difference at all, 255 is ``top`` or a value that is not finite, and k from 1 is ``top * 10 **
    (-DECADES * (255 - k) / 254)``. The smallest difference is never coded as none, so a difference of 1e-7 in
    a picture of ones is as visible as one of 0.1.
    """
    if top == 0:
        return np.where(distance > 0, 255, 0).astype(np.uint8)
    with np.errstate(divide="ignore"):
        codes = 255 + 254 / DECADES * np.log10(distance / top)
    return np.where(distance > 0, np.clip(np.rint(codes), 1, 255), 0).astype(np.uint8)


def histogram(a: Array | None, b: Array | None) -> dict[str, Any] | None:
    """Return a histogram of the differences of two arrays, in bins of a quarter of a decade.

    ``counts[i]`` are differences of ``10 ** (start + i / BINS_PER_DECADE)`` up to the next bin's; the first
    also has all smaller ones. ``equal`` and ``not_finite`` are counted separately.
    """
    distance = difference(a, b)
    if distance is None:
        return None
    finite = distance[np.isfinite(distance)]
    positive = finite[finite > 0]
    result: dict[str, Any] = {
        "total": int(distance.size),
        "equal": int(finite.size - positive.size),
        "not_finite": int(distance.size - finite.size),
        "bins_per_decade": BINS_PER_DECADE,
        "start": 0.0,
        "counts": [],
    }
    if positive.size:
        places = np.floor(np.log10(positive) * BINS_PER_DECADE).astype(int)
        last = int(places.max())
        first = max(int(places.min()), last - _HISTOGRAM_DECADES * BINS_PER_DECADE)
        counts = np.bincount(np.maximum(places, first) - first, minlength=last - first + 1)
        result.update(start=first / BINS_PER_DECADE, counts=[int(count) for count in counts])
    return result
