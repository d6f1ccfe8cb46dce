"""What kept a case from a measurement, or from a baseline to hold it to, as a reason."""

from __future__ import annotations

from harness.baselines.errors import BaselineUnusable
from harness.baselines.staleness import BaselineStale
from harness.errors import HarnessError
from harness.judgement.reasons import Failed, FieldEdit, Reason, Stale


def reason_of(error: HarnessError) -> Reason:
    """Return why a case comes to no verdict for ``error``."""
    if isinstance(error, BaselineStale):
        edits = (FieldEdit(change.name, change.old, change.new) for change in error.changes)
        return Stale(error.baseline.provenance.date, tuple(edits))
    return Failed(error.state if isinstance(error, BaselineUnusable) else "other", str(error))
