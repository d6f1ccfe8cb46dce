"""The tolerance that a case's power is measured at, as plain data."""

from __future__ import annotations

from typing import Any

from harness.baselines.baseline import Baseline
from harness.cases.case import Case
from harness.cases.tolerance import Calibrated, Limits
from harness.judgement.power.detection import TIER
from harness.judgement.tiers import safety_factor


def tolerance_used(case: Case, baseline: Baseline) -> dict[str, Any]:
    """Return the tolerance across releases as :class:`CasePower` keeps it; ``baseline`` is calibrated."""
    tolerance = case.tolerance.across_releases
    if isinstance(tolerance, Limits):
        return {"kind": "limits", "limits": tolerance.given()}
    if not isinstance(tolerance, Calibrated):
        return {"kind": "exact"}
    calibration = baseline.calibration
    assert calibration is not None
    factor = safety_factor(TIER, tolerance, calibration)
    return {"kind": "calibrated", "factor": factor, "members": len(calibration.members)}
