"""Calibrating into a real store: what runs, what is kept, what is written, and what is refused.

An object with a little sampler stands in for the pool of runners.
"""

import dataclasses
import json
from contextlib import nullcontext

import numpy as np
import pytest
from members import sampled
from samples import FINGERPRINT, make_baseline, make_case, refused

import harness.operations.calibrate as module
from harness.baselines.errors import BaselineError, BaselineMissing
from harness.baselines.staleness import BaselineStale
from harness.baselines.store import BaselineStore
from harness.cases.tolerance import MOST_FACTOR, Limits
from harness.errors import FailureCause, Interrupted, UsageError
from harness.execution.worker_process import CaseFailed
from harness.judgement.calibration.envelope import CalibrationError
from harness.judgement.repetition import NotRepeatableError
from harness.measurement.figures import CheckpointIdentity
from harness.operations.calibrate import MEMBERS, Settings, calibrate, calibrate_case
from harness.operations.progress import Progress
from harness.operations.proposal import Proposal, proposed
from harness.operations.record import write
from harness.reporting.commands import Invocation, error_text

CASE = make_case(steps=3)
BASE = sampled()
# As it is stored: this case does not ask for its latents.
STORED = dataclasses.replace(BASE, latents=None)


class Sampler:
    """Runs jobs with :func:`members.sampled`; ``changes`` are made to every measurement of a seed."""

    def __init__(self, *, backwards=False, **changes):
        self.backwards = backwards
        self.changes = changes
        self.asked = []

    def run(self, job):
        seed = job.perturbation
        self.asked.append((seed, "alone") if job.isolate else seed)
        assert job.keep_latents
        change = self.changes.get(f"seed{seed}", self.changes.get("all", lambda measured: measured))
        return change(sampled(seed))

    def run_all(self, jobs):
        """Run the last first, as several runners side by side may."""
        for tag, job in reversed(list(jobs)) if self.backwards else jobs:
            try:
                yield tag, self.run(job)
            except CaseFailed as error:
                yield tag, error


def asked(*members):
    """What runs: the case unperturbed, again in the same worker, the members, again in a fresh worker."""
    return [None, None, *members, (None, "alone")]


@pytest.fixture
def store(tmp_path):
    store = BaselineStore(tmp_path / "baselines")
    store.write(make_baseline(CASE, STORED))
    return store


def run(store, pool=None, members=4, factor=2.0, case=CASE, **arguments):
    return calibrate_case(case, pool or Sampler(), store, Settings(members, factor), **arguments)


def loaded(store):
    return store.load("guide", "two-steps", "cpu")


def files(store):
    return {
        path: (path.read_bytes(), path.stat().st_mtime_ns) for path in store.root.rglob("*") if path.is_file()
    }


def failing(message="its worker died"):
    def fail(measured):
        raise CaseFailed(message, about=("guide/two-steps",))

    return fail


def test_the_case_runs_once_for_every_member_and_three_times_as_it_is(store):
    pool = Sampler()
    result = run(store, pool)
    assert pool.asked == asked(1, 2, 3, 4)
    assert result.calibration.members == (1, 2, 3, 4)
    assert result.calibration.factor == 2.0
    assert result.written.state == "replaced"
    assert loaded(store).calibration == result.calibration


def test_members_run_the_case_with_its_latents_kept_and_without_single_images():
    case = make_case(seeds=(0, 1), batch_consistency=Limits(relative_l2=1e-6), keep="none")
    assert case.job().singles
    job = case.job().member(5)
    assert dataclasses.replace(case.job(), keep_latents=True, singles=False, perturbation=5) == job
    assert case.job().member(None).perturbation is None


def test_a_member_has_the_same_seed_however_many_there_are(store):
    few, more = run(store, members=2).calibration, run(store, members=6).calibration
    assert few.members == more.members[:2]
    assert few.metrics["relative_l2"] <= more.metrics["relative_l2"]


def test_the_order_in_which_members_end_changes_nothing(store):
    run(store)
    pool = Sampler(backwards=True)
    store.root.joinpath(".members").rename(store.root / ".away")
    assert run(store, pool).written.state == "unchanged"
    assert pool.asked == [None, (None, "alone"), 4, 3, 2, 1, None]


def test_progress_counts_members(store):
    seen = []
    run(store, progress=seen.append)
    assert seen == [0, 1, 2, 3, 4]


class Told(Progress):
    """Keeps what an operation tells."""

    def __init__(self):
        self.stages, self.names, self.done, self.results, self.ended = [], [], [], [], 0

    def begin(self, doing, runs):
        self.stages.append((doing, runs))

    def started(self, name):
        self.names.append(name)

    def advanced(self, done):
        self.done.append(done)

    def finished(self, result):
        self.results.append(result)

    def end(self):
        self.ended += 1


