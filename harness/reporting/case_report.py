"""The outcome of a case: what the process that ran it tells the one that reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.cases.case import Case
from harness.codec import from_json, to_json
from harness.explanation.causes import Cause
from harness.judgement.check import Check
from harness.judgement.judgement import Judgement
from harness.reporting.commands import Commands

# What a case chooses by itself; the rest of a fingerprint is its surroundings.
_CHOSEN = ("mode", "dtype")


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
        measured = result.measurement
        fingerprint = {} if measured is None else measured.fingerprint
        return cls(
            result.judgement,
            causes,
            commands,
            str(Path(case.path).resolve()),
            case.line,
            case.column,
            {name: value for name, value in fingerprint.items() if name not in _CHOSEN},
        )

    @property
    def name(self) -> str:
        """The case's name, ``suite/id``."""
        return self.judgement.name

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as JSON values."""
        return {
            "judgement": self.judgement.to_dict(),
            "causes": [cause.to_dict() for cause in self.causes],
            "commands": to_json(self.commands),
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "environment": dict(self.environment),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CaseReport:
        """Rebuild an outcome from :meth:`to_dict`'s data."""
        return cls(
            Judgement.from_dict(data["judgement"]),
            tuple(map(Cause.from_dict, data["causes"])),
            from_json(Commands, data["commands"]),
            data["path"],
            data["line"],
            data["column"],
            data["environment"],
        )


@dataclass(frozen=True)
class Unjudged:
    """What kept cases from being judged: ``where`` is a suite's file or a case, ``text`` what is wrong."""

    where: str
    text: str
