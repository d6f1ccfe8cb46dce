"""Metrics: how far an output is from a reference, in figures that each reveal a different kind of fault.

Everything is computed block by block, in float64 (SSIM in float32 where that is enough). Arrays of any size
therefore need only the memory of a few blocks and of the 0.1 % largest differences. A metric that does not
apply to the given arrays is absent from the result; :func:`why_absent` says why.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping

import numpy as np

from harness.errors import UsageError
from harness.judgement import images
from harness.judgement.norms import Norms, safe_unit
from harness.judgement.reasons import MetricNeedsImages, MetricNeedsValues
from harness.judgement.similarity import SSIM_WINDOW, structural_similarity
from harness.judgement.sums import sum_up
from harness.measurement.bfloat16 import float32_ulps
from harness.measurement.measurement import Array

# Every metric, in display order. `max_ulp` explodes near zero: it explains, and no limit may gate it.
METRICS = (
    "max_abs", "mean_abs", "p999_abs", "relative_l2", "cosine_distance", "worst_tile",
    "brightness_shift", "contrast_shift", "psnr", "ssim", "ssim_worst", "max_ulp",
)  # fmt: skip
SIMILARITIES = ("ssim", "ssim_worst")

# A metric (for a similarity, its distance from 1) grows with this power of the size of a small difference.
# The angle and SSIM are at their optimum without a difference, so they start with the square. PSNR is its
# logarithm.
ORDER = {
    "max_abs": 1, "mean_abs": 1, "p999_abs": 1, "relative_l2": 1, "cosine_distance": 2, "worst_tile": 1,
    "brightness_shift": 1, "contrast_shift": 1, "ssim": 2, "ssim_worst": 2, "max_ulp": 1,
}  # fmt: skip

# Metrics are computed in float64, which represents all integers up to this one.
_WHOLE = 2**53

# Sums over all values. They scale with the number of values, so their own size is their unit.
SUMS = ("abs_sum", "l2")


def compare(
    output: Array, reference: Array, *, similarity: bool = True, dtype: str | None = None
) -> dict[str, float]:
    """Return the metrics of ``output`` against ``reference``: same shape and dtype, real, finite.

    Over all values: ``max_abs``, ``mean_abs``, ``p999_abs`` (99.9th percentile) of the absolute difference d;
    ``relative_l2`` = |d| / |reference|; ``cosine_distance`` = 1 - cos; ``max_ulp``, the largest distance in
    representable values. Per image, with the worst image reported so that a sound batch does not hide a bad
    one: ``worst_tile`` (mean of d over one channel of an 8 x 8 tile), ``brightness_shift`` (change of the
    mean, in units of the data range), ``contrast_shift`` (|std(output) / std(reference) - 1|), ``psnr`` in
    dB, ``ssim`` (mean over the image) and ``ssim_worst`` (worst window). See :mod:`harness.judgement.images`
    for data range and tiles, :mod:`harness.judgement.similarity` for SSIM. In an array with four or more
    axes, an image is the last three axes ``[height, width, channels]``. With fewer axes, each entry of the
    first axis counts as an image for ``psnr`` and the shifts.

    ``dtype`` is the name of the dtype of the values, if that is not the arrays': bfloat16, held in float32.
    ``similarity=False`` leaves out SSIM, which takes longer than everything else together. Raises ValueError
    for arrays that differ in shape or dtype or contain NaN or Inf: those are failures before any metric.
    """
    if output.shape != reference.shape or output.dtype != reference.dtype:
        raise ValueError(
            f"{output.dtype}{output.shape} cannot be compared with {reference.dtype}{reference.shape}"
        )
    if output.size == 0:
        return {}
    low, high = _extent(reference)
    unit = 1.0
    if output.dtype == np.float64:
        unit = safe_unit(max(map(abs, (low, high, *_extent(output)))))
    # Must not be 0, even if the values of the output dwarf those of the reference.
    scale = max(images.data_range(reference.dtype, low, high) / unit, sys.float_info.min)
    # A metric beyond the range of doubles is infinite, which exceeds any limit.
    with np.errstate(over="ignore", invalid="ignore"):
        sums = sum_up(output, reference, unit=unit, scale=scale)
        norms = Norms(output, reference, unit, sums)
        result = {
            "max_abs": sums.top,
            "mean_abs": sums.total / output.size,
            "p999_abs": sums.quantile,
            "relative_l2": ratio(norms.difference, norms.reference),
            "cosine_distance": norms.cosine_distance(),
            "brightness_shift": sums.mean_shift / scale,
            "contrast_shift": sums.contrast,
            "psnr": images.psnr(sums.error, scale),
            "max_ulp": sums.ulp / float32_ulps(dtype) if output.dtype.kind == "f" else sums.top,
        }
        if images.has_images(output):
            result["worst_tile"] = sums.tile
        if similarity and images.has_windows(output):
            centre = (low / 2 + high / 2) / unit
            result["ssim"], result["ssim_worst"] = structural_similarity(
                output, reference, centre=centre, scale=scale, top=sums.top / unit, unit=unit
            )
    return {name: result[name] for name in METRICS if name in result}


def check_exact(*arrays: Array) -> None:
    """Raise :class:`UsageError` if one of ``arrays`` has integers whose differences are not exact in float64.

    Such a difference could become 0, and pass any limit.
    """
    for array in arrays:
        if array.dtype.kind not in "iu" or array.size == 0:
            continue
        if int(array.max()) > _WHOLE or int(array.min()) < -_WHOLE:
            raise UsageError(
                "whole numbers beyond 2**53 have no exact difference: compare without limits "
                '(in a tolerance, "exact")'
            )


def scaled(name: str, value: float, factor: float) -> float:
    """Return the ``value`` of metric ``name`` extrapolated to a difference ``factor`` times as large.

    With the metric's :data:`ORDER` n, the result is ``value * factor**n``. For a similarity, the same applies
    to its distance from 1. For ``psnr``, the logarithm of the difference's square, it is
    ``value - 20 log10(factor)``. This turns the effect of rounding on a metric into a limit for ``factor``
    times that rounding. It holds for differences that are small compared with the values; a similarity may
    end up below its range.

    Raises KeyError if ``name`` is not a metric, ValueError if ``factor`` is not above 0.
    """
    if not factor > 0:
        raise ValueError(f"a difference cannot become {factor} times as large")
    if name == "psnr":
        return value - 20 * math.log10(factor)
    growth = factor ** ORDER[name]
    return 1 - (1 - value) * growth if name in SIMILARITIES else value * growth


def why_absent(name: str, output: Array) -> MetricNeedsValues | MetricNeedsImages:
    """Return why :func:`compare` has no metric ``name`` for arrays with the shape and dtype of ``output``."""
    if output.size == 0:
        return MetricNeedsValues(name, output.shape)
    return MetricNeedsImages(name, output.shape, SSIM_WINDOW if name in SIMILARITIES else None)


def ratio(difference: float, scale: float) -> float:
    """Return ``difference / scale``: 0 if both are 0, infinity if only ``scale`` is 0."""
    if scale == 0:
        return 0.0 if difference == 0 else math.inf
    return difference / scale


def statistic_deviation(name: str, measured: float, baseline: Mapping[str, float]) -> float:
    """Return the deviation of one statistic from ``baseline``'s, as a fraction.

    For ``abs_sum`` and ``l2``: ``|measured - baseline| / |baseline|``. All other statistics (mean, std, min,
    max, quantiles, and those per channel) have the unit of the values and may well be near 0. For them:
    ``|measured - baseline| / rms``, where ``rms`` is the root mean square of the baseline's values,
    ``hypot(mean, std)``. 0/0 is 0, and x/0 is infinite.

    Raises KeyError if the baseline lacks ``name``, or the ``mean`` and ``std`` that define the scale.
    """
    reference = baseline[name]
    scale = abs(reference) if name in SUMS else math.hypot(baseline["mean"], baseline["std"])
    return ratio(abs(measured - reference), scale)


def _extent(array: Array) -> tuple[float, float]:
    return float(array.min()), float(array.max())
