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
from harness.cases.wording import printable

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
        if other.path.resolve() != suite.path.resolve():
            taken = f"the suite's name '{suite.name}' is taken by {printable(str(other.path))}:{other.line}"
            message = f"{taken}; rename one of the two"
            problems.append(Problem(suite.path, suite.line, suite.column, message))
    if problems:
        raise SuiteError(problems)


def _expand(document: Document, content: dict[str, Json]) -> Expander:
    """Expand every entry whose shape is right, so that one run of the tool shows all there is to correct."""
    defaults = _valid(DefaultsEntry, content.get("defaults"))
    expander = Expander(document, str(content.get("suite")), defaults)
    cases = content.get("cases")
    if isinstance(cases, list) and (defaults or "defaults" not in content):
        for i, case in enumerate(cases):
            entry = _valid(CaseEntry, case)
            if entry:
                expander.add(entry, ("cases", i))
    return expander


def _valid(model: type[Entry], value: Json) -> Entry | None:
    try:
        return model.model_validate(value)
    except ValidationError:
        return None
