"""Viewing a history: the runs in an environment, and the trend of each case's figures over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.errors import UsageError
from harness.history.database import History, is_history
from harness.history.history_record import RunRecord
from harness.history.trends import Trend, trends, where


def find_history(place: Path) -> Path:
    """Return the history that ``place`` names: the file itself, or the only history in that folder.

    Raises UsageError for a folder with none, or with several.
    """
    if not place.is_dir():
        return place
    found = sorted(path for path in place.iterdir() if is_history(path))
    if len(found) != 1:
        known = ", ".join(path.name for path in found[:8]) + (", …" if len(found) > 8 else "")
        there = f"{len(found)} histories in this folder; name one of {known}"
        none = "no history in this folder; create one with a run: pytest suites/ --history FILE"
        raise UsageError(f"{place}: {there if found else none}")
    return found[0]


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
