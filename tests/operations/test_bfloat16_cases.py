"""`dtype: bfloat16` in real workers: the core on CPU, its faults, its calibration, and what is refused."""

import numpy as np
import pytest
from samples import make_case, refused

from harness.baselines.baseline import Baseline, Provenance
from harness.baselines.store import BaselineStore
from harness.execution.pool import RunnerPool
from harness.execution.runner import Runner
from harness.execution.worker_process import CaseFailed
from harness.judgement.judgement import Verdict
from harness.operations.calibrate import Settings, calibrate_case
from harness.operations.check import hold


def case(**fields):
    named = {"pipeline": "ddim", "checkpoint": "builtin:ddpm-digits", "arguments": {}, "steps": 2}
    return make_case(**{**named, "dtype": "bfloat16", "keep": "latents", **fields})


@pytest.fixture(scope="module")
def pool():
    with RunnerPool(lambda: Runner(timeout=120), 1) as pool:
        yield pool


@pytest.fixture(scope="module")
def measured(pool):
    return pool.run(case().job())


@pytest.fixture(scope="module")
def wide(pool):
    return pool.run(case(dtype="float32").job())


def test_latents_are_of_bfloat16_and_near_those_of_float32(measured, wide):
    assert (measured.latents.view(np.uint32) & 0xFFFF == 0).all()
    moved = np.linalg.norm(measured.output - wide.output) / np.linalg.norm(wide.output)
    assert 2.0**-12 < moved < 2.0**-5
    assert [each.timestep for each in measured.trace] == [each.timestep for each in wide.trace]


def test_the_fingerprint_says_how_bfloat16_is_computed(measured, wide):
    found, other = measured.fingerprint, wide.fingerprint
    assert found["dtype"] == "bfloat16"
    assert found["bfloat16"].startswith("in float32, rounded once (harness ")
    # Nothing else tells the two apart, and float32 has no such field.
    assert {**other, "dtype": "bfloat16", "bfloat16": found["bfloat16"]} == found
    assert "bfloat16" not in other
    assert measured.canaries == wide.canaries


def test_a_run_repeats_bit_for_bit(pool, measured):
    assert pool.run(case().job().alone()).bits == measured.bits


def test_images_of_a_batch_and_ddpm(pool, measured):
    batch = pool.run(case(seeds=(*case().seeds, 1)).job())
    assert batch.output.shape == (2, *measured.output.shape[1:])
    assert np.abs(batch.output[:1] - measured.output).max() < 2.0**-5
    ddpm = pool.run(case(pipeline="ddpm").job())
    assert (ddpm.latents.view(np.uint32) & 0xFFFF == 0).all()


def test_graph_mode_is_refused_with_the_reason(pool):
    with refused(CaseFailed, "in bfloat16 in PyNative only: MindSpore's CPU has no bfloat16 for most"):
        pool.run(case(mode="graph").job())


def test_one_unit_of_bfloat16_is_what_moves_the_noise(pool, measured, tmp_path):
    store = BaselineStore(tmp_path)
    provenance = Provenance.of(case(), reason="first", git_commit=None)
    store.write(Baseline(case().suite, case().id, "cpu", measured, provenance))
    found = calibrate_case(case(), pool, store, Settings(3))
    assert found.calibration.unit is None
    assert [finding.reason for finding in found.findings] == []
    assert 2.0**-11 < found.calibration.metrics["relative_l2"] < 2.0**-5
    assert hold(case(), measured, store).judgement.verdict is Verdict.IDENTICAL


def test_a_deep_trace_replays_and_carries_bfloat16():
    with Runner(timeout=120) as runner:
        trace = runner.trace(case().job(), 1)
        assert "bfloat16" in {each.dtype for call in trace.calls for each in call.outputs}
        replay = runner.replay(case().job(), trace)
    assert replay.first is None
