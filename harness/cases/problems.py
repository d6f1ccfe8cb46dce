"""Problems of a suite with their positions, and the one error that carries them all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UsageError
from harness.foreign_text import printable


@dataclass(frozen=True)
class Problem:
    """One problem: where it is, and a message that says what is wrong and what to do.

    ``line`` and ``column`` count from 1, with columns in characters. Both are None if the file itself is the
    problem (it cannot be read or does not exist).
    """

    path: Path
    line: int | None
    column: int | None
    message: str

    def __str__(self) -> str:
        place = printable(str(self.path))
        if self.line is not None:
            place += f":{self.line}:{self.column}"
        return f"{place}: {self.message}"


# Nobody corrects more at a time, and a 1 MiB file can have hundreds of thousands.
MOST_PROBLEMS = 100


class SuiteError(UsageError):
    """The problems of one or more suite files, one per line in file order, limited to the first 100.

    Attributes:
        problems: the problems, sorted by path, line and column, without duplicates.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        unique = dict.fromkeys(problems)
        found = sorted(unique, key=lambda p: (str(p.path), p.line or 0, p.column or 0))
        self.problems = tuple(found[:MOST_PROBLEMS])
        self._more = len(found) > MOST_PROBLEMS
        super().__init__(self.problems)

    def __str__(self) -> str:
        more = [f"and more than these {MOST_PROBLEMS}: correct them first"] if self._more else []
        return "\n".join([*map(str, self.problems), *more])
