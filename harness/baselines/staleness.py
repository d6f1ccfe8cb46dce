"""What changed in a case since its baseline was recorded."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from harness.baselines.baseline import Baseline, Header
from harness.baselines.errors import BaselineUnusable
from harness.cases.case import Case
from harness.remedy import Action

ABSENT = "(absent)"
# A prompt of a few sentences; an argument may have a megabyte.
_LONGEST = 1000


@dataclass(frozen=True)
class FieldChange:
    """A field of a case's definition that changed since the recording; both values as JSON text."""

    name: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.name}: {self.old} -> {self.new}"


class BaselineStale(BaselineUnusable):
    """The case was edited since the recording of ``date``; ``changes`` are the edits to its definition."""

    state = "stale"

    def __init__(self, case: Case, baseline: Baseline | Header) -> None:
        recorded = baseline.provenance
        changes = definition_changes(recorded.case_definition, case.definition())
        what = "; ".join(map(str, changes)) or "its hash, which another version of harness computed otherwise"
        super().__init__(
            f"the case was edited since its baseline was recorded on {recorded.date}: {what}",
            remedy=case.remedy(Action.UNDO_EDIT, calibrate=recalibrated(case, baseline)),
        )
        self.date = recorded.date
        self.changes = changes


def stale(case: Case, baseline: Baseline | Header) -> BaselineStale | None:
    """Return why ``baseline`` is not a baseline of ``case`` as now defined, or None if it is."""
    return None if baseline.provenance.case_hash == case.hash() else BaselineStale(case, baseline)


def recalibrated(case: Case, baseline: Baseline | Header | None) -> bool:
    """Whether a recording of ``case`` that replaces ``baseline`` must be calibrated, as ``baseline`` was."""
    return case.needs_calibration or (baseline is not None and baseline.calibration is not None)


def definition_changes(recorded: dict[str, Any], current: dict[str, Any]) -> tuple[FieldChange, ...]:
    """Return the fields in which two definitions of a case differ; nested fields have dotted names."""
    old, new = _flat(recorded), _flat(current)
    names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    return tuple(
        FieldChange(name, _cut(old.get(name, ABSENT)), _cut(new.get(name, ABSENT))) for name in names
    )


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text):,} characters)"


def _flat(definition: dict[str, Any], prefix: str = "") -> dict[str, str]:
    flat = {}
    for name, value in definition.items():
        if isinstance(value, dict) and value:
            flat.update(_flat(value, f"{prefix}{name}."))
        else:
            flat[prefix + name] = json.dumps(value, sort_keys=True)
    return flat
