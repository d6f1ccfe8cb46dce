"""What to do about a finding, as data: it knows no command line, which is for the reader's eyes alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Action(str, Enum):
    """What puts it right."""

    RECORD = "record the baseline that is missing"
    RESTORE = "restore the damaged file, or record the case again"
    UNDO_EDIT = "undo the edit of the case, or record it again"
    CALIBRATE = "calibrate the baseline"
    CALIBRATE_ELSEWHERE = "calibrate where the baseline has these bits, or record it again"
    RECORD_TRACE = "record the deep trace that is missing"
    RECORD_TRACE_AGAIN = "record the deep trace again"
    RECORD_BOTH = "record the deep trace where the baseline has these bits, or both again"


class Where(str, Enum):
    """Where it is to be done, as seen from the run that found it."""

    HERE = "in the environment of the run"
    THIS_DEVICE = "in the environment of the baseline, on the device of the run"
    CPU = "in the environment of the baseline, a CPU"
    NPU = "in the environment of the baseline, an NPU"


@dataclass(frozen=True)
class Remedy:
    """What to do about a finding on one case.

    ``file`` is its suite's, None where that is not known. ``calibrate`` is whether a recording has to be
    calibrated, too: a baseline that changes loses the calibration it had.
    """

    action: Action
    suite: str
    case_id: str
    file: str | None = None
    calibrate: bool = False
    where: Where = Where.HERE
