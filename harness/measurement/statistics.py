"""Statistics of an array, the few numbers that identify an output, and the distance of two arrays in ulp."""

from __future__ import annotations

import numpy as np

from harness.measurement.measurement import REAL_KINDS, Array

QUANTILES = {"q01": 0.01, "q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95, "q99": 0.99}


def moments(array: Array) -> dict[str, float]:
    """Return ``abs_sum, mean, std, min, max, l2`` of ``array`` (any shape, real dtype), computed in float64.

    ``std`` is the population standard deviation (divided by n). An empty array has sums of 0, and NaN for the
    rest. Raises TypeError for a dtype that is not real.
    """
    values = _as_float64(array).ravel()
    if values.size == 0:
        nan = float("nan")
        return {"abs_sum": 0.0, "mean": nan, "std": nan, "min": nan, "max": nan, "l2": 0.0}
    # Overflow and NaN are for the judgement to report, not noise on the worker's stderr.
    with np.errstate(all="ignore"):
        return {
            "abs_sum": float(np.abs(values).sum()),
            "mean": float(values.mean()),
            "std": float(values.std()),
            "min": float(values.min()),
            "max": float(values.max()),
            # Not np.linalg.norm: BLAS may sum in a different order on another machine.
            "l2": float(np.sqrt(np.square(values).sum())),
        }


def summarise(array: Array) -> dict[str, float]:
    """Return the statistics of an output ``[..., channels]``: moments, quantiles, and moments per channel.

    The keys are those of :func:`moments`, ``q01`` to ``q99`` (linear interpolation), and ``channel<i>.mean``,
    ``.std``, ``.min``, ``.max`` for each entry of the last axis. The channel keys require at least two axes
    and at most 16 channels, because a longer last axis does not hold channels. An empty array has no
    quantiles.
    """
    result = moments(array)
    values = _as_float64(array)
    if values.size:
        with np.errstate(all="ignore"):
            quantiles = np.quantile(values, list(QUANTILES.values()))
        result.update(zip(QUANTILES, map(float, quantiles), strict=True))
    if values.ndim >= 2 and 0 < values.shape[-1] <= 16:
        for index in range(values.shape[-1]):
            channel = moments(values[..., index])
            result.update({f"channel{index}.{key}": channel[key] for key in ("mean", "std", "min", "max")})
    return result


def max_ulp(a: Array, b: Array) -> float:
    """Return the largest distance of an entry of ``a`` from that of ``b``, in representable values.

    -0.0 and 0.0 are one value. For integers and booleans, the result is the largest difference. ``a`` and
    ``b`` are finite and not empty, and have the same shape and dtype.
    """
    if a.dtype.kind != "f":
        return float(np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64)).max())
    width = a.dtype.itemsize
    left, right = (np.atleast_1d(values).view(f"i{width}") for values in (a, b))
    furthest = 0
    unlike = left ^ right
    opposite = unlike < 0 if unlike.min() < 0 else None
    # Two values of the same sign are as far apart as their bits.
    apart = np.subtract(left, right, out=unlike)
    if opposite is not None:
        # Two values of opposite signs are as far apart as the sum of their distances from 0, which may exceed
        # the signed range.
        magnitude = np.iinfo(left.dtype).max
        left, right = ((bits[opposite] & magnitude).view(f"u{width}") for bits in (left, right))
        furthest = int((left + right).max())
        apart[opposite] = 0
    return float(max(furthest, int(apart.max()), -int(apart.min())))


def _as_float64(array: Array) -> Array:
    values = np.asarray(array)
    # numpy would drop the imaginary part with only a warning.
    if values.dtype.kind not in REAL_KINDS:
        raise TypeError(f"an array of dtype {values.dtype} has no statistics; they are of real numbers")
    return values.astype(np.float64, copy=False)
