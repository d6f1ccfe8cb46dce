"""A run that is being added to a history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import harness
from harness.baselines.git import git_commit
from harness.cases.case import Case
from harness.explanation.causes import causes_of
from harness.history.database import History
from harness.history.history_record import CaseRecord, RunRecord
from harness.judgement.check import Check
from harness.operations.destination import check_destination


@dataclass(frozen=True)
class Appended:
    """The numbers of the runs appended to the history ``path``; empty if no case was judged."""

    path: Path
    numbers: tuple[int, ...] = ()


class RunHistory:
    """Gathers the cases of one run, then appends them to the history ``path``, all or none.

    The cases of a matrix become one run for each of its environments (``subject``).
    """

    def __init__(self, path: Path, door: str) -> None:
        """Raise :class:`harness.errors.UsageError` if nothing could be appended to ``path``."""
        check_destination(path)
        self._history = History(path)
        self._history.check_writable()
        self._door = door
        self._date = datetime.now(timezone.utc).isoformat(timespec="seconds")
        # The commit of the code that is about to run, whatever is committed meanwhile.
        self._commit = git_commit(Path.cwd(), ignore=[path])
        self._cases: dict[str | None, dict[str, CaseRecord]] = {}

    def add(self, record: CaseRecord, subject: str | None = None) -> None:
        """Add one case; the last record of a case counts."""
        self._cases.setdefault(subject, {})[record.name] = record

    def checked(self, case: Case, result: Check, subject: str | None = None) -> None:
        """Add one case, given its check."""
        self.add(CaseRecord.of(case, result, causes_of(result)), subject)

    def append(self, ended: str | None = None) -> Appended:
        """Append the run; ``ended`` says why it ended early.

        A run in which no case was judged is not appended. Raises :class:`harness.errors.HarnessError` if the
        run cannot be appended.
        """
        runs = [
            RunRecord(
                self._date,
                harness.__version__,
                self._door,
                tuple(cases.values()),
                self._commit,
                ended,
                subject,
            )
            for subject, cases in self._cases.items()
        ]
        return Appended(self._history.path, tuple(self._history.append(*runs)) if runs else ())
