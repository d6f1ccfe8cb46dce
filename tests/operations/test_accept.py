"""Accepting runs no more than it must, writes what was looked at, and loses nothing."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from samples import make_calibration, make_measurement
from waiting import Counting, Place

from harness.baselines.baseline import Key, Written
from harness.baselines.candidates import CandidateError
from harness.baselines.errors import BaselineReplaced
from harness.cases.tolerance import Limits
from harness.judgement.reasons import NotRepeatable, UnlikeItself
from harness.operations.accept import accept, reject
from harness.operations.proposal import propose
from harness.operations.record import FIRST_REASON, write
from harness.operations.review import NoCase, NoReason, Superseded, Unreadable


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def accepted(place: Place, found, workers: Counting, reason: str | None = "a new model"):
    return accept(found, place.store, place.candidates, workers, reason)


def test_two_runs_with_the_same_bits_are_enough(place: Place) -> None:
    one = place.cases[0]
    place.record(one, calibration=make_calibration())
    before = place.store.sha256(Key("guide", "one", "cpu"))
    place.keep(one, 0.5)
    workers = Counting()
    found = accepted(place, place.pending(), workers)
    assert found.passed
    assert workers.runs == 0
    stored = place.store.load("guide", "one", "cpu")
    assert (stored.measurement.output == make_measurement().output * 0.5).all()
    assert (stored.provenance.reason, stored.provenance.replaced) == ("a new model", before)
    assert found.uncalibrated == (one,)
    assert place.candidates.stored() == ()


def test_one_run_is_made_once_more_and_must_give_the_same_bits(place: Place) -> None:
    place.keep(place.cases[0], 0.5, runs=1)
    other = Counting(0.6)
    (refused,) = accepted(place, place.pending(), other).accepted
    assert isinstance(refused.outcome.reason, NotRepeatable)
    assert place.store.stored() == ()
    same = Counting(0.5)
    assert accepted(place, place.pending(), same, reason=None).passed
    assert (other.runs, same.runs) == (1, 1)
    assert place.store.load("guide", "one", "cpu").provenance.reason == FIRST_REASON


def test_without_a_reason_a_baseline_stays_and_nothing_runs(place: Place) -> None:
    one = place.cases[0]
    place.record(one)
    place.keep(one, 0.5, runs=1)
    workers = Counting(0.5)
    found = accepted(place, place.pending(), workers, reason="  ")
    assert found.accepted[0].outcome == NoReason()
    assert workers.runs == 0
    assert not found.passed
    assert place.candidates.stored() == (Key("guide", "one", "cpu"),)


def test_one_that_cannot_be_accepted_keeps_no_other_from_it(place: Place) -> None:
    one, two, three = place.cases
    for case in (one, two, three):
        place.keep(case)
    damaged = place.candidates.path(Key("guide", "two", "cpu"))
    damaged.write_bytes(damaged.read_bytes()[:-1])
    found = accepted(place, place.pending(one, two), Counting())
    kinds = {each.pending.key.case_id: type(each.outcome) for each in found.accepted}
    assert kinds == {"one": Written, "two": Unreadable, "three": NoCase}
    assert [key.case_id for key in place.candidates.stored()] == ["three", "two"]


def test_what_was_not_looked_at_is_not_accepted(place: Place) -> None:
    one = place.cases[0]
    place.keep(one, 0.5)
    seen = place.pending()
    place.keep(one, 0.4)
    assert accepted(place, seen, Counting()).accepted[0].outcome == Superseded()
    assert place.store.stored() == ()
    reject(seen, place.candidates)
    assert accepted(place, seen, Counting()).accepted[0].outcome == Superseded()


def test_of_two_at_once_one_wins(place: Place) -> None:
    one = place.cases[0]
    place.record(one)
    place.keep(one, 0.5)
    seen = place.pending()
    place.record(one, 0.7)  # by another process, after this one has looked
    (lost,) = accepted(place, seen, Counting()).accepted
    assert isinstance(lost.outcome, BaselineReplaced)
    assert (
        place.store.load("guide", "one", "cpu").measurement.output == make_measurement().output * 0.7
    ).all()
    assert place.candidates.stored() != ()


def test_the_same_measurement_leaves_the_baseline_and_its_calibration(place: Place) -> None:
    one = place.cases[0]
    place.record(one, calibration=make_calibration())
    before = place.store.path("guide", "one", "cpu").read_bytes()
    place.keep(one)
    (found,) = accepted(place, place.pending(), Counting()).accepted
    assert found.outcome.state == "unchanged"
    assert place.store.path("guide", "one", "cpu").read_bytes() == before
    assert place.candidates.stored() == ()


def test_the_further_run_has_a_worker_of_its_own(place: Place) -> None:
    for case in place.cases:
        place.keep(case, runs=1)
    workers = Counting()
    assert accepted(place, place.pending(), workers).passed
    assert [job.isolate for job in workers.jobs] == [True] * 3


def test_what_replaced_it_since_is_not_removed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, _ = place.cases
    place.keep(one, 0.5)
    place.keep(two, 0.5)
    seen = place.pending(one, two)
    place.keep(one, 0.4)
    assert [each.key.case_id for each in reject(seen, place.candidates).removed] == ["two"]
    assert place.candidates.stored() == (Key("guide", "one", "cpu"),)


def test_only_the_write_decides(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> bool:
        raise CandidateError("no space left")

    one = place.cases[0]
    place.keep(one)
    seen = place.pending()
    monkeypatch.setattr(place.candidates, "remove", failing)
    assert accepted(place, seen, Counting()).passed
    (error,) = reject(seen, place.candidates).errors
    assert str(error) == "no space left"


def test_a_batch_unlike_its_single_images_is_refused(place: Place) -> None:
    one = dataclasses.replace(place.cases[0], batch_consistency=Limits(max_abs=1e-6))
    place.cases[0] = one
    output = make_measurement().output
    place.keep(one, measured=make_measurement(output, singles=output * np.float32(0.5)))
    (refused,) = accepted(place, place.pending(), Counting()).accepted
    assert isinstance(refused.outcome.reason, UnlikeItself)
    assert place.store.stored() == ()


def test_a_recording_keeps_what_it_does_not_write(place: Place) -> None:
    one = place.cases[0]
    place.record(one)
    workers = Counting(0.5)
    proposal = propose([one], workers, place.store)
    assert not write(proposal, place.store, None).complete
    (found,) = place.pending()
    assert (found.kept.runs, found.kept.why, workers.runs) == (2, "changed", 2)
    assert accepted(place, [found], workers).passed
    assert workers.runs == 2
    assert propose([one], workers, place.store).proposed[0].state == "unchanged"


def test_a_recording_that_writes_leaves_nothing_to_wait_for(place: Place) -> None:
    one = place.cases[0]
    place.keep(one, 0.5)
    write(propose([one], Counting(), place.store), place.store, None)
    assert place.pending() == ()
