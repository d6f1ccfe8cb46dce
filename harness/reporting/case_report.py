"""The outcome of a case, as the process that ran it sends it to the one that reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.cases.case import Case
from harness.explanation.causes import Cause
from harness.history.history_record import surroundings
from harness.judgement.check import Check
from harness.judgement.judgement import Judgement, Verdict
from harness.reporting.commands import Commands, reason_texts

# Every verdict that is not a pass.
_ORDER = (Verdict.DRIFT, Verdict.ERROR, Verdict.INCOMPARABLE)


@dataclass(frozen=True)
class CaseReport:
    """The judgement of a case, what differs (first cause first), and where the case is defined.

    ``path`` is the suite's file, absolute, ``line`` and ``column`` the case's place in it, from 1.
    ``environment`` is the fingerprint without the fields that the case itself chooses; it is empty if nothing
    ran.
    """

    judgement: Judgement
    causes: tuple[Cause, ...]
    commands: Commands
    path: str
    line: int
    column: int
    environment: Mapping[str, str]

    @classmethod
    def of(cls, case: Case, result: Check, causes: tuple[Cause, ...], commands: Commands) -> CaseReport:
        """Return the outcome of the check of ``case``."""
        path = str(Path(case.path).resolve())
        measured = result.measurement
        environment = {} if measured is None else surroundings(measured.fingerprint)
        return cls(result.judgement, causes, commands, path, case.line, case.column, environment)

    @property
    def name(self) -> str:
        """The case's name, ``suite/id``."""
        return self.judgement.name

    @property
    def reasons(self) -> list[str]:
        """Why it did not pass, one line per reason; any further lines are a worker's log."""
        texts = reason_texts(self.judgement, self.commands.invocation)
        return [text.partition("\n")[0] for text in texts]


def not_passed(outcomes: Sequence[CaseReport]) -> list[CaseReport]:
    """Return the cases that did not pass, drifts first, without those that are expected to fail."""
    judged = [each for each in outcomes if not each.judgement.failed_as_expected]
    found = [each for each in judged if each.judgement.verdict in _ORDER]
    return sorted(found, key=lambda each: _ORDER.index(each.judgement.verdict))