class Prepared:
    """Workers that are a sampler."""

    def __init__(self, **changes):
        self.changes = changes

    def pool(self):
        return nullcontext(Sampler(**self.changes))


class TestAllCases:
    OTHER = make_case(id="other")

    def test_progress_counts_the_members_of_all_cases(self, store):
        store.write(make_baseline(self.OTHER, STORED))
        absent, told = make_case(id="absent"), Told()
        found = calibrate([CASE, absent, self.OTHER], Prepared(), store, Settings(4, 2.0), told)
        assert told.stages == [("calibrating", 12)]
        assert told.names == ["guide/two-steps", "guide/absent", "guide/other"]
        assert told.done == [0, 1, 2, 3, 4, 4, 8, 8, 9, 10, 11, 12, 12]
        assert tuple(told.results) == found.results
        assert told.ended == 1
        assert [each.case for each in found.calibrated] == [CASE, self.OTHER]
        assert "no baseline of guide/absent" in str(found.results[1].error)
        assert (found.failed, found.passed) == (1, False)
        assert calibrate([CASE], Prepared(), store, Settings(4, 2.0)).passed

    def test_an_interrupt_at_a_later_case_says_that_the_members_are_kept(self, store):
        store.write(make_baseline(self.OTHER, STORED))

        def interrupt(measured):
            raise KeyboardInterrupt

        told = Told()
        with pytest.raises(Interrupted, match="finished runs are kept"):
            calibrate([CASE, self.OTHER], Prepared(seed4=interrupt), store, Settings(4, 2.0), told)
        assert told.ended == 1
        assert (store.root / ".members").exists()
        calibrate([CASE, self.OTHER], Prepared(), store, Settings(4, 2.0))
        assert not (store.root / ".members").exists()


class TestWhatIsWritten:
    def test_the_recording_keeps_its_provenance(self, store):
        before = json.loads((store.path("guide", "two-steps", "cpu")).read_text())
        run(store)
        after = json.loads((store.path("guide", "two-steps", "cpu")).read_text())
        assert after["provenance"] == before["provenance"]
        changed = {key for key in before if before[key] != after[key]}
        assert changed == {"calibration", "seal"}
        assert loaded(store).measurement.latents is None

    def test_calibrating_twice_changes_no_byte(self, store):
        run(store)
        before = files(store)
        again = run(store)
        again.kept.clear()
        assert again.written.state == "unchanged"
        after = {path: held for path, held in files(store).items() if ".members" not in path.parts}
        assert after == {path: held for path, held in before.items() if ".members" not in path.parts}

    def test_when_it_was_calibrated_is_no_change(self, store):
        first = run(store)
        earlier = {"date": "2020-01-01T00:00:00+00:00", "harness_version": "0.0.1"}
        for factor in (9.0, 2.0):
            calibration = dataclasses.replace(first.calibration, factor=factor, **earlier)
            store.write(dataclasses.replace(loaded(store), calibration=calibration))
        assert run(store).written.state == "unchanged"
        assert loaded(store).calibration.date == earlier["date"]

    @pytest.mark.parametrize("changes", [{"factor": 3.0}, {"members": 5}])
    def test_another_factor_or_number_of_members_is_written(self, store, changes):
        run(store)
        assert run(store, **changes).written.state == "replaced"
        stored = loaded(store).calibration
        assert (stored.factor, len(stored.members)) == (changes.get("factor", 2.0), changes.get("members", 4))

    def test_recording_again_with_the_same_bits_keeps_the_calibration_byte_for_byte(self, store):
        run(store).kept.clear()
        before = files(store)
        (outcome,) = self.record(store, STORED)
        assert outcome.state == "unchanged"
        assert files(store) == before
        assert self.uncalibrated == ()

    @pytest.mark.parametrize(
        ("case", "measured"),
        [
            (CASE, dataclasses.replace(STORED, output=STORED.output * np.float32(0.5))),
            (make_case(steps=3, arguments={"eta": 0.5}), STORED),
        ],
        ids=["other bits", "another definition"],
    )
    def test_recording_something_else_drops_the_calibration(self, store, case, measured):
        run(store).kept.clear()
        (outcome,) = self.record(store, measured, case)
        assert outcome.state == "replaced"
        assert loaded(store).calibration is None
        assert self.uncalibrated == (case,)
        assert loaded(store).provenance.reason == "a reason"

    def record(self, store, measured, case=CASE):
        stored = write(Proposal((proposed(case, measured, store),)), store, "a reason")
        self.uncalibrated = stored.uncalibrated
        return [outcome for _, outcome in stored.dispositions]


