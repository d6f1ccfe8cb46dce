"""Metrics: how far an output is from a reference, in figures that each see another kind of fault.

Everything is computed in float64. A metric that does not apply to the arrays at hand is absent from the
result; :func:`why_absent` says why.
"""

from __future__ import annotations

import math

import numpy as np

from harness.judgement import images
from harness.measurement.record import Array

# Every metric, in the order it is shown. `max_ulp` explodes near zero: it explains, and no limit may gate it.
METRICS = (
    "max_abs", "mean_abs", "p999_abs", "relative_l2", "cosine_distance", "worst_tile",
    "brightness_shift", "contrast_shift", "psnr", "ssim", "ssim_worst", "max_ulp",
)  # fmt: skip
SIMILARITIES = ("ssim", "ssim_worst")


def compare(output: Array, reference: Array, *, similarity: bool = True) -> dict[str, float]:
    """Return the metrics of ``output`` against ``reference``: same shape and dtype, real, finite.

    Over all values: ``max_abs``, ``mean_abs``, ``p999_abs`` (99.9th percentile) of the absolute difference
    d; ``relative_l2`` = |d| / |reference|; ``cosine_distance`` = 1 - cos; ``max_ulp``, the largest distance
    in representable values. Per image, the worst one reported, so that a sound batch does not hide a bad
    image: ``worst_tile``, ``brightness_shift`` and ``contrast_shift`` (see :mod:`harness.judgement.images`),
    ``psnr`` in dB, ``ssim`` (mean over the image) and ``ssim_worst`` (worst window). An image is what the
    last three axes ``[height, width, channels]`` of an array of four or more axes hold; with fewer axes each
    entry of the first axis counts as one for ``psnr`` and the shifts.

    ``similarity=False`` leaves out SSIM, which takes longer than all the rest. Raises ValueError for arrays
    of different shape or dtype, or with NaN or Inf: those are failures before any metric.
    """
    if output.shape != reference.shape or output.dtype != reference.dtype:
        raise ValueError(
            f"{output.dtype}{output.shape} cannot be compared with {reference.dtype}{reference.shape}"
        )
    a, b = np.asarray(output, np.float64), np.asarray(reference, np.float64)
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("arrays with NaN or Inf cannot be compared")
    if a.size == 0:
        return {}
    # Beyond the range of doubles a metric is infinite, which is over any limit.
    with np.errstate(over="ignore", invalid="ignore"):
        result = _metrics(a, b, reference, similarity=similarity)
    result["max_ulp"] = max_ulp(output, reference)
    return {name: result[name] for name in METRICS if name in result}


def _metrics(a: Array, b: Array, reference: Array, *, similarity: bool) -> dict[str, float]:
    """Return all metrics but ``max_ulp`` of the float64 arrays; ``reference`` is ``b`` in its own dtype."""
    difference = np.abs(a - b)
    scale = images.data_range(reference)
    norm = _norm(b)
    result = {
        "max_abs": float(difference.max()),
        "mean_abs": float(difference.mean()),
        "p999_abs": float(np.quantile(difference, 0.999)),
        "relative_l2": ratio(_norm(difference), norm),
        "cosine_distance": _cosine_distance(a, b),
        "brightness_shift": images.brightness_shift(a, b, scale),
        "contrast_shift": images.contrast_shift(a, b, scale),
        "psnr": images.psnr(difference, scale),
    }
    if images.has_images(a):
        result["worst_tile"] = images.worst_tile(difference)
        if similarity and images.has_windows(a):
            result["ssim"], result["ssim_worst"] = images.structural_similarity(a, b, scale)
    return result


def why_absent(name: str, output: Array) -> str:
    """Return why :func:`compare` has no metric ``name`` for arrays of the form of ``output``."""
    shape = list(output.shape)
    if output.size == 0:
        return f"{name} needs at least one value; the output {shape} is empty"
    if name in SIMILARITIES:
        size = f"{images.SSIM_WINDOW} x {images.SSIM_WINDOW}"
        return f"{name} needs images [n, height, width, channels] of at least {size}; the output is {shape}"
    return f"{name} needs images [n, height, width, channels]; the output is {shape}"


def ratio(difference: float, scale: float) -> float:
    """Return ``difference / scale``, 0 where both are 0 and infinity where only the scale is."""
    if scale == 0:
        return 0.0 if difference == 0 else math.inf
    return difference / scale


def _norm(values: Array) -> float:
    # Scaled by the largest value, so that squares neither overflow nor vanish.
    top = float(np.abs(values).max(initial=0.0))
    return 0.0 if top == 0 else top * math.sqrt(float(np.square(values / top).sum()))


def _cosine_distance(a: Array, b: Array) -> float:
    """Return 1 - cos(a, b) as half the squared distance of the unit vectors, which does not cancel near 0."""
    norms = _norm(a), _norm(b)
    if 0.0 in norms:
        return 0.0 if norms[0] == norms[1] else 1.0
    return 0.5 * float(np.square(a / norms[0] - b / norms[1]).sum())


def max_ulp(a: Array, b: Array) -> float:
    """Return the largest number of representable values between two entries; -0.0 and 0.0 are one value."""
    if a.dtype.kind != "f":
        return float(np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64)).max())
    left, right = _ordered(a), _ordered(b)
    return float((np.maximum(left, right) - np.minimum(left, right)).max())


def _ordered(values: Array) -> Array:
    """Map floats to unsigned integers in the same order, neighbours to neighbours, both zeros to one."""
    width = values.dtype.itemsize * 8
    bits = np.ascontiguousarray(values).view(f"u{values.dtype.itemsize}").astype(np.uint64)
    middle = np.uint64(1 << (width - 1))
    magnitude = bits & (middle - np.uint64(1))
    result: Array = np.where(bits & middle, middle - magnitude, middle + magnitude)
    return result


def scaled(name: str, value: float, factor: float) -> float:
    """Return the value that metric ``name`` has for a difference ``factor`` times that of ``value``."""
    if name == "psnr":
        return value - 20 * math.log10(factor)
    if name in SIMILARITIES:
        return 1 - (1 - value) * factor**2
    return value * factor ** (2 if name == "cosine_distance" else 1)
