"""Checking a document against the shape of a suite, with every complaint in the reader's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from harness.cases.document import Document, KeyPath
from harness.cases.entries import CaseEntry, DefaultsEntry, ParametrizeEntry, SuiteEntry
from harness.cases.problems import Problem
from harness.cases.tolerance import Limits, Tolerance
from harness.cases.wording import described, quoted, suggestion

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_EXPECTED = {
    "int_type": "expected a whole number",
    "float_type": "expected a number",
    "bool_type": "expected true or false",
    "string_type": "expected text",
    "list_type": "expected a list",
    "dict_type": "expected a mapping",
    "model_type": "expected a mapping",
    "model_attributes_type": "expected a mapping",
}
# The keys that a mapping may have, by the key it stands under.
_MODELS: dict[str, type[BaseModel]] = {
    "defaults": DefaultsEntry,
    "cases": CaseEntry,
    "parametrize": ParametrizeEntry,
    "tolerance": Tolerance,
    **dict.fromkeys([*Tolerance.model_fields, "batch_consistency"], Limits),
}


def shape_problems(document: Document) -> list[Problem]:
    """Return everything in ``document`` that is not of the shape of a suite; empty where all is well."""
    try:
        SuiteEntry.model_validate(document.value)
    except ValidationError as error:
        return [_problem(document, details) for details in error.errors(include_url=False)]
    return []


def _problem(document: Document, details: ErrorDetails) -> Problem:
    at, is_key = _locate(document, details["loc"])
    is_key = is_key or details["type"] == "extra_forbidden"
    return document.problem(at, _message(details, at), key=is_key)


def _locate(document: Document, loc: KeyPath) -> tuple[KeyPath, bool]:
    """Return the path in ``document`` of a pydantic location, and whether its key is meant.

    A location has elements that the document has not: the tags of unions, and '[key]'.
    """
    at: KeyPath = ()
    for element in loc:
        if (*at, element) in document.values:
            at = (*at, element)
    return at, loc[-1:] == ("[key]",)


def _message(details: ErrorDetails, at: KeyPath) -> str:
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(at)
    if kind == "missing":
        return f"the key '{details['loc'][-1]}' is missing; add it"
    if kind == "value_error":
        return str(context["error"])
    if kind == "too_short":
        return (
            "the list is empty; give at least one value, or remove the key"
            if value == []
            else "nothing in it"
        )
    if kind == "greater_than_equal":
        return f"expected at least {context['ge']}, got {described(value)}"
    if kind == "less_than_equal":
        return f"expected at most {context['le']}, got {described(value)}"
    expected = _EXPECTED.get(kind)
    if kind == "literal_error":
        expected = f"expected {context['expected']}"
    message = f"{expected or details['msg']}, got {described(value)}"
    if kind == "string_type" and isinstance(value, bool | int | float):
        message += "; put it in quotes"
    elif kind in ("int_type", "float_type") and isinstance(value, str):
        message += f"; write plain {'digits' if kind == 'int_type' else 'digits, as 1e-6'}, without quotes"
    return message


def _unknown_key(at: KeyPath) -> str:
    key = str(at[-1])
    parents = [element for element in at[:-1] if isinstance(element, str)]
    model = _MODELS[parents[-1]] if parents else SuiteEntry
    if model is DefaultsEntry and key in CaseEntry.model_fields:
        return f"{quoted(key)} differs from case to case; move it from `defaults` to the case"
    return f"unknown key {quoted(key)}; {suggestion(key, model.model_fields)}"
