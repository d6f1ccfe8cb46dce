"""Faults after the last step, in real workers: the host's by float32's limits, the decoder's by its own."""

import platform
from dataclasses import replace
from pathlib import Path

import pytest
from samples import make_case

from harness.baselines.baseline import Baseline, Provenance
from harness.baselines.store import BaselineStore
from harness.execution.pool import RunnerPool
from harness.execution.runner import Runner
from harness.explanation.causes import root_causes
from harness.judgement.judgement import Verdict
from harness.judgement.reasons_after_steps import DecoderDiffers, HostDiffers
from harness.judgement.tiers import Tier
from harness.judgement.verdicts import judge
from harness.operations.calibrate import Settings, calibrate_case
from harness.operations.decoding import job_beside, with_decoder_of
from harness.reporting.reasons import text_of

TESTS = Path(__file__).parent.parent
SUITES = TESTS.parent / "suites" / "mindone"


def ddim(factory, **fields):
    named = {"pipeline": f"late_faults:{factory}", "checkpoint": None, "arguments": {}}
    return make_case(**{**named, "path": TESTS / "late.yaml", "id": "late", **fields})


def diffusion(factory, **fields):
    named = {
        "pipeline": f"mindone:late_faults:{factory}",
        "checkpoint": "checkpoints/stable-diffusion",
        "arguments": {"prompt": "a red fox in the snow"},
        "tolerance": {"across_releases": "calibrated"},
    }
    return make_case(**{**named, "path": SUITES / "late.yaml", "id": "late", **fields})


@pytest.fixture(scope="module")
def pool():
    with RunnerPool(lambda: Runner(import_paths=[TESTS], timeout=600), 1) as pool:
        yield pool


@pytest.fixture
def store(tmp_path):
    return BaselineStore(tmp_path / "baselines")


def recorded(store, pool, case):
    provenance = Provenance.of(case, reason="first", git_commit=None)
    store.write(Baseline(case.suite, case.id, "cpu", pool.run(case.job()), provenance))
    return store.load(case.suite, case.id, "cpu")


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_fault_of_the_host_is_judged_by_float32_in_any_dtype(store, pool, dtype):
    # A tolerance far wider than each of the faults, except that of the transposed image.
    limits = {"max_abs": 0.01}
    sound = ddim("sound", dtype=dtype, tolerance={"across_releases": limits})
    baseline = recorded(store, pool, sound)
    assert baseline.measurement.host.source == "latents"
    for factory in ("scaled", "shifted", "clamped", "quantised", "gamma", "transposed"):
        measured = pool.run(ddim(factory, dtype=dtype).job())
        found = judge(sound, measured, baseline, tier=Tier.ACROSS_RELEASES)
        assert found.verdict is Verdict.DRIFT, factory
        assert isinstance(found.reasons[0], HostDiffers), factory
        assert root_causes(measured, baseline)[0].kind in ("code", "output")
        assert "after the last step: the output does not follow from latents" in text_of(found.reasons[0])
    again = judge(sound, pool.run(sound.job()), baseline, tier=Tier.ACROSS_RELEASES)
    assert (again.verdict, again.margin) == (Verdict.IDENTICAL, 0.0)


@pytest.mark.mindone
@pytest.mark.parametrize("dtype", ["float32", pytest.param("float16", marks=pytest.mark.slow)])
def test_faults_of_the_decoder_and_of_the_host_beside_it(store, pool, dtype):
    sound = diffusion("diffusion", dtype=dtype)
    recorded(store, pool, sound)
    calibrate_case(sound, pool, store, Settings(2))
    baseline = store.load(sound.suite, sound.id, "cpu")
    assert baseline.measurement.host.source == "vae.decode"
    assert baseline.measurement.decoder_input.shape == (1, 4, 16, 16)
    envelope = baseline.calibration.decoder
    unit = {"float32": 2.0**-23, "float16": 2.0**-10}[dtype]
    assert unit / 8 < envelope["relative_l2"] < 8 * unit

    def judged(factory):
        job = with_decoder_of(diffusion(factory, dtype=dtype).job(), baseline)
        measured = pool.run(job)
        # As in another release, where the rounding of all steps before would cover the fault.
        return measured, judge(sound, measured, baseline, tier=Tier.ACROSS_RELEASES)

    kinds = {"diffusion_swapped": HostDiffers, "diffusion_unclamped": HostDiffers}
    if dtype == "float32":
        kinds["diffusion_eps"] = DecoderDiffers
    for factory, kind in kinds.items():
        measured, found = judged(factory)
        assert found.verdict is Verdict.DRIFT, factory
        of_kind = [each for each in found.reasons if isinstance(each, kind)]
        assert of_kind, (factory, found.reasons)
        assert "after the last step" in text_of(of_kind[0])
    # Whatever it moves, also in float16.
    _, found = judged("diffusion_eps")
    assert (found.verdict, found.reasons[0].name) == (Verdict.DRIFT, "vae/decoder.conv_norm_out.eps")
    measured, found = judged("diffusion")
    assert (found.verdict, measured.decoder.max_abs) == (Verdict.IDENTICAL, 0.0)
    assert job_beside(sound, store) == with_decoder_of(sound.job("if cheap"), baseline)
    # Nothing is decoded for a case without calibrated limits, or without an envelope.
    exact = ddim("sound", tolerance={"across_releases": "exact"}).tolerance
    assert job_beside(replace(sound, tolerance=exact), store).decodings == ()
    bare = replace(baseline, calibration=replace(baseline.calibration, decoder=None))
    assert with_decoder_of(sound.job(), bare) == sound.job()
    # Of the baselines of several devices, that of the run's device is decoded.
    elsewhere = replace(
        baseline.measurement, fingerprint={**baseline.measurement.fingerprint, "arch": "loongarch64"}
    )
    store.write(replace(baseline, device="cpu-loongarch64", measurement=elsewhere))
    job = job_beside(sound, store)
    assert [each.device["arch"] for each in job.decodings] == [platform.machine(), "loongarch64"]
    assert pool.run(job).decoder.max_abs == 0.0
    assert pool.run(replace(job, decodings=job.decodings[1:])).decoder is None
