"""Select cases on a command line: suites, folders of suites, single cases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.cases.case import Case, Suite
from harness.cases.discovery import find_suites
from harness.cases.load import check_unique_names, load_suite
from harness.cases.problems import Problem, SuiteError
from harness.cases.wording import quoted, suggestion
from harness.errors import UsageError


@dataclass(frozen=True)
class Selection:
    """The suites that were named, with the cases that were asked for, in file order.

    ``folders`` is whether any suite was named by its folder.
    """

    suites: tuple[Suite, ...]
    cases: tuple[Case, ...]
    folders: bool = False


def select(arguments: Iterable[str]) -> Selection:
    """Return what ``arguments`` name: folders, suite files, and cases as ``suites/x.yaml::case-id``.

    Suites are in the order in which they were first named. A suite that is named twice, even by different
    paths, is returned once with the cases asked for both times.

    Raises :class:`SuiteError` for any problem in a suite, for a path or case that does not exist, and for two
    suites with the same name.
    """
    # Keyed by the resolved path: ``named`` has the suite's path as the user wrote it, and ``wanted`` the
    # cases asked for, None for all.
    named: dict[Path, Path] = {}
    wanted: dict[Path, set[str] | None] = {}
    problems: list[Problem] = []
    folders = False
    for argument in arguments:
        path, marker, case_id = argument.partition("::")
        if marker and not case_id:
            message = "no case is named after '::'; write suites/x.yaml::case-id, or leave out '::'"
            problems.append(Problem(Path(path), None, None, message))
            continue
        files: list[Path] = []
        with _adding_to(problems):
            files = find_suites([Path(path)])
            folders |= Path(path).is_dir()
        for file in files:
            key = file.resolve()
            named.setdefault(key, file)
            chosen = wanted.setdefault(key, set())
            if not marker:
                wanted[key] = None
            elif chosen is not None:
                chosen.add(case_id)
    suites: list[Suite] = []
    cases: list[Case] = []
    for key, ids in wanted.items():
        with _adding_to(problems):
            suite = load_suite(named[key])
            suites.append(suite)
            cases += [case for case in suite.cases if ids is None or case.id in ids]
            known = [case.id for case in suite.cases]
            for unknown in sorted((ids or set()).difference(known)):
                message = f"there is no case {quoted(unknown)}; {suggestion(unknown, known)}"
                problems.append(Problem(suite.path, suite.line, suite.column, message))
    if problems:
        raise SuiteError(problems)
    check_unique_names(suites)
    return Selection(tuple(suites), tuple(cases), folders)


def one_case(argument: str) -> Case:
    """Return the case named by ``argument``, which is ``suites/x.yaml::case-id``.

    Raises :class:`SuiteError` as :func:`select` does, and :class:`harness.errors.UsageError` for a suite with
    several cases that is named without a case.
    """
    return one_of(select([argument]).cases, argument)


def one_of(cases: Sequence[Case], named: str) -> Case:
    """Return the only one of ``cases``, named by ``named``; UsageError unless there is exactly one."""
    if len(cases) != 1:
        known = ", ".join(case.id for case in cases[:5]) + (", …" if len(cases) > 5 else "")
        raise UsageError(f"{named} names {len(cases)} cases: write SUITE.yaml::CASE with one of {known}")
    return cases[0]


def without_tags(cases: Sequence[Case], tags: Iterable[str]) -> tuple[Case, ...]:
    """Return those of ``cases`` that have none of ``tags``.

    Raises :class:`harness.errors.UsageError` for a tag that no case has, and if no case is left.
    """
    unwanted = set(tags)
    known = sorted({tag for case in cases for tag in case.tags})
    for tag in sorted(unwanted.difference(known)):
        others = suggestion(tag, known) if known else "none of them has any"
        raise UsageError(f"no case has the tag {quoted(tag)}; {others}")
    left = tuple(case for case in cases if unwanted.isdisjoint(case.tags))
    if not left:
        raise UsageError(f"every case has one of the tags left out ({', '.join(sorted(unwanted))})")
    return left


def without_expected_failures(cases: Sequence[Case]) -> tuple[Case, ...]:
    """Return those of ``cases`` that are expected to have a measurement.

    Raises :class:`harness.errors.UsageError` if all are expected to fail.
    """
    left = tuple(case for case in cases if case.fails is None)
    if cases and not left:
        names = ", ".join(case.name for case in cases[:5])
        raise UsageError(f"{names}: expected to fail; pytest and harness gate check whether it does")
    return left


@contextmanager
def _adding_to(problems: list[Problem]) -> Iterator[None]:
    """Collect problems raised in the body, so that one run shows everything there is to correct."""
    try:
        yield
    except SuiteError as error:
        problems += error.problems
