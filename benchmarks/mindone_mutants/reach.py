"""Which shipped case runs which line of the universe, and which lines none runs."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from benchmarks.mindone_mutants.universe import AREAS, root


@dataclass(frozen=True)
class Module:
    """What ``cases`` run of a ``file``: the statements and branches that it has, and those that none runs."""

    area: str
    file: str
    statements: int
    missing: tuple[int, ...]
    branches: int
    missing_branches: int


@dataclass(frozen=True)
class Reach:
    """The lines that were recorded in ``data_file``, of the ``cases`` alone."""

    data_file: Path
    cases: tuple[str, ...]

    @cached_property
    def _data(self) -> Any:
        import coverage

        data = coverage.CoverageData(basename=str(self.data_file))
        data.read()
        data.set_query_contexts([f"^{each}$" for each in self.cases])
        return data

    def cases_of(self, file: str) -> dict[int, list[str]]:
        """Return the cases that run each line of ``file``."""
        found: dict[int, list[str]] = self._data.contexts_by_lineno(str(root() / file))
        wanted = set(self.cases)
        return {line: sorted(wanted & set(names)) for line, names in sorted(found.items())}

    def modules(self) -> list[Module]:
        """Return each module of the universe; a line of import or definition counts as run."""
        base = root()
        return [
            self._module(area, path.relative_to(base).as_posix(), path)
            for area, patterns in AREAS.items()
            for pattern in patterns
            for path in sorted(base.glob(pattern))
        ]

    def _module(self, area: str, file: str, path: Path) -> Module:
        parser, statements, branches = _parsed(path)
        if str(path) not in self._measured:
            return Module(
                area, file, len(statements), tuple(sorted(statements)), len(branches), len(branches)
            )
        executed = parser.translate_lines(self._data.lines(str(path)) or ())
        arcs = set(parser.translate_arcs(self._data.arcs(str(path)) or ()))
        missing = tuple(sorted(statements - executed))
        return Module(area, file, len(statements), missing, len(branches), len(branches - arcs))

    @cached_property
    def _measured(self) -> set[str]:
        return set(self._data.measured_files()) if self.cases else set()


@lru_cache
def _parsed(path: Path) -> tuple[Any, set[int], set[tuple[int, int]]]:
    """Return coverage's parser of a file, the statements in its functions, and their branches."""
    from coverage.parser import PythonParser

    parser = PythonParser(text=path.read_text(encoding="utf-8"), filename=str(path), exclude="raise ")
    parser.parse_source()
    inside = set(_lines_of_functions(path))
    starts = {line for line, count in parser.exit_counts().items() if count > 1 and line in inside}
    branches = {arc for arc in parser.arcs() if arc[0] in starts}
    return parser, (parser.statements - parser.excluded) & inside, branches


def _lines_of_functions(path: Path) -> Iterable[int]:
    for each in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(each, ast.FunctionDef):
            for one in each.body:
                yield from range(one.lineno, (one.end_lineno or one.lineno) + 1)


def ranges(lines: Iterable[int]) -> str:
    """Return line numbers in words, '3, 5-8'; a single line between two does not part them."""
    found: list[list[int]] = []
    for line in sorted(lines):
        if found and line - found[-1][1] <= 2:
            found[-1][1] = line
        else:
            found.append([line, line])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in found)


def by_area(modules: Iterable[Module]) -> Mapping[str, list[Module]]:
    found: dict[str, list[Module]] = {}
    for each in modules:
        found.setdefault(each.area, []).append(each)
    return found
