"""Where a baseline comes to a calibration."""

from __future__ import annotations

from harness.cases.case import Case
from harness.judgement.tiers import Tier
from harness.remedy import Action, Remedy, Where


def calibration_remedy(case: Case, device: str, tier: Tier) -> Remedy:
    """Return what to do for the baseline of ``case`` on ``device`` to have a calibration.

    ``tier`` is how the environment of the run stands to where the baseline was recorded.
    """
    return case.remedy(Action.CALIBRATE, where=where_recorded(device, tier))


def where_recorded(device: str, tier: Tier) -> Where:
    """Return where the baseline on ``device`` was recorded, as seen from a run that is ``tier`` from there.

    ``device`` is a key, ``cpu`` or an NPU's SoC. A calibration needs the baseline's own bits, which another
    environment need not give.
    """
    if tier is Tier.SAME_ENVIRONMENT:
        return Where.HERE
    if tier is Tier.ACROSS_RELEASES:
        return Where.THIS_DEVICE
    return Where.CPU if device == "cpu" else Where.NPU
