"""Load suites, and report all problems of a file in one error."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from harness.cases.case import Suite
from harness.cases.document import Document, Json, read_document
from harness.cases.entries import CaseEntry, DefaultsEntry, SuiteEntry
from harness.cases.expansion import Expander
from harness.cases.problems import MOST_PROBLEMS, Problem, SuiteError
from harness.cases.validation import Entry, validated
from harness.cases.wording import closest
from harness.foreign_text import printable


@contextmanager
def _without_collector() -> Iterator[None]:
    """Disable garbage collection: looking for cycles among many live new objects is half the load time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@_without_collector()
def load_suite(path: str | os.PathLike[str]) -> Suite:
    """Return the suite in the file ``path``, with defaults applied and parametrized cases expanded.

    Whether a checkpoint's folder exists is not checked here, but when the case runs.

    Raises:
        SuiteError: with every problem of the file, each as 'file:line:column: what; what to do'.
    """
    document = read_document(Path(path))
    entry, problems = validated(document, SuiteEntry)
    if not isinstance(document.value, dict):
        raise SuiteError(problems)
    expander = _expand(document, document.value, entry)
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
    """Check that no two suite files share a name, because they would overwrite each other's baselines.

    Raises:
        SuiteError: one problem for every file whose name an earlier file has.
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


def _expand(document: Document, content: dict[str, Json], suite: SuiteEntry | None) -> Expander:
    """Expand the valid parts of every entry, so that one run shows everything there is to correct."""
    entries: Iterable[tuple[CaseEntry | None, frozenset[str]]]
    defaults: DefaultsEntry | None
    if suite is not None:
        defaults, wrong = suite.defaults, frozenset[str]()
        entries = ((case, frozenset[str]()) for case in suite.cases)
    else:
        defaults, wrong = _right(DefaultsEntry, content.get("defaults", {}))
        cases = content.get("cases")
        entries = (_right(CaseEntry, case) for case in (cases if isinstance(cases, list) else ()))
    expander = Expander(document, str(content.get("suite")), defaults, wrong)
    for i, (entry, wrong) in enumerate(entries):
        if entry:
            expander.add(entry, ("cases", i), wrong)
    return expander


def _right(model: type[Entry], value: Json) -> tuple[Entry | None, frozenset[str]]:
    """Return the valid part of an entry, and the keys of ``model`` whose values are invalid.

    Invalid keys may be written under a misspelt name. If the entry is not a mapping, all keys count as
    invalid. An invalid id gets a placeholder.
    """
    if not isinstance(value, dict):
        return None, frozenset(model.model_fields)
    try:
        return model.model_validate(value), frozenset()
    except ValidationError as error:
        wrong = {str(each["loc"][0]) for each in error.errors(include_url=False)}
    if len(wrong) > MOST_PROBLEMS:  # looking for what each misspells would take minutes
        return None, frozenset(model.model_fields)
    right = {key: item for key, item in value.items() if key not in wrong}
    if "id" in wrong & model.model_fields.keys():
        right["id"] = "unknown"
    meant = {closest(key, model.model_fields) or key for key in wrong}
    return model.model_validate(right), frozenset(meant & model.model_fields.keys())
