"""The examination of one case, on a pool whose runs the test makes up."""

import dataclasses
import re
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest
from samples import make_baseline, make_calibration, make_case, make_measurement

from harness.baselines.baseline import baseline_sha256
from harness.baselines.store import BaselineStore
from harness.errors import FailureCause, HarnessError, UsageError
from harness.execution.worker_process import WorkerCrashed
from harness.faults.catalogue import FAULTS, FaultNotApplicable, fault
from harness.judgement.power.search import PRECISION
from harness.judgement.reasons import Failed
from harness.measurement.statistics import summarise
from harness.operations.power import chosen_faults, measure_power
from harness.reporting.commands import Invocation, remedy_text
from harness.reporting.reasons import text_of

LIMITS = {"across_releases": {"max_abs": 1e-4}}
CASE = make_case(tolerance=LIMITS)
SOUND = make_measurement()


class Pool:
    """Runs a case whose every fault moves one value by ``effects[name] * size``; 1 without an entry.

    An effect may be an error to raise, or a measurement.
    """

    def __init__(self, sound=SOUND, **effects):
        self.sound = sound
        self.effects = {name.replace("_", "-"): effect for name, effect in effects.items()}
        self.jobs = []

    def run(self, job):
        self.jobs.append(job)
        if job.fault is None:
            return self.sound
        effect = self.effects.get(job.fault.name, 1.0)
        if isinstance(effect, Exception):
            raise effect
        if not isinstance(effect, float):
            return effect
        size = 1.0 if job.fault.size is None else job.fault.size
        output = self.sound.output.copy()
        output[0, 0, 0, 0] += np.float32(effect * size)
        return dataclasses.replace(self.sound, output=output, statistics=summarise(output))

    def submit(self, job):
        future = Future()
        try:
            future.set_result(self.run(job))
        except (HarnessError, ZeroDivisionError) as error:
            future.set_exception(error)
        return future

    def sizes(self, name):
        return [job.fault.size for job in self.jobs if job.fault and job.fault.name == name]


@pytest.fixture
def store(tmp_path):
    made = BaselineStore(tmp_path / "baselines")
    made.write(make_baseline(CASE, SOUND))
    return made


def by_name(found):
    return {each.name: each for each in found.faults}


def test_every_fault_is_examined_in_the_order_of_the_catalogue(store):
    found = measure_power(CASE, Pool(), store)
    assert [each.name for each in found.faults] == [each.name for each in FAULTS]
    # The image is grey enough for a clamp a little below 1 to leave it as it is.
    assert [each.name for each in found.faults if each.outcome != "caught"] == ["final-clamp"]
    assert (found.refusal, found.vacuous, found.sound_margin, found.device) == (None, False, 0.0, "cpu")
    assert found.case_hash == CASE.hash()
    assert found.tolerance == {"kind": "limits", "limits": {"max_abs": 1e-4}}
    baseline = store.load("guide", "two-steps", "cpu")
    assert found.baseline_sha256 == baseline_sha256(baseline) is not None


def test_sized_faults_have_their_smallest_size_caught(store):
    found = by_name(measure_power(CASE, Pool(weight_scaled=0.5), store))["weight-scaled"]
    # A value that moves by half of the size is at its limit of 1e-4 where the size is 2e-4.
    assert found.missed_at <= 2e-4 < found.caught_from <= PRECISION * found.missed_at
    assert found.numbers_from
    assert found.margin == pytest.approx(0.5 * fault("weight-scaled").reference / 1e-4, rel=1e-2)


def test_faults_without_sizes_take_one_run_and_have_none(store):
    pool = Pool()
    found = by_name(measure_power(CASE, pool, store))["norm-groups"]
    assert pool.sizes("norm-groups") == [None]
    assert not found.searched


