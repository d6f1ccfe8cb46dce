"""What to type next about a case, the same in every report: explain, run again, calibrate, record."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from harness.baselines.baseline import Baseline
from harness.baselines.errors import calibrate_command, record_command, shown
from harness.cases.case import Case
from harness.judgement.judgement import Judgement, Verdict
from harness.judgement.remedies import fitting_options
from harness.judgement.tiers import Tier


@dataclass(frozen=True)
class Commands:
    """The command lines for one case, each as it can be pasted into a shell."""

    explain: str
    again: str
    calibrate: str
    record: str

    def fitting(self, judgement: Judgement) -> list[tuple[str, str]]:
        """Return a label and a command for each that helps with ``judgement``; none where it passed.

        What came to no comparison has nothing to explain. Recording answers an edit of the case or of the
        code; not to what another environment gives: it would be recorded in this one.
        """
        if judgement.passed:
            return []
        found = [("run again", self.again)]
        if judgement.verdict is not Verdict.ERROR:
            found.insert(0, ("explain", self.explain))
        moved = judgement.verdict is Verdict.DRIFT and judgement.tier is Tier.SAME_ENVIRONMENT
        if moved or judgement.stale:
            found.append(("if meant", self.record))
        return found


def commands(
    case: Case,
    root: Path,
    *,
    baseline: Baseline | None = None,
    tier: Tier | None = None,
    device: str = "CPU",
    python: str | None = None,
) -> Commands:
    """Return what to type about ``case``, whose baselines are below ``root``.

    A ``baseline`` that is calibrated, as one of a case that has to be, is so again when it is recorded anew.
    ``device`` and ``python``, the workers' interpreter, are those that the case ran on; ``tier`` is how that
    stands to where the baseline was recorded, which is where it is calibrated.
    """
    name = f"{shown(case.path)}::{case.id}"
    place = ["--baseline-dir", shown(root)]
    options = calibrating = runner_options(device, python)
    if baseline is not None and tier is not None:
        calibrating = fitting_options(options, baseline.device, tier)
    on = ["--device", device] if device != "CPU" else []
    calibrate = case.needs_calibration or (baseline is not None and baseline.calibration is not None)
    under = [f"--harness-python={python}"] if python else []
    return Commands(
        explain=shlex.join(["harness", "explain", name, *place, *options]),
        again=shlex.join(["pytest", name, *place, *on, *under]),
        calibrate=calibrate_command(case.path, case.suite, case.id, root, options=calibrating),
        record=record_command(
            case.path, case.suite, case.id, root, reason=True, calibrate=calibrate, options=options
        ),
    )


def runner_options(device: str = "CPU", python: str | None = None, device_id: int = 0) -> tuple[str, ...]:
    """Return the options of ``harness`` that make it run where these say; none for what it does anyway."""
    options = ["--device", device] if device != "CPU" else []
    options += ["--device-id", str(device_id)] if device_id else []
    options += ["--python", python] if python else []
    return tuple(options)
