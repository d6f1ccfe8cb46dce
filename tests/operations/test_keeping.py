"""What of a check is kept as a candidate: drifts that repeat, and what has no usable baseline."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from samples import make_measurement
from waiting import Counting, Place

from harness.baselines.baseline import Key
from harness.baselines.errors import NotStorable
from harness.judgement.repetition import NotRepeatableError
from harness.operations.check import check
from harness.operations.keeping import waiting
from harness.operations.proposal import stored_hashes
from harness.operations.review import BaselineChanged


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


class Flaky(Counting):
    """Gives other bits in each run."""

    def run(self, job):
        self.measured = make_measurement(self.measured.output * 0.9)
        return super().run(job)


def kept(place: Place, case, workers):
    before = stored_hashes(case, place.store)
    found = check(case, workers, place.store)
    judged = found.judgement
    candidate = waiting(case, found, place.store, workers, before)
    assert found.judgement == judged
    return candidate


def test_a_case_that_passes_is_not_kept(place: Place) -> None:
    place.record(place.cases[0])
    workers = Counting()
    assert kept(place, place.cases[0], workers) is None
    assert workers.runs == 1


def test_a_drift_that_repeats_has_had_two_runs(place: Place) -> None:
    one = place.cases[0]
    place.record(one)
    workers = Counting(0.5)
    found = kept(place, one, workers)
    assert (found.kept.why, found.kept.runs, workers.runs) == ("drift", 2, 2)
    assert found.kept.replaces == place.store.sha256(Key("guide", "one", "cpu"))
    assert found.key == Key("guide", "one", "cpu")


def test_a_drift_that_does_not_repeat_is_not_kept(place: Place) -> None:
    one = place.cases[0]
    place.record(one)

    assert kept(place, one, Flaky()) is None


def test_what_has_no_usable_baseline_runs_once(place: Place) -> None:
    one, two, three = place.cases
    place.record(one)
    place.record(two)
    damaged = place.store.path("guide", "two", "cpu")
    damaged.write_text("{")
    edited = dataclasses.replace(one, seeds=(8,))
    for case, why in ((edited, "stale"), (two, "damaged"), (three, "missing")):
        workers = Counting()
        found = kept(place, case, workers)
        assert (found.kept.why, found.kept.runs, workers.runs) == (why, 1, 1)
        assert found.kept.provenance.case_hash == case.hash()


def test_what_can_be_no_baseline_is_not_kept(place: Place) -> None:
    with pytest.raises(NotStorable, match="output holds NaN"):
        kept(place, place.cases[0], Counting(float("nan")))


def test_a_baseline_that_was_written_meanwhile_is_not_what_it_was_held_against(place: Place) -> None:
    one = place.cases[0]
    place.record(one)
    before = stored_hashes(one, place.store)
    workers = Counting(0.5)
    found = check(one, workers, place.store)
    place.record(one, 0.7)
    candidate = waiting(one, found, place.store, workers, before)
    assert candidate.kept.replaces == before[Key("guide", "one", "cpu")]
    place.candidates.keep(candidate)
    assert place.pending()[0].obstacle == BaselineChanged()


def test_what_is_signed_runs_twice_and_must_repeat(place: Place) -> None:
    one = place.cases[0]
    workers = Counting()
    found = check(one, workers, place.store)
    candidate = waiting(one, found, place.store, workers, {}, twice=True)
    assert (candidate.kept.runs, workers.runs, workers.jobs[1].isolate) == (2, 2, True)
    with pytest.raises(NotRepeatableError):
        waiting(one, found, place.store, Flaky(), {}, twice=True)
