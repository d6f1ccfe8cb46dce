"""Statistics of an array: the few numbers by which an output is known."""

from __future__ import annotations

import numpy as np

from harness.measurement.measurement import REAL_KINDS, Array

QUANTILES = {"q01": 0.01, "q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95, "q99": 0.99}


def moments(array: Array) -> dict[str, float]:
    """Return ``abs_sum, mean, std, min, max, l2`` of ``array`` (any shape, real dtype), computed in float64.

    ``std`` is the population's (divided by n). An empty array has sums of 0 and NaN for the rest.
    Raises TypeError for a dtype that is not real.
    """
    values = _as_float64(array).ravel()
    if values.size == 0:
        nan = float("nan")
        return {"abs_sum": 0.0, "mean": nan, "std": nan, "min": nan, "max": nan, "l2": 0.0}
    # Overflow and NaN are findings of the judgement, not noise on the worker's stderr.
    with np.errstate(all="ignore"):
        return {
            "abs_sum": float(np.abs(values).sum()),
            "mean": float(values.mean()),
            "std": float(values.std()),
            "min": float(values.min()),
            "max": float(values.max()),
            # Not np.linalg.norm: BLAS may sum in another order on another machine.
            "l2": float(np.sqrt(np.square(values).sum())),
        }


def summarise(array: Array) -> dict[str, float]:
    """Return the statistics of an output ``[..., channels]``: moments, quantiles, and moments per channel.

    Keys: those of :func:`moments`, ``q01`` to ``q99`` (linear interpolation), and ``channel<i>.mean``,
    ``.std``, ``.min``, ``.max`` for each entry of the last axis, where there are at least two axes and at
    most 16 channels (a longer last axis is not one of channels). An empty array has no quantiles.
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


def _as_float64(array: Array) -> Array:
    # numpy would drop the imaginary part with no more than a warning.
    if np.asarray(array).dtype.kind not in REAL_KINDS:
        raise TypeError(
            f"an array of dtype {np.asarray(array).dtype} has no statistics; they are of real numbers"
        )
    return np.asarray(array, dtype=np.float64)
