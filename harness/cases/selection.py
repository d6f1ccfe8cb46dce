"""Selecting cases on a command line: suites, folders of suites, single cases."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from harness.cases.case import Case, Suite
from harness.cases.discovery import find_suites
from harness.cases.load import check_unique_names, load_suite
from harness.cases.problems import Problem, SuiteError


@dataclass(frozen=True)
class Selection:
    """The suites that were named, and of their cases those that were asked for, in the order of the files."""

    suites: tuple[Suite, ...]
    cases: tuple[Case, ...]


def select(arguments: Iterable[str]) -> Selection:
    """Return what ``arguments`` name: folders, suite files, and cases as ``suites/x.yaml::case-id``.

    Raises :class:`SuiteError` for anything that is wrong with a suite, for a path or case that is not there,
    and for two suites of one name.
    """
    wanted: dict[Path, set[str] | None] = {}
    for argument in arguments:
        path, _, case_id = argument.partition("::")
        for file in find_suites([Path(path)]):
            chosen = wanted.setdefault(file, set())
            if not case_id:
                wanted[file] = None
            elif chosen is not None:
                chosen.add(case_id)
    suites = tuple(load_suite(file) for file in wanted)
    check_unique_names(suites)
    cases: list[Case] = []
    for suite, ids in zip(suites, wanted.values(), strict=True):
        _check_ids(suite, ids or set())
        cases += [case for case in suite.cases if ids is None or case.id in ids]
    return Selection(suites, tuple(cases))


def _check_ids(suite: Suite, ids: set[str]) -> None:
    known = [case.id for case in suite.cases]
    problems = []
    for unknown in sorted(ids - set(known)):
        close = get_close_matches(unknown, known, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else f"; it has {', '.join(known)}"
        problems.append(Problem(suite.path, suite.line, suite.column, f"there is no case {unknown!r}{hint}"))
    if problems:
        raise SuiteError(problems)
