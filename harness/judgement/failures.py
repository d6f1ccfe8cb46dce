"""Errors that carry a typed reason, and the conversion of any error to a reason."""

from __future__ import annotations

from collections.abc import Iterable

from harness.baselines.errors import BaselineUnusable
from harness.baselines.staleness import BaselineStale, FieldChange
from harness.codec import kind_of
from harness.errors import HarnessError
from harness.judgement.reasons import Failed, FieldEdit, Reason, Stale
from harness.remedy import Remedy


class Refused(HarnessError):
    """Something cannot be done with the case called ``name``, for a reason that reporting puts into words.

    The text of the exception is only the kind of the reason. For the message, use
    :func:`harness.reporting.commands.error_text`.
    """

    answers = True

    def __init__(self, name: str, reason: Reason, *, remedy: Remedy | None = None) -> None:
        super().__init__(kind_of(type(reason)), remedy=remedy, about=(name,))
        self.reason = reason


def reason_of(error: HarnessError) -> Reason:
    """Return the reason that ``error`` gives for a case having no verdict."""
    if isinstance(error, Refused):
        return error.reason
    if isinstance(error, BaselineStale):
        return Stale(error.date, edits_of(error.changes))
    failure = error.state if isinstance(error, BaselineUnusable) else "other"
    return Failed(failure, str(error), error.cause)


def edits_of(changes: Iterable[FieldChange]) -> tuple[FieldEdit, ...]:
    """Return how the definition of a case was edited, in the form that reasons use."""
    return tuple(FieldEdit(change.name, change.old, change.new) for change in changes)
