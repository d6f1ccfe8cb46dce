"""What waits: worst first, with what accepting would change and what stands in the way."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from samples import make_calibration
from waiting import Place

from harness.baselines.baseline import Key
from harness.cases.case import Suite
from harness.cases.selection import Selection
from harness.judgement.judgement import Verdict
from harness.judgement.reasons import FieldEdit
from harness.operations.review import (
    AlreadyBaseline,
    BaselineChanged,
    EditedSince,
    NoCase,
    OneRun,
    Unreadable,
    look,
    pending,
)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_worst_first_and_new_cases_last(place: Place) -> None:
    one, two, three = place.cases
    place.record(one)
    place.record(two)
    place.keep(one, 0.99)
    place.keep(two, 0.5)
    place.keep(three)
    found = place.pending()
    assert [each.key.case_id for each in found] == ["two", "one", "three"]
    assert [each.relative_l2 for each in found] == [pytest.approx(0.5), pytest.approx(0.01, rel=1e-3), None]
    assert all(each.acceptable and each.obstacle is None for each in found)
    assert found[0].judgement.verdict is Verdict.DRIFT
    assert found[2].judgement is None


def test_an_edited_case_is_compared_all_the_same(place: Place) -> None:
    one = place.cases[0]
    place.record(one, calibration=make_calibration())
    edited = dataclasses.replace(one, arguments={"eta": 0.5})
    place.keep(edited, 0.5)
    (found,) = place.pending(edited)
    assert found.edits == (FieldEdit("arguments.eta", "0.0", "0.5"),)
    assert found.judgement.verdict is Verdict.DRIFT
    assert not found.judgement.stale
    assert (found.calibration, found.obstacle) == ("lost", None)
    shown = look(found, place.store, place.candidates)
    assert shown.judgement == found.judgement
    assert (shown.measurement.output == shown.baseline.measurement.output * 0.5).all()


def test_what_stands_in_the_way(place: Place) -> None:
    one, two, three = place.cases
    place.record(one)
    for case in place.cases:
        place.keep(case, 0.5)
    place.record(two)
    edited = dataclasses.replace(one, seeds=(8,))
    damaged = place.candidates.path(Key("guide", "three", "cpu"))
    damaged.write_bytes(damaged.read_bytes()[:-1])
    found = {each.key.case_id: each.obstacle for each in place.pending(edited, two, three)}
    assert found["one"] == EditedSince((FieldEdit("seeds", "[7]", "[8]"),))
    assert found["two"] == BaselineChanged()
    assert isinstance(found["three"], Unreadable)


def test_one_run_is_no_reason_to_refuse(place: Place) -> None:
    place.keep(place.cases[0], runs=1)
    (found,) = place.pending()
    assert found.obstacle == OneRun()
    assert found.acceptable


def test_a_candidate_of_no_case_shows_if_its_whole_suite_was_named(place: Place) -> None:
    one, two, three = place.cases
    place.keep(two)
    (found,) = place.pending(one)
    assert (found.obstacle, found.case) == (NoCase(), None)
    place.keep(dataclasses.replace(two, suite="another"))
    assert len(place.pending(one)) == 1
    assert len(place.pending(one, folders=True)) == 2
    suite = Suite("guide", Path("suites/guide.yaml"), (one, three), 1, 1)
    assert pending(Selection((suite,), (one,)), place.store, place.candidates) == ()


def test_a_baseline_that_cannot_be_read_hides_no_other_candidate(place: Place) -> None:
    one, two, _ = place.cases
    place.keep(one)
    place.keep(two)
    place.store.path("guide", "one", "cpu").mkdir(parents=True)
    found = {each.key.case_id: each.obstacle for each in place.pending()}
    assert isinstance(found["one"], Unreadable)
    assert found["two"] is None


def test_what_was_written_but_not_removed_says_that_it_is_the_baseline(place: Place) -> None:
    one = place.cases[0]
    place.keep(one, 0.5)
    place.record(one, 0.5)
    assert place.pending()[0].obstacle == AlreadyBaseline()


def test_the_calibration_of_the_same_measurement_is_kept(place: Place) -> None:
    one = place.cases[0]
    place.record(one, calibration=make_calibration())
    place.keep(one)
    assert place.pending()[0].calibration == "kept"
