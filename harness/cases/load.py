"""Loading suites: all problems of a file in one error."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from harness.cases.case import Suite
from harness.cases.document import Document, Json, read_document
from harness.cases.entries import CaseEntry, DefaultsEntry
from harness.cases.expansion import Expander
from harness.cases.problems import Problem, SuiteError
from harness.cases.validation import shape_problems
from harness.cases.wording import closest, printable

Entry = TypeVar("Entry", bound=BaseModel)


def load_suite(path: Path) -> Suite:
    """Return the suite in the file ``path``, defaults applied and parametrized cases expanded.

    Whether a checkpoint's folder exists is not looked at: that is for the run of the case.

    Raises:
        SuiteError: with everything that is wrong with the file, each as 'file:line:column: what; what to do'.
    """
    document = read_document(Path(path))
    problems = list(document.problems)
    # A value that the document complained about has a stand-in: what else is wrong with it says nothing.
    known = {(p.line, p.column) for p in problems}
    problems += [p for p in shape_problems(document) if (p.line, p.column) not in known]
    if not isinstance(document.value, dict):
        raise SuiteError(problems)
    expander = _expand(document, document.value)
    problems += expander.problems
    if problems:
        raise SuiteError(problems)
    line, column = document.position(("suite",))
    return Suite(
        name=expander.suite,
        path=document.path,
        cases=tuple(expander.cases),
        line=line,
        column=column,
        description=str(document.value.get("description", "")),
    )


def check_unique_names(suites: Iterable[Suite]) -> None:
    """Check that no two suite files share a name: they would overwrite each other's baselines.

    Raises:
        SuiteError: one problem for every file whose name an earlier one has.
    """
    first: dict[str, Suite] = {}
    problems = []
    for suite in suites:
        other = first.setdefault(suite.name, suite)
        if other is not suite and other.path.resolve() != suite.path.resolve():
            taken = f"the suite's name '{suite.name}' is taken by {printable(str(other.path))}:{other.line}"
            message = f"{taken}; rename one of the two"
            problems.append(Problem(suite.path, suite.line, suite.column, message))
    if problems:
        raise SuiteError(problems)


def _expand(document: Document, content: dict[str, Json]) -> Expander:
    """Expand what is right of every entry, so that one run of the tool shows all there is to correct."""
    defaults, wrong = _right(DefaultsEntry, content.get("defaults", {}))
    expander = Expander(document, str(content.get("suite")), defaults, wrong)
    cases = content.get("cases")
    for i, case in enumerate(cases if isinstance(cases, list) else ()):
        entry, wrong = _right(CaseEntry, case)
        if entry:
            expander.add(entry, ("cases", i), wrong)
    return expander


def _right(model: type[Entry], value: Json) -> tuple[Entry | None, frozenset[str]]:
    """Return what is right of an entry, and the keys of ``model`` whose values are not.

    These may be written under a misspelt name, and be any where the entry is no mapping. An id that is not
    right has a stand-in.
    """
    if not isinstance(value, dict):
        return None, frozenset(model.model_fields)
    try:
        return model.model_validate(value), frozenset()
    except ValidationError as error:
        wrong = {str(each["loc"][0]) for each in error.errors(include_url=False)}
    right = {key: item for key, item in value.items() if key not in wrong}
    if "id" in wrong & model.model_fields.keys():
        right["id"] = "unknown"
    meant = {closest(key, model.model_fields) or key for key in wrong}
    return model.model_validate(right), frozenset(meant & model.model_fields.keys())