class TestGoingOn:
    def test_members_that_are_kept_do_not_run_again(self, store):
        with pytest.raises(CaseFailed, match="its worker died"):
            run(store, Sampler(seed3=failing()))
        seen, pool = [], Sampler()
        result = run(store, pool, progress=seen.append)
        assert pool.asked == asked(3, 4)
        assert seen == [2, 3, 4]
        whole = BaselineStore(store.root.parent / "whole")
        whole.write(make_baseline(CASE, STORED))
        expected = run(whole).calibration
        assert dataclasses.replace(result.calibration, date=expected.date) == expected

    def test_an_interrupt_loses_no_member_that_has_run(self, store):
        def interrupt(measured):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run(store, Sampler(seed4=interrupt))
        pool = Sampler()
        run(store, pool)
        assert pool.asked == asked(4)

    def test_an_interrupt_at_a_later_case_loses_none_of_this_one(self, store):
        """Nothing is cleared before all cases of the call are through."""
        run(store)
        pool = Sampler()
        result = run(store, pool)
        assert pool.asked == asked()
        result.kept.clear()
        assert not (store.root / ".members").exists()
        run(store, pool := Sampler())
        assert pool.asked == asked(1, 2, 3, 4)

    def test_members_around_another_recording_run_again(self, store):
        run(store, members=2)
        other = sampled(step=lambda latents: latents * 0.8)
        store.write(make_baseline(CASE, dataclasses.replace(other, latents=None)))

        def step(seed):
            return lambda measured: sampled(seed, step=lambda latents: latents * 0.8)

        pool = Sampler(seedNone=step(None), seed1=step(1), seed2=step(2))
        run(store, pool, members=2)
        assert pool.asked == asked(1, 2)


class TestWhatIsRefused:
    def test_a_case_that_is_not_recorded_does_not_run(self, tmp_path):
        pool = Sampler()
        with pytest.raises(BaselineMissing) as caught:
            run(BaselineStore(tmp_path / "none"), pool)
        assert "harness record suites/guide.yaml::two-steps" in error_text(caught.value, Invocation())
        assert pool.asked == []

    def test_a_baseline_of_another_device_is_none(self, store):
        npu = {**FINGERPRINT, "device": "Ascend", "soc": "Ascend910B4"}
        with pytest.raises(BaselineMissing) as caught:
            run(store, Sampler(all=lambda measured: dataclasses.replace(measured, fingerprint=npu)))
        assert "for ascend910b4; record it" in error_text(caught.value, Invocation())

    def test_a_case_that_was_edited_does_not_run_and_says_what_was(self, store):
        pool = Sampler()
        case = make_case(steps=3, arguments={"eta": 0.5})
        with pytest.raises(BaselineStale, match=r"^the case was edited .*eta: 0.0 -> 0.5"):
            run(store, pool, case=case)
        assert pool.asked == []
        assert loaded(store).calibration is None

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            (lambda m: dataclasses.replace(m, output=m.output + np.float32(1e-6)), "not bitwise equal"),
            (lambda m: sampled(step=lambda latents: latents * 0.9000001), "latents differ from step 0 on"),
            (lambda m: dataclasses.replace(m, ledger=()), "0 draws; the baseline has 1"),
            (lambda m: dataclasses.replace(m, checkpoint=CheckpointIdentity("x", {"a": "b"})), "checkpoint"),
            (lambda m: sampled(steps=2), "schedule differs"),
        ],
    )
    def test_a_run_that_does_not_give_the_baselines_bits_ends_it_before_any_member(self, store, change, told):
        pool = Sampler(seedNone=change)
        with refused(CalibrationError, f"does not give the baseline's bits .*{told}") as caught:
            run(store, pool)
        assert " --calibrate --reason " in error_text(caught.value, Invocation())
        assert pool.asked == [None, (None, "alone")]
        assert loaded(store).calibration is None

    def test_another_environment_that_gives_the_bits_will_do(self, store):
        release = {**FINGERPRINT, "mindspore": "2.9.0"}
        result = run(store, Sampler(seedNone=lambda m: dataclasses.replace(m, fingerprint=release)))
        assert loaded(store).measurement.fingerprint == FINGERPRINT
        assert result.calibration.members == (1, 2, 3, 4)

    def test_a_member_that_cannot_be_compared_keeps_the_others(self, store):
        broken = Sampler(seed2=lambda m: dataclasses.replace(m, output=m.output * np.float32("nan")))
        with refused(CalibrationError, r"signs of seed 2\) .*NaN"):
            run(store, broken)
        assert loaded(store).calibration is None
        run(store, pool := Sampler())
        assert pool.asked == asked(2, 3, 4)

    def test_what_cannot_be_written_is_one_error_and_loses_no_member(self, store):
        folder = store.path("guide", "two-steps", "cpu").parent
        blocked = folder / "cpu.safetensors.blocked"
        blocked.mkdir()
        (blocked / "file").write_text("")
        with pytest.raises(BaselineError, match="cannot be written"):
            run(store)
        (blocked / "file").unlink()
        blocked.rmdir()
        run(store, pool := Sampler())
        assert pool.asked == asked()

    def test_a_fault_of_the_harness_itself_is_not_hidden(self, store):
        def divide(measured):
            return 1 / 0

        with pytest.raises(ZeroDivisionError):
            run(store, Sampler(seed1=divide))


