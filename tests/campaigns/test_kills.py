"""SIGKILL at random moments of everything that is written: what is found afterwards is whole.

Files, locks and signals are real. Workers are not: their runs are prepared, so that most moments lie in
writing.
"""

from __future__ import annotations

import random
import shutil
from dataclasses import replace
from functools import partial

import numpy as np
from campaign import killed, seconds_of, tries
from history_runs import RECORD, RUN
from members import sampled
from samples import FINGERPRINT, make_baseline, make_case, make_measurement

from harness.baselines.store import BaselineStore
from harness.execution.messages import Description
from harness.history.database import History
from harness.operations.calibrate import Settings, calibrate
from harness.operations.proposal import Proposal, Proposed
from harness.operations.record import write
from harness.operations.running import Running, measurement_of, run_cases
from harness.releases.interpreters import Subject

CASES = tuple(make_case(id=f"case-{number}", seeds=(number,), steps=3) for number in range(3))


class Workers:
    """Stands for workers of all kinds: each run of a case gives what ``measure`` makes of its job."""

    processes = 1
    import_paths = ()

    def __init__(self, measure):
        self._measure = measure

    def under(self, python):
        return self

    def runner(self):
        return Runner(self._measure)

    def pool(self):
        return Runner(self._measure)


class Runner:
    def __init__(self, measure):
        self.run = measure

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def close(self):
        pass

    def restart(self):
        pass

    def describe(self):
        return Description(FINGERPRINT, {}, ("CPU",), {})

    def run_all(self, jobs):
        for tag, job in jobs:
            yield tag, self.run(job)


def measured(offset):
    """Runs whose output is moved by ``offset``, of a size that takes a moment to write."""
    noise = np.random.default_rng(0).random((1, 128, 128, 3), dtype=np.float32)
    return lambda job: make_measurement(noise + np.float32(offset), seed=job.seeds[0])


@tries(8, 500)
def test_record_leaves_each_baseline_as_it_was_or_as_it_is_to_be(tmp_path, counts, count):
    store = BaselineStore(tmp_path / "baselines")
    offsets = (0, 0.25, 0.5)
    runs = {(case.id, offset): measured(offset)(case.job()) for case in CASES for offset in offsets}

    def proposed(offset):
        found = [Proposed(case, runs[case.id, offset], "cpu", "changed") for case in CASES]
        return Proposal(tuple(found))

    def store_all(offset):
        assert write(proposed(offset), store, "a campaign").complete

    store_all(0)
    moments, seconds = random.Random(1), seconds_of(partial(store_all, 0.25))
    for index in range(count):
        killed(partial(store_all, offsets[index % 3]), seconds, moments, counts)
        for case in CASES:
            found = store.load(case.suite, case.id, "cpu").measurement.bits
            assert found in [runs[case.id, offset].bits for offset in offsets]
    store_all(0)
    for case in CASES:
        assert store.load(case.suite, case.id, "cpu").measurement.bits == runs[case.id, 0].bits
    left = sorted(path.name for path in store.root.rglob("*") if path.is_file())
    assert left == sorted(["cpu.json", "cpu.safetensors"] * len(CASES))


@tries(8, 500)
def test_calibrate_goes_on_to_the_same_calibration(tmp_path, counts, count):
    case = CASES[0]
    first = BaselineStore(tmp_path / "first")
    first.write(make_baseline(case, replace(sampled(), latents=None)))
    moments = random.Random(2)

    def go_on(store):
        workers = Workers(lambda job: sampled(job.perturbation))
        return calibrate([case], workers, store, Settings(members=4))

    whole = BaselineStore(tmp_path / "whole")
    shutil.copytree(first.root, whole.root)
    wanted = go_on(whole).calibrated[0].calibration
    seconds = seconds_of(lambda: go_on(whole))
    for _ in range(count):
        shutil.rmtree(whole.root)
        shutil.copytree(first.root, whole.root)
        killed(lambda: go_on(whole), seconds, moments, counts)
        found = whole.load(case.suite, case.id, "cpu").calibration
        assert found is None or replace(found, date=wanted.date) == wanted
        assert replace(go_on(whole).calibrated[0].calibration, date=wanted.date) == wanted
        assert not list(whole.root.rglob("*.tmp"))
        assert not list(whole.root.rglob(".members/*/*"))


@tries(8, 500)
def test_a_history_has_whole_runs_alone(tmp_path, counts, count):
    history = History(tmp_path / "history.sqlite")
    cases = tuple(replace(RECORD, case_id=f"case-{number}", first_cause="x" * 500) for number in range(40))
    run = replace(RUN, cases=cases)
    history.append(run)
    seconds, moments = seconds_of(lambda: history.append(run)), random.Random(3)
    for _ in range(count):
        before = len(history.runs())
        killed(partial(history.append, run), seconds, moments, counts)
        after = history.runs()
        assert len(after) - before in (0, 1)
        assert replace(after[-1], number=None) == replace(run, number=None)
        if len(after) > 20:
            history = History(tmp_path / f"history-{counts.total()}.sqlite")
            history.append(run)


@tries(8, 500)
def test_a_matrix_takes_nothing_that_was_half_kept(tmp_path, counts, count):
    subjects = [Subject(name, f"/python-{name}", {"mindspore": name}) for name in ("2.7.0", "2.8.0")]
    wanted = [measured(0)(case.job()).bits for case in CASES]

    def go_on(place):
        return [run_cases(CASES, subject, Running(Workers(measured(0)), place)) for subject in subjects]

    moments, seconds = random.Random(4), seconds_of(partial(go_on, tmp_path / "timed"))
    for index in range(count):
        place = tmp_path / f"work-{index}"
        killed(partial(go_on, place), seconds, moments, counts)
        kept = len(list(place.rglob("*.safetensors")))
        ran = go_on(place)
        # What is there is whole, so that it is taken.
        assert sum(each.kept for each in ran) == kept
        for each in ran:
            assert [measurement_of(found).bits for found in each.found] == wanted
        assert not list(place.rglob("*.tmp"))
        shutil.rmtree(place)
