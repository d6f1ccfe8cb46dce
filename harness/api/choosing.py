"""The cases that a call is about: by their paths and names, or as objects."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import TypeAlias

from harness.cases.case import Case, Suite
from harness.cases.load import check_unique_names
from harness.cases.selection import one_of, select
from harness.errors import UsageError

Chosen: TypeAlias = "str | os.PathLike[str] | Suite | Case"
Cases: TypeAlias = "Chosen | Iterable[Chosen]"


def chosen(cases: Cases) -> tuple[Case, ...]:
    """Return what ``cases`` name, each case once: those given by paths first, then suites and cases.

    Raises :class:`harness.SuiteError` as :func:`harness.cases.selection.select` does, and
    :class:`harness.UsageError` for anything else, for no case at all, and for two cases of one name.
    """
    if isinstance(cases, str | os.PathLike | Suite | Case):
        cases = [cases]
    elif not isinstance(cases, Iterable):
        raise _unknown(cases)
    paths: list[str] = []
    suites: list[Suite] = []
    found: list[Case] = []
    for each in cases:
        if isinstance(each, str | os.PathLike):
            paths.append(os.fspath(each))
        elif isinstance(each, Suite):
            suites.append(each)
            found += each.cases
        elif isinstance(each, Case):
            found.append(each)
        else:
            raise _unknown(each)
    selected = select(paths)
    check_unique_names([*selected.suites, *suites])
    named: dict[str, Case] = {}
    for case in (*selected.cases, *found):
        other = named.setdefault(case.name, case)
        # A suite may have been read by another path.
        if replace(other, path=other.path.resolve()) != replace(case, path=case.path.resolve()):
            raise UsageError(f"two cases are called {case.name}, and would share a baseline: rename one")
    if not named:
        raise UsageError("no case was given: name a suite, a folder of suites, or suites/x.yaml::case-id")
    return tuple(named.values())


def one_chosen(case: Chosen) -> Case:
    """Return the one case that ``case`` names; raises as :func:`chosen`, also for several."""
    label = os.fspath(case) if isinstance(case, str | os.PathLike) else getattr(case, "name", "")
    return one_of(chosen(case), label)


def _unknown(value: object) -> UsageError:
    return UsageError(f"expected suites, cases or their paths, got {type(value).__name__}")
