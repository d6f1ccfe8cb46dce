"""Derive limits from an envelope: the largest deviation of the members, times a safety factor.

Norms of the difference (``relative_l2``, ``max_abs``, …) cannot cancel, and the members agree on them. A
statistic can cancel: its deviation has a sign, so ten members may all be near zero and the eleventh fails.
With hundreds of statistics in a run (output and steps), that would fail a sound run every other time. The
limit on a statistic is therefore the members' largest distance at its place, the *spread*, times the largest
*share* of the spread that any statistic of its kind had anywhere in the run. This pools hundreds of
deviations into a handful of shares. ``benchmarks/envelope.py`` measures the gain and the cost.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from harness.baselines.baseline import Baseline
from harness.baselines.calibration import Calibration
from harness.cases.tolerance import AT_LEAST, Limits
from harness.judgement import images
from harness.judgement.metrics import scaled

# Explains but never decides, because it explodes near zero.
_NO_LIMIT = ("max_ulp",)
# Float64's own rounding in SSIM. Nothing else is left of SSIM when two images differ only by rounding.
_SIMILARITY_ROUNDING = 1e-12
_KINDS = {"abs_sum": "sum", "l2": "sum", "mean": "mean", "std": "std", "min": "extreme", "max": "extreme"}


@dataclass(frozen=True)
class StepLimits:
    """The limits on the latents after one step: each statistic's deviation and the relative L2 distance."""

    step: int
    statistics: Mapping[str, float]
    relative_l2: float


@dataclass(frozen=True)
class CalibratedLimits:
    """The limits of a calibrated case, on its output (None if the output is chaotic) and on each step."""

    output: Limits | None
    steps: tuple[StepLimits, ...]


def kind_of(statistic: str) -> str:
    """Return the kind of a statistic. Statistics of the same kind share what was observed of any of them."""
    return _KINDS.get(statistic.rpartition(".")[2], "quantile")


def calibrated_limits(baseline: Baseline, calibration: Calibration, factor: float) -> CalibratedLimits:
    """Return the limits derived from ``calibration``, which was made against ``baseline``, and ``factor``.

    The safety factor ``factor`` applies to the size of the difference, so metrics of second order in the
    difference use its square. Once the case is chaotic, the remaining steps have no limits, and neither does
    its output.
    """
    shares = _shares(calibration)
    steps = tuple(
        StepLimits(
            step=step.step,
            statistics=_statistic_limits(step.statistics, step.largest, shares, factor),
            relative_l2=step.largest * factor,
        )
        for step in calibration.sound_steps
    )
    if calibration.chaotic_from is not None:
        return CalibratedLimits(None, steps)
    envelope = {**calibration.metrics, **_shifts(baseline, calibration, shares)}
    metrics = {
        name: _metric_limit(name, value, factor) for name, value in envelope.items() if name not in _NO_LIMIT
    }
    spread = calibration.metrics["relative_l2"]
    statistics = _statistic_limits(calibration.statistics, spread, shares, factor)
    return CalibratedLimits(Limits.model_validate({**metrics, "statistics": statistics}), steps)


def _metric_limit(name: str, envelope: float, factor: float) -> float:
    limit = scaled(name, envelope, factor)
    if name not in AT_LEAST:
        return limit
    return max(limit if name == "psnr" else limit - _SIMILARITY_ROUNDING, 0.0)


def _shares(calibration: Calibration) -> dict[str, float]:
    """Return the largest share of the spread that a sound statistic of each kind deviated by, anywhere."""
    places = [(step.statistics, step.largest) for step in calibration.sound_steps]
    if calibration.chaotic_from is None:
        places.append((calibration.statistics, calibration.metrics["relative_l2"]))
    shares: dict[str, float] = {}
    for statistics, spread in places:
        for name, deviation in statistics.items() if spread > 0 else ():
            kind = kind_of(name)
            shares[kind] = max(shares.get(kind, 0.0), deviation / spread)
    return shares


def _statistic_limits(
    deviations: Mapping[str, float], spread: float, shares: Mapping[str, float], factor: float
) -> dict[str, float]:
    # The largest share comes from one of these deviations. Multiplied by the spread, it may round to less
    # than that deviation.
    return {
        name: max(deviation, shares.get(kind_of(name), 0.0) * spread) * factor
        for name, deviation in deviations.items()
    }


def _shifts(baseline: Baseline, calibration: Calibration, shares: Mapping[str, float]) -> dict[str, float]:
    """Return the envelope of the two shifts, which can cancel like the mean and deviation they come from."""
    statistics, dtype = baseline.measurement.statistics, baseline.measurement.output.dtype
    rms = math.hypot(statistics["mean"], statistics["std"])
    units = {
        "brightness_shift": ("mean", images.data_range(dtype, statistics["min"], statistics["max"])),
        "contrast_shift": ("std", statistics["std"]),
    }
    spread = calibration.metrics["relative_l2"]
    return {
        name: max(calibration.metrics[name], shares.get(kind, 0.0) * spread * rms / unit if unit else 0.0)
        for name, (kind, unit) in units.items()
        if name in calibration.metrics
    }
