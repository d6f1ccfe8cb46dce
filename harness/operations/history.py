"""Viewing a history: the runs in an environment, and the trend of each case's figures over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.errors import UsageError
from harness.history.database import History
from harness.history.history_record import RunRecord
from harness.history.trends import Trend, trends, where


def view_history(
    file: Path, environment: Mapping[str, str], named: str | None
) -> tuple[Sequence[RunRecord], Sequence[Trend]]:
    """Return the runs of the history ``file`` and the trends of their cases.

    ``environment`` are fields of the fingerprint that a run must have; ``named`` is ``suite``,
    ``suite::case`` or ``suite/case``. Raises UsageError if no run or no case is left.
    """
    all_runs = History(file).runs()
    runs = where(all_runs, environment)
    if environment and not runs:
        there = {case.environment.get(name) for name in environment for run in all_runs for case in run.cases}
        values = ", ".join(sorted(value for value in there if value is not None))
        asked = " ".join(f"--where {name}={value}" for name, value in environment.items())
        raise UsageError(
            f"{asked}: the history has no run in such an environment; it has {values or 'no such field'}"
        )
    return runs, _selected(trends(runs), named)


def _selected(found: Sequence[Trend], named: str | None) -> Sequence[Trend]:
    if named is None:
        return found
    suite, _, case = named.replace("::", "/", 1).partition("/")
    chosen = [trend for trend in found if trend.suite == suite and case in ("", trend.case_id)]
    if not chosen:
        known = ", ".join(trend.name for trend in found[:8]) + (", …" if len(found) > 8 else "")
        raise UsageError(f"{named}: no such case in the history; it has {known or 'none'}")
    return chosen
