"""Check a document against the shape of a suite or of another model, with errors worded for its author."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Real
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from harness.cases.document import Document, KeyPath
from harness.cases.entries import CaseEntry, DefaultsEntry, JitEntry, ParametrizeEntry, SuiteEntry
from harness.cases.problems import MOST_PROBLEMS, Problem
from harness.cases.tolerance import CALIBRATED, FACTOR_MISPLACED, Calibrated, Limits, Tolerance
from harness.cases.wording import described, quoted, suggestion
from harness.errors import UsageError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Entry = TypeVar("Entry", bound=BaseModel)

_EXPECTED = {
    "int_type": "expected a whole number",
    "float_type": "expected a number",
    "bool_type": "expected true or false",
    "string_type": "expected text",
    "list_type": "expected a list",
    "dict_type": "expected a mapping",
    "model_type": "expected a mapping",
    "model_attributes_type": "expected a mapping",
    "greater_than_equal": "expected at least {ge}",
    "less_than_equal": "expected at most {le}",
    "literal_error": "expected {expected}",
}
# The keys that a mapping may have, by the key that contains it.
_MODELS: dict[str, type[BaseModel]] = {
    "defaults": DefaultsEntry,
    "cases": CaseEntry,
    "parametrize": ParametrizeEntry,
    "jit": JitEntry,
    "tolerance": Tolerance,
    **dict.fromkeys([*Tolerance.model_fields, "batch_consistency"], Limits),
    CALIBRATED: Calibrated,
}
# The message if a mapping is missing, by its key.
_EXPECTED_MAPPING = {
    "tolerance": "expected a mapping of tiers, as `{across_releases: calibrated}`",
    "batch_consistency": "expected a mapping of limits, as `{relative_l2: 1e-6}`",
    "jit": "expected a mapping, as `{level: O1}`",
}
_IN_A_TIER = "`{}` belongs in a tier: `same_environment`, `across_releases` or `across_devices`"
# The message for a misplaced key, by the key that contains it.
_MISPLACED: dict[str, dict[str, str]] = {
    "tolerance": {
        **{key: _IN_A_TIER.format(key) for key in (*Limits.model_fields, CALIBRATED, "exact")},
        "factor": "`factor` belongs in a tier; write `{across_releases: {calibrated: {factor: …}}}`",
    },
    **{
        tier: {"factor": FACTOR_MISPLACED, "exact": "`exact` is not a key; write it as the value of the tier"}
        for tier in Tolerance.model_fields
    },
    "batch_consistency": {
        CALIBRATED: "`calibrated` is for the tiers of `tolerance`; give limits for a batch and its images"
    },
}


def validated(
    document: Document, model: type[Entry], unknown_key: Callable[[KeyPath], str] | None = None
) -> tuple[Entry | None, list[Problem]]:
    """Return ``document`` as a ``model`` (None if it does not have that shape) and all its problems.

    ``unknown_key`` returns what is wrong with a key that the model does not have, and what to do. The default
    is for a suite.
    """
    problems = list(document.problems)
    try:
        return model.model_validate(document.value), problems
    except ValidationError as error:
        # Locating and wording all of them could take minutes, and fewer are shown anyway.
        details = error.errors(include_url=False)[: 10 * MOST_PROBLEMS]
    shape = [_problem(document, each, unknown_key or _unknown_key) for each in details]
    # A value that the document reported has a placeholder, so any other error about it means nothing.
    known = {(p.line, p.column) for p in problems}
    return None, problems + [p for p in shape if (p.line, p.column) not in known]


def limits_of(given: Mapping[str, object]) -> Limits:
    """Return limits from names and numbers; raises :class:`harness.errors.UsageError` for invalid ones."""
    if not isinstance(given, Mapping):
        raise UsageError(
            f"limits: expected a mapping, as {{'relative_l2': 1e-6}}, got {type(given).__name__}"
        )
    try:
        return Limits.model_validate(_plain(given))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
    at = [str(each) for each in first["loc"] if not str(each).startswith(("(", "["))]
    if first["type"] == "extra_forbidden":
        told = f"unknown key {quoted(at[-1])}; {suggestion(at.pop(), Limits.model_fields)}"
    else:
        told = _message(first, tuple(at), None)
    raise UsageError(": ".join(["limits", *at, told]))


def _plain(value: object) -> object:
    """Return ``value`` with any kind of real number, such as numpy's, as a float."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    return value if isinstance(value, int) or not isinstance(value, Real) else float(value)


def _problem(document: Document, details: ErrorDetails, unknown_key: Callable[[KeyPath], str]) -> Problem:
    at, is_key = _locate(document, details["loc"])
    if details["type"] == "extra_forbidden":
        return document.problem(at, unknown_key(at), key=True)
    message = _message(details, at, document.unquoted.get(at))
    return document.problem(at, message, key=is_key or details["type"] == "key_error")


def _locate(document: Document, loc: KeyPath) -> tuple[KeyPath, bool]:
    """Return the path in ``document`` of a pydantic location, and whether it refers to the key.

    A location has elements that the document does not have: '[key]', and the tags of unions. A tag is written
    in parentheses, unlike any key, or is the key `calibrated`, which contains the options of that choice.
    """
    at: KeyPath = ()
    for element in loc:
        if (*at, element) in document.values:
            at = (*at, element)
    return at, loc[-1:] == ("[key]",)


def _message(details: ErrorDetails, at: KeyPath, written: str | None) -> str:
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    got = f"got {described(value, written)}"
    if kind == "missing":
        return f"the key '{details['loc'][-1]}' is missing; add it"
    if kind in ("value_error", "key_error"):
        return str(context["error"])
    if kind == "too_short":
        empty_list = "the list is empty; give at least one value, or remove the key"
        return empty_list if value == [] else "nothing in it"
    expected = _EXPECTED[kind].format_map(context) if kind in _EXPECTED else details["msg"]
    if kind == "model_type" and at:
        expected = _EXPECTED_MAPPING.get(str(at[-1]), expected)
    message = f"{expected}, {got}"
    if kind == "string_type" and isinstance(value, bool | int | float):
        message += "; put it in quotes"
    elif kind in ("int_type", "float_type") and isinstance(value, str):
        message += f"; write plain {'digits' if kind == 'int_type' else 'digits, as 1e-6'}, without quotes"
    return message


def _unknown_key(at: KeyPath) -> str:
    key = str(at[-1])
    parents = [element for element in at[:-1] if isinstance(element, str)]
    parent = parents[-1] if parents else ""
    if key in _MISPLACED.get(parent, {}):
        return _MISPLACED[parent][key]
    model = _MODELS[parent] if parents else SuiteEntry
    if model is DefaultsEntry and key in CaseEntry.model_fields:
        return f"{quoted(key)} differs from case to case; move it from `defaults` to the case"
    known = [*model.model_fields, *([CALIBRATED] if parent in Tolerance.model_fields else [])]
    return f"unknown key {quoted(key)}; {suggestion(key, known)}"
