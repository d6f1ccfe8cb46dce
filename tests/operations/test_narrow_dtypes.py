"""bfloat16 and float16 in a user's own pipeline, in real workers: measured, remembered, calibrated."""

import re
from pathlib import Path

import numpy as np
import pytest
from samples import make_case, refused

from harness.baselines.baseline import Baseline, Provenance
from harness.baselines.store import BaselineStore
from harness.execution.pool import RunnerPool
from harness.execution.runner import Runner
from harness.judgement.calibration.envelope import CalibrationError
from harness.judgement.judgement import Verdict
from harness.judgement.reasons import DtypeDiffers, NoiseCast, Stable
from harness.measurement.trace import StepTrace
from harness.operations.calibrate import Settings, calibrate_case
from harness.operations.check import hold
from harness.operations.proposal import propose
from harness.reporting.reasons import text_of

TESTS = Path(__file__).parent.parent


def case_of(factory, **fields):
    named = {"pipeline": f"narrow_pipelines:{factory}", "checkpoint": None, "arguments": {}}
    return make_case(**{**named, "path": TESTS / "narrow.yaml", "id": factory, "steps": 2, **fields})


@pytest.fixture(scope="module")
def pool():
    with RunnerPool(lambda: Runner(import_paths=[TESTS], timeout=60), 1) as pool:
        yield pool


@pytest.fixture
def store(tmp_path):
    return BaselineStore(tmp_path / "baselines")


def recorded(store, pool, case, measured=None):
    measured = measured or pool.run(case.job())
    provenance = Provenance.of(case, reason="first", git_commit=None)
    store.write(Baseline(case.suite, case.id, "cpu", measured, provenance))
    return measured


@pytest.mark.parametrize("factory", ["tensor", "tensors"])
def test_bfloat16_is_measured_in_float32_and_remembered(store, pool, factory):
    case = case_of(factory, seeds=(1, 2), keep="latents")
    measured, widened = pool.run(case.job()), pool.run(case_of("widened", seeds=(1, 2), keep="latents").job())
    assert (measured.dtype, measured.output.dtype) == ("bfloat16", np.float32)
    np.testing.assert_array_equal(measured.output, widened.output)
    np.testing.assert_array_equal(measured.latents, widened.latents)
    assert (measured.output.view(np.uint32) & 0xFFFF == 0).all()
    assert measured.bits != widened.bits
    recorded(store, pool, case, measured)
    assert store.load(case.suite, case.id, "cpu").measurement.dtype == "bfloat16"
    assert hold(case, measured, store).judgement.verdict is Verdict.IDENTICAL
    # The same numbers in another dtype.
    judgement = hold(case, widened, store).judgement
    assert judgement.verdict is Verdict.DRIFT
    assert DtypeDiffers("output", "float32", "bfloat16") in judgement.reasons


def test_latents_of_the_same_numbers_in_another_dtype_are_told_apart(mindspore):
    trace = StepTrace(keep=True)
    narrow = mindspore.Tensor(np.ones((1, 2), np.float32)).astype(mindspore.bfloat16)
    for step, latents in enumerate((narrow, narrow.float(), np.ones((1, 2), np.float32))):
        trace(None, step, 1, {"latents": latents})
    ours, theirs, numpys = trace.records
    assert ours.sha256 != theirs.sha256 == numpys.sha256
    assert ours.statistics == theirs.statistics
    assert trace.latents.dtype == np.float32


def calibrated(store, pool, case):
    recorded(store, pool, case)
    return calibrate_case(case, pool, store, Settings(4))


@pytest.mark.parametrize("unit", ["bfloat16", "float16"])
def test_noise_that_is_cast_is_moved_by_one_unit_of_what_it_is_cast_to(store, pool, unit):
    case = case_of(f"{unit}_noise")
    found = calibrated(store, pool, case)
    assert found.calibration.unit == unit
    eps = {"bfloat16": 2.0**-7, "float16": 2.0**-10}[unit]
    assert eps / 4 < found.calibration.metrics["relative_l2"] < eps
    assert [finding.reason for finding in found.findings] == [NoiseCast(unit)]
    assert f"casts its noise to {unit}" in text_of(found.findings[0].reason)
    stored = store.load(case.suite, case.id, "cpu")
    assert stored.calibration == found.calibration
    assert not list(store.root.glob(".members/**/*-1.safetensors"))


def test_latents_in_bfloat16_are_calibrated_too(store, pool):
    found = calibrated(store, pool, case_of("tensor"))
    assert found.calibration.unit == "bfloat16"
    assert all(step.largest > 1e-3 for step in found.calibration.steps)


def test_a_cast_out_of_sight_is_refused(store, pool):
    case = case_of("float16_inside")
    with refused(CalibrationError, "one ulp of float32 changes nothing, but one unit of float16 does"):
        calibrated(store, pool, case)
    assert store.load(case.suite, case.id, "cpu").calibration is None


@pytest.mark.parametrize("factory", ["quantised", "unused"])
def test_what_is_stable_is_called_stable(store, pool, factory):
    found = calibrated(store, pool, case_of(factory))
    assert (found.calibration.unit, found.calibration.stable) == (None, True)
    assert Stable() in [finding.reason for finding in found.findings]


def test_a_sound_case_needs_no_other_unit(store, pool):
    found = calibrated(store, pool, case_of("sound"))
    assert found.calibration.unit is None
    assert 0 < found.calibration.metrics["relative_l2"] < 1e-6
    text = store.path("guide", "sound", "cpu").read_text()
    assert not re.search(r'"(unit|output_dtype)"', text)


def test_recording_a_bfloat16_case_repeats(store, pool):
    with Runner(import_paths=[TESTS], timeout=60) as runner:
        proposal = propose([case_of("tensor")], runner, store)
    assert proposal.refusals == ()
