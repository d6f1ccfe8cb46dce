"""What a case is held to: stored measurements, their integrity and where they come from."""

from harness.baselines.calibration import DEFAULT_FACTOR, Calibration, StepEnvelope
from harness.baselines.errors import (
    BaselineDamaged,
    BaselineError,
    BaselineMissing,
    calibrate_command,
    record_command,
)
from harness.baselines.git import git_commit
from harness.baselines.record import Baseline, Provenance, device_key
from harness.baselines.staleness import (
    BaselineState,
    FieldChange,
    definition_changes,
    orphans,
    stale_message,
    state_of,
    unusable,
)
from harness.baselines.store import BaselineStore, Key, Written, check_storable

__all__ = [
    "DEFAULT_FACTOR",
    "Baseline",
    "BaselineDamaged",
    "BaselineError",
    "BaselineMissing",
    "BaselineState",
    "BaselineStore",
    "Calibration",
    "FieldChange",
    "Key",
    "Provenance",
    "StepEnvelope",
    "Written",
    "calibrate_command",
    "check_storable",
    "definition_changes",
    "device_key",
    "git_commit",
    "orphans",
    "record_command",
    "stale_message",
    "state_of",
    "unusable",
]
