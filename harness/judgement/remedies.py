"""How a baseline comes to a calibration: what to type, and where."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.baselines.errors import calibrate_command
from harness.cases.case import Case
from harness.judgement.tiers import Tier


def calibration_remedy(
    case: Case, root: Path, device: str, tier: Tier, *, options: Sequence[str] = ()
) -> str:
    """Return what to do for the baseline of ``case`` on ``device`` below ``root`` to have a calibration.

    ``options`` say where the case ran, ``tier`` how that stands to where the baseline was recorded. A
    calibration needs the baseline's own bits, which another environment need not give.
    """
    fitting = fitting_options(options, device, tier)
    command = calibrate_command(case.path, case.suite, case.id, root, options=fitting)
    where = "" if tier is Tier.SAME_ENVIRONMENT else " where the baseline was recorded"
    return f"run {command}{where}"


def fitting_options(options: Sequence[str], device: str, tier: Tier) -> tuple[str, ...]:
    """Return those of ``options`` with which a case runs as its baseline on ``device`` was recorded.

    Across releases another interpreter is left out, across devices the device as well; ``device`` is a key,
    ``cpu`` or an NPU's SoC.
    """
    if tier is Tier.SAME_ENVIRONMENT:
        return tuple(options)
    other = {"--python"} if tier is Tier.ACROSS_RELEASES else {"--python", "--device", "--device-id"}
    pairs = zip(options[::2], options[1::2], strict=True)
    kept = [each for pair in pairs if pair[0] not in other for each in pair]
    if tier is Tier.ACROSS_DEVICES and device != "cpu":
        kept += ["--device", "Ascend"]
    return tuple(kept)