def test_quick_takes_one_run_of_each(store):
    pool = Pool()
    found = measure_power(CASE, pool, store, quick=True)
    assert not any(each.searched for each in found.faults)
    assert pool.sizes("beta-end") == [fault("beta-end").reference]
    runs = [job.fault.name for job in pool.jobs if job.fault]
    assert runs == [each.name for each in FAULTS if each.family != "output"]


def test_faults_of_the_output_take_no_run(store):
    pool = Pool()
    found = by_name(measure_power(CASE, pool, store))
    assert not any(pool.sizes(each.name) for each in FAULTS if each.family == "output")
    brightness = found["brightness"]
    # The brightest value is darkened most.
    top = float(SOUND.output.max())
    assert brightness.missed_at * top <= 1e-4 * 1.01 < brightness.caught_from * top * 1.02
    assert found["patch"].outcome == "caught"


def test_a_fault_that_is_missed_is_made_larger(store):
    found = by_name(measure_power(CASE, Pool(beta_end=5e-3, eta=0.0), store))
    assert found["beta-end"].outcome == "missed"
    assert found["beta-end"].by is None
    assert found["beta-end"].caught_from == pytest.approx(2e-2, rel=0.3)
    assert (found["eta"].caught_from, found["eta"].missed_at) == (None, fault("eta").largest)


def test_a_fault_that_cannot_be_put_into_the_case_is_none_that_it_misses(store):
    error = FaultNotApplicable("only DDPM has it", about=("guide/two-steps", "variance-type"))
    found = by_name(measure_power(CASE, Pool(variance_type=error), store))["variance-type"]
    assert (found.outcome, found.why) == ("not applicable", Failed("other", "only DDPM has it"))


def test_a_run_that_fails_leaves_the_fault_unknown_and_the_others_known(store):
    error = WorkerCrashed("its worker died after 3 s (signal SIGSEGV)", about=("guide/two-steps",))
    found = measure_power(CASE, Pool(norm_eps=error), store)
    assert by_name(found)["norm-eps"].outcome == "failed"
    assert by_name(found)["norm-eps"].why == Failed(
        "other", "its worker died after 3 s (signal SIGSEGV)", FailureCause.CRASH
    )
    assert not found.sound
    assert [each.name for each in found.faults if each.outcome != "caught"] == ["norm-eps", "final-clamp"]


def test_an_error_that_is_no_fault_of_the_case_is_not_swallowed(store):
    with pytest.raises(ZeroDivisionError):
        measure_power(CASE, Pool(norm_eps=ZeroDivisionError()), store)


def test_exact_facts_are_told_from_numbers(store):
    drawn_otherwise = dataclasses.replace(SOUND, ledger=SOUND.ledger * 2)
    found = by_name(measure_power(CASE, Pool(extra_draw=drawn_otherwise), store))["extra-draw"]
    assert (found.outcome, found.by, found.numbers_alone) == ("caught", "ledger", False)


def test_a_case_whose_numbers_miss_everything_is_vacuous(store):
    case = make_case(tolerance={"across_releases": {"max_abs": 10.0}})
    found = measure_power(case, Pool(), store)
    assert found.vacuous
    assert text_of(found.why_vacuous).startswith(
        "at its tolerance across releases it passes each of 8 faults"
    )


def test_a_case_that_sees_nothing_of_the_computation_is_vacuous(store):
    nothing = dict.fromkeys((each.name.replace("-", "_") for each in FAULTS), 0.0)
    found = measure_power(CASE, Pool(**nothing), store, quick=True)
    assert found.vacuous
    assert "faults put into what the pipeline computes" in text_of(found.why_vacuous)


def test_some_faults_can_be_chosen_and_leave_vacuity_open(store):
    chosen = chosen_faults(["patch", "norm-eps", "patch"])
    assert [each.name for each in chosen] == ["norm-eps", "patch"]
    found = measure_power(CASE, Pool(), store, chosen)
    assert [each.name for each in found.faults] == ["norm-eps", "patch"]
    assert measure_power(CASE, Pool(norm_eps=0.0), store, chosen).vacuous is None


