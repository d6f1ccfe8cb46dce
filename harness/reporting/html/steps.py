"""The drift of the latents over the denoising steps, compared with what the calibration allows."""

from __future__ import annotations

from typing import Any

from harness.baselines.baseline import Baseline
from harness.baselines.calibration import Calibration
from harness.cases.case import Case
from harness.cases.tolerance import Calibrated
from harness.judgement.calibration.limits import StepLimits, calibrated_limits
from harness.judgement.calibration.spread import distance
from harness.judgement.metrics import statistic_deviation
from harness.judgement.tiers import Tier, safety_factor
from harness.measurement.figures import StepRecord
from harness.measurement.measurement import Measurement


def step_drift(
    case: Case, tier: Tier | None, measured: Measurement, baseline: Baseline
) -> dict[str, Any] | None:
    """Return one entry per step that both sides traced, as JSON values; or None if there is no trace.

    ``figure`` says what ``drift`` is: ``relative_l2`` of the latents if both sides kept them; otherwise
    ``share``, the largest share of its limit that a statistic uses, if the case is calibrated; otherwise
    ``deviation``, the largest deviation of a statistic. ``limit``, ``largest`` and ``median`` (the envelope)
    are None if there is none.
    """
    stored, calibration = baseline.measurement, baseline.calibration
    pairs = list(zip(measured.trace, stored.trace, strict=False))
    if not pairs:
        return None
    factor, limits, envelope = None, {}, {}
    if calibration is not None:
        factor = _factor(case, tier, calibration)
        limits = {limit.step: limit for limit in calibrated_limits(baseline, calibration, factor).steps}
        envelope = {step.step: step for step in calibration.steps}
    ours, theirs = measured.latents, stored.latents
    kept = ours is not None and theirs is not None and ours.shape[1:] == theirs.shape[1:]
    entries = []
    for index, (our, their) in enumerate(pairs):
        entry: dict[str, Any] = {
            "step": our.step,
            "timestep": our.timestep,
            "same": our.sha256 == their.sha256,
            **dict.fromkeys(("limit", "largest", "median", "statistic")),
        }
        limit, spread = limits.get(our.step), envelope.get(our.step)
        if kept and ours is not None and theirs is not None:
            entry["drift"] = distance(ours[index], theirs[index])
            entry["limit"] = None if limit is None else limit.relative_l2
            if spread is not None:
                entry.update(largest=spread.largest, median=spread.median)
        elif limit is not None:
            entry["drift"], entry["statistic"] = _largest_share(our, their, limit)
            entry["limit"] = 1.0
        else:
            entry["drift"], entry["statistic"] = max(
                (statistic_deviation(name, value, their.statistics), name)
                for name, value in our.statistics.items()
            )
        entries.append(entry)
    if not kept and limits:
        # Steps after the onset of chaos have no limit.
        entries = [entry for entry in entries if entry["limit"] is not None]
    return {
        "figure": "relative_l2" if kept else "share" if limits else "deviation",
        "factor": factor,
        "chaotic_from": None if calibration is None else calibration.chaotic_from,
        "traced": [len(measured.trace), len(stored.trace)],
        "steps": entries,
    }


def _factor(case: Case, tier: Tier | None, calibration: Calibration) -> float:
    """Return the factor of the tier's limits, or of those across releases if it has none."""
    for each in filter(None, (tier, Tier.ACROSS_RELEASES)):
        asked = getattr(case.tolerance, each.value)
        if isinstance(asked, Calibrated):
            return safety_factor(each, asked, calibration)
    return safety_factor(Tier.ACROSS_RELEASES, Calibrated(), calibration)


def _largest_share(ours: StepRecord, theirs: StepRecord, limits: StepLimits) -> tuple[float, str]:
    shares = []
    for name, limit in limits.statistics.items():
        deviation = statistic_deviation(name, ours.statistics[name], theirs.statistics)
        shares.append((deviation / limit if limit else float("inf") if deviation else 0.0, name))
    return max(shares)
