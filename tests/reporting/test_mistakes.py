"""Every mistake that can be recognised has words."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from harness.codec import family_of
from harness.explanation.hypotheses import kinds
from harness.reporting.mistakes import mistake_text

_VALUES: dict[str, Any] = {
    "value": 0.5,
    "axis": 1,
    "name": "hidden_states",
    "times": -1.0,
    "names": ("sample", "noise"),
    "ours": (0.5, 0.25),
    "theirs": (0.75, 0.125),
    "axes": (1, 0),
    "parts": 4,
    "places": 1,
    "low": -1.0,
    "high": 1.0,
    "dtype": "float16",
    "family": kinds.Family.ATTENTION,
    "first": 2,
    "last": 3,
    "size": 6,
}


@pytest.mark.parametrize("kind", list(family_of(kinds.Mistake)), ids=lambda kind: kind.__name__)
def test_a_mistake_has_words(kind: type[kinds.Mistake]) -> None:
    values = {field.name: _VALUES[field.name] for field in dataclasses.fields(kind)}
    if kind is kinds.Variant:
        values |= {"ours": {"scale": "1"}, "theirs": {"scale": "2"}}
    text = mistake_text(kind(**values))
    assert text
    assert "{" not in text


def test_a_sum_that_lacks_a_tensor_is_told_from_one_that_has_more_of_it() -> None:
    assert mistake_text(kinds.Summand("residual", -1.0)) == "a sum that lacks `residual`"
    assert mistake_text(kinds.Summand("residual", 0.5)) == (
        "0.5 times `residual`, added to the original's result"
    )


def test_only_what_differs_of_a_formula_is_named() -> None:
    made = kinds.Variant(kinds.Family.NORMALISATION, {"eps": "1e-05"}, {"eps": "1e-06"})
    assert mistake_text(made) == "another formula of the normalisation: eps 1e-05 instead of 1e-06"