class Flaky(Sampler):
    """Takes another second step in those runs, counted from 0, that ``flips`` names."""

    def __init__(self, *flips, by=0.95):
        super().__init__()
        self._flips, self._by = flips, by

    def run(self, job):
        flipped = len(self.asked) in self._flips
        measured = super().run(job)
        if not flipped:
            return measured
        factors = iter([0.9, self._by, 0.9])
        return sampled(job.perturbation, step=lambda latents: latents * next(factors))


class TestWhatDoesNotRepeat:
    """The runs are: 0 and 1 unperturbed, 2 to 5 members, 6 unperturbed and fresh, then one of each mode."""

    @pytest.mark.parametrize("by", [0.95, 0.9000001], ids=["another picture", "as little as rounding"])
    @pytest.mark.parametrize("flips", [(1,), (6,), (1, 3, 5), (2, 6)])
    def test_an_unperturbed_run_with_other_bits_refuses_the_case_by_name(self, store, flips, by):
        with refused(NotRepeatableError, "does not repeat: two runs of the case unperturbed") as caught:
            run(store, Flaky(*flips, by=by))
        told = error_text(caught.value, Invocation())
        assert "differ first in the latents after step 1 (timestep 998), so no tolerance" in told
        assert "mode" not in told
        assert (caught.value.cause, caught.value.answers) == (FailureCause.NOT_REPEATABLE, True)
        assert loaded(store).calibration is None
        assert not (store.root / ".members" / "guide").exists()

    @pytest.mark.parametrize("flips", [(2,), (3, 5), (2, 3, 4, 5)])
    def test_a_member_of_another_mode_that_does_not_repeat_makes_no_mode(self, store, flips):
        """Every second run in one process, where the number of members hides it from the others."""
        told = r"with its noise moved .* \(signs of seed \d\) differ first in the latents after step 1"
        with refused(NotRepeatableError, told):
            run(store, Flaky(*flips))
        assert loaded(store).calibration is None

    def test_modes_that_repeat_are_modes(self, store):
        other = Sampler(seed2=lambda measured: sampled(2, step=lambda latents: latents * 0.8))
        assert run(store, other).calibration.modes == (4, 1)
        assert other.asked == [*asked(1, 2, 3, 4), (2, "alone")]

    def test_a_first_run_unlike_the_baseline_is_called_unlike_only_where_it_repeats(self, store):
        with refused(
            NotRepeatableError, "does not repeat: a second run, in a fresh worker, .* the baseline's"
        ):
            run(store, Flaky(0))
        with refused(CalibrationError, "does not give the baseline's bits"):
            run(store, Flaky(0, 1))


@pytest.mark.parametrize("members", [1, 0, -3])
def test_too_few_members_show_no_spread(members):
    with pytest.raises(
        UsageError,
        match=f"^{members} members? cannot show a spread: give 2 or more, preferably {MEMBERS} or more",
    ):
        Settings(members, 2.0)


@pytest.mark.parametrize("members", [2.5, 3.0, float("nan"), True, "10", None])
def test_members_that_are_no_whole_number_are_refused(members):
    with pytest.raises(UsageError, match=f"^members={members!r}: give a whole number, 2 or more"):
        Settings(members, 2.0)


@pytest.mark.parametrize("factor", [0.5, 0.0, -2.0, float("nan"), np.nextafter(1, 0), float("-inf")])
def test_a_factor_below_one_is_refused(factor):
    with pytest.raises(UsageError, match="the members themselves exceed: give 1 or more"):
        Settings(10, factor)


@pytest.mark.parametrize("factor", [float("inf"), 1e7, np.nextafter(MOST_FACTOR, 1e3)])
def test_a_factor_that_nothing_exceeds_is_refused(factor):
    with pytest.raises(UsageError, match="nothing exceeds"):
        Settings(10, factor)


def test_the_fewest_members_and_the_least_factor_are_enough(store):
    assert run(store, members=2, factor=1.0).calibration.members == (1, 2)
    assert Settings(2, MOST_FACTOR).factor == 100
    assert module.MEMBERS >= 10
