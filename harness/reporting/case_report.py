"""The outcome of a case: what the process that ran it tells the one that reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.cases.case import Case
from harness.explanation.causes import Cause
from harness.history.history_record import surroundings
from harness.judgement.check import Check
from harness.judgement.judgement import Judgement
from harness.reporting.commands import Commands


@dataclass(frozen=True)
class CaseReport:
    """The judgement of a case, what differs (first cause first), and where the case stands.

    ``path`` is the suite's file, absolute, ``line`` and ``column`` the case's place in it, from 1.
    ``environment`` is the fingerprint without what the case itself chooses, empty where nothing ran.
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


@dataclass(frozen=True)
class Unjudged:
    """What kept cases from being judged: ``where`` is a suite's file or a case, ``text`` what is wrong."""

    where: str
    text: str
