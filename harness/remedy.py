"""What to do about a finding, as data. Command lines are made only when the remedy is shown."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Action(str, Enum):
    """The action that fixes the problem."""

    RECORD = "record the baseline that is missing"
    RESTORE = "restore the damaged file, or record the case again"
    UNDO_EDIT = "undo the edit of the case, or record it again"
    CALIBRATE = "calibrate the baseline"
    CALIBRATE_ELSEWHERE = "calibrate where the baseline has these bits, or record it again"
    RECORD_TRACE = "record the deep trace that is missing"
    RECORD_TRACE_AGAIN = "record the deep trace again"
    EXPLAIN_CODE = "compare with the code that the baseline was computed with"
    RECORD_REFERENCE = "record the reference that is missing, with an interpreter that has torch"
    RECORD_BOTH = "record the deep trace where the baseline has these bits, or both again"


class Where(str, Enum):
    """Where to take the action, relative to the run that found the problem."""

    HERE = "in the environment of the run"
    THIS_DEVICE = "in the environment of the baseline, on the device of the run"
    CPU = "in the environment of the baseline, a CPU"
    NPU = "in the environment of the baseline, an NPU"


@dataclass(frozen=True)
class Remedy:
    """What to do about a finding on one case.

    ``file`` is the file of its suite, or None if unknown. ``calibrate`` is whether a recording must also be
    calibrated, because a baseline that changes loses its calibration. ``revision`` is a git commit of the
    user's own code.
    """

    action: Action
    suite: str
    case_id: str
    file: str | None = None
    calibrate: bool = False
    where: Where = Where.HERE
    revision: str | None = None