def test_no_choice_is_every_fault_and_a_wrong_name_is_wrong_usage():
    assert chosen_faults([]) == FAULTS
    with pytest.raises(UsageError, match="did you mean brightness"):
        chosen_faults(["patch", "brigthness"])


def test_results_are_in_order_however_the_runs_end(store):
    done = []
    with ThreadPoolExecutor(4) as threads:
        pool = Pool()
        pool.submit = lambda job: threads.submit(pool.run, job)
        side_by_side = measure_power(CASE, pool, store, progress=done.append)
    assert side_by_side == measure_power(CASE, Pool(), store)
    assert done == list(range(1, len(FAULTS) + 1))


@pytest.mark.parametrize("kind", ["missing", "stale", "uncalibrated", "chaotic", "strict", "damaged"])
def test_a_case_that_cannot_be_judged_is_refused_before_it_runs(store, kind):
    calibrated = make_case()
    case, says = {
        "missing": (make_case(id="other", tolerance=LIMITS), "harness record suites/guide.yaml::other"),
        "stale": (make_case(steps=3, tolerance=LIMITS), "steps: 2 -> 3.*harness record suites/guide"),
        # Not for the interpreter that faults run under: it need not be the baseline's.
        "uncalibrated": (
            calibrated,
            r"is not calibrated.*harness calibrate suites/guide.yaml::two-steps --baseline-dir \S+ where the",
        ),
        "chaotic": (calibrated, "is chaotic from step 1 on"),
        "strict": (make_case(strict=True, tolerance=LIMITS), "is strict"),
        "damaged": (CASE, "cpu.json: .*Restore the file"),
    }[kind]
    if kind == "chaotic":
        calibration = make_calibration(chaotic_from=1)
        store.write(dataclasses.replace(make_baseline(CASE, SOUND), calibration=calibration))
    if kind == "damaged":
        store.path("guide", "two-steps", "cpu").write_text("{}")
    pool = Pool()
    found = measure_power(case, pool, BaselineStore(store.root))
    assert not pool.jobs
    assert not found.sound
    assert found.faults == ()
    assert found.vacuous is None
    remedy = remedy_text(found.remedy, Invocation(str(store.root), python="other"))
    refusal = text_of(found.refusal) + remedy
    assert re.search(says, refusal), refusal


def test_a_case_that_does_not_pass_without_a_fault_is_refused(store):
    output = SOUND.output + np.float32(1e-3)
    moved = dataclasses.replace(SOUND, output=output, statistics=summarise(output))
    pool = Pool(moved)
    found = measure_power(CASE, pool, store)
    assert len(pool.jobs) == 1
    assert "does not pass even without a fault (drift at its tolerance across releases)" in text_of(
        found.refusal
    )
    assert "max_abs 0.001 is above its limit 0.0001" in text_of(found.refusal)


@pytest.mark.parametrize("place", [(), ("suites/guide.yaml:4:5",)])
def test_a_case_that_does_not_run_is_refused(store, place):
    class Broken(Pool):
        def run(self, job):
            raise HarnessError("no such checkpoint", about=(*place, "guide/two-steps"))

    assert measure_power(CASE, Broken(), store).refusal == Failed("other", "no such checkpoint")


def test_the_tolerance_used_is_kept_with_the_factor_in_force(store):
    calibration = make_calibration()
    store.write(dataclasses.replace(make_baseline(CASE, SOUND), calibration=calibration))
    case = make_case(tolerance={"across_releases": {"calibrated": {"factor": 3}}})
    found = measure_power(case, Pool(), store, quick=True)
    assert found.tolerance == {"kind": "calibrated", "factor": 3.0, "members": 10}
    assert measure_power(make_case(), Pool(), store, quick=True).tolerance["factor"] == 2.0
    exact = make_case(tolerance={"across_releases": "exact"})
    assert measure_power(exact, Pool(), store, quick=True).tolerance == {"kind": "exact"}
