"""Reasons as data: every kind goes through JSON, has words of its own, and computes nothing to be read."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from harness.codec import Tagged, family_of, from_json, kind_of, to_json
from harness.errors import FailureCause
from harness.explanation.evidence import DerivedConstant, Evidence, MovedClass, StepDifference
from harness.gate.details import BrokenPromise, Detail, Gap, NoTable, Note
from harness.judgement.reasons import (
    Absence,
    Chaotic,
    Difference,
    DrawnNoise,
    Failed,
    FieldEdit,
    LimitsExceeded,
    NoSuchStatistic,
    NotFinite,
    OtherPart,
    Reason,
    SizedFault,
)
from harness.judgement.tiers import FieldDifference
from harness.measurement.figures import ProcessChange, ProcessPart
from harness.reporting.causes import cause_title
from harness.reporting.gate_findings import gate_text
from harness.reporting.reasons import text_of

FAMILIES: dict[type[Tagged], Callable[[Any], str]] = {
    Reason: text_of,
    Absence: text_of,
    Difference: text_of,
    Detail: lambda detail: gate_text(detail, "guide/one"),
    Gap: gate_text,
    Note: gate_text,
    Evidence: cause_title,
}
KINDS = [(family, kind) for family in FAMILIES for kind in family_of(family)]
_VALUES: dict[Any, Any] = {
    str: "across_releases",
    int: 3,
    float: 0.5,
    bool: True,
    DrawnNoise: DrawnNoise(0, "standard_normal", (1, 3), "<f8", "x.py:1"),
    FieldEdit: FieldEdit("steps", "2", "3"),
    NotFinite: NotFinite("std", "nan"),
    Absence: NoSuchStatistic(("mean",)),
    Reason: Failed("damaged", "cut short"),
    Gap: NoTable(),
    FailureCause: FailureCause.CRASH,
    FieldDifference: FieldDifference("isa", "AVX2", None),
    DerivedConstant: DerivedConstant("log_snr", 0.0, 1e-4),
    StepDifference: StepDifference(1, 900, "mean", 0.5, 9.0),
    Difference: OtherPart("statistics"),
    SizedFault: SizedFault("patch", 0.5),
    ProcessChange: ProcessChange(ProcessPart.ENVIRONMENT, ("LANG",)),
    BrokenPromise: BrokenPromise("batch-size", "violated"),
    MovedClass: MovedClass("conv2d 3x3", 3, 4, 1e-7),
    Chaotic: Chaotic(1, 10, 0.4, 0.05, 1, 0, 9),
}


_PASSED_ON = {"cut short", "cut short; cut short"}


def made(kind: type[Tagged]) -> Any:
    """One of ``kind``, every field of it filled."""
    return kind(**{name: _value(hint) for name, hint in get_type_hints(kind).items()})


def _value(hint: Any) -> Any:
    if get_origin(hint) is tuple:
        return (_value(get_args(hint)[0]),) * 2
    if get_origin(hint) is not None:
        first = get_args(hint)[0]
        return first if isinstance(first, str) else _value(first)
    return _VALUES[hint]


@pytest.mark.parametrize(("family", "kind"), KINDS, ids=lambda each: kind_of(each))
def test_every_kind_goes_through_json(family: type[Tagged], kind: type[Tagged]) -> None:
    reason = made(kind)
    data = json.loads(json.dumps(to_json(reason), allow_nan=False))
    assert data["kind"] == kind_of(kind)
    assert from_json(family, data) == reason


@pytest.mark.parametrize("family", FAMILIES, ids=kind_of)
def test_every_kind_has_words_and_a_name_of_its_own(family: type[Tagged]) -> None:
    kinds = list(family_of(family))
    told = [FAMILIES[family](made(kind)) for kind in kinds]
    assert all(told)
    # What only passes on the words of another reason has none of its own.
    own = [text for text in told if text not in _PASSED_ON]
    assert len(set(own)) == len(own) >= len(kinds) - 3
    assert len(set(map(kind_of, kinds))) == len(kinds) > 1


def test_what_is_no_number_goes_through_json() -> None:
    reason = LimitsExceeded("output", 1, 2, "max_abs", math.inf, 0.0, at_least=False)
    data = json.loads(json.dumps(to_json(reason), allow_nan=False))
    assert from_json(Reason, data) == reason


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"kind": "unheard-of"}, "kind is of another type"),
        ({"kind": None}, "kind is of another type"),
        ({"more": 1}, "the key more is unknown"),
        ({"exceeded": "1"}, "exceeded is of another type"),
        ({"subject": "sound"}, "subject is of another type"),
    ],
)
def test_other_data_is_refused(change: dict[str, Any], told: str) -> None:
    data = to_json(LimitsExceeded("output", 1, 2, "max_abs", 2.0, 1.0, at_least=False))
    with pytest.raises(ValueError, match=told):
        from_json(Reason, {**data, **change})


def test_they_are_frozen_and_can_be_compared() -> None:
    for _, kind in KINDS:
        one, other = made(kind), made(kind)
        assert (one, hash(one)) == (other, hash(other))
        with pytest.raises(dataclasses.FrozenInstanceError):
            one.kind = "another"


def test_they_are_read_without_numpy() -> None:
    code = "import sys, harness.reporting.gate_findings; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
