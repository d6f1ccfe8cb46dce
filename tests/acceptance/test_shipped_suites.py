"""The suites and baselines in the repository: whole, of this version, and passing on whatever CPU this is."""

import json
import re

import pytest
from acceptance_digits import REPOSITORY
from jsonschema import Draft202012Validator
from packaging.version import Version

import harness
from harness.baselines.current import load_current, orphans
from harness.baselines.invariance import read_invariances
from harness.baselines.soak import read_soak
from harness.baselines.store import BaselineStore, invariance_path, soak_path
from harness.cases.document import read_document
from harness.cases.schema import SCHEMA_PATH
from harness.cases.selection import select
from harness.judgement.calibration.findings import needs_strict
from harness.operations.stored_reference import reference_of

SUITES = sorted((REPOSITORY / "suites").rglob("*.yaml"))
STORE = BaselineStore(REPOSITORY / "baselines")
SELECTION = select([str(REPOSITORY / "suites")])
BY_DAY = [case for case in SELECTION.cases if case.run == "always"]
CASES = [pytest.param(case, id=case.name) for case in SELECTION.cases if case.fails is None]


def test_every_form_of_case_is_shipped():
    assert {case.pipeline for case in BY_DAY} == {
        "ddim",
        "ddpm",
        "mindone:DDIMPipeline",
        "mindone:StableDiffusionPipeline",
        "mindone:StableDiffusionImg2ImgPipeline",
        "mindone:UnCLIPPipeline",
    }
    schedulers = {case.scheduler for case in BY_DAY if "StableDiffusionPipeline" in case.pipeline}
    assert {"DDIMScheduler", "PNDMScheduler", "EulerDiscreteScheduler"} <= schedulers
    assert "DPMSolverMultistepScheduler" in schedulers
    halves = {(dtype, mode) for dtype in ("float32", "float16") for mode in ("pynative", "graph")}
    assert {(case.dtype, case.mode) for case in BY_DAY} == halves
    # In graph mode, what computes bfloat16 on a CPU is out of reach.
    nightly = {(case.pipeline, case.mode) for case in SELECTION.cases if case.dtype == "bfloat16"}
    assert nightly == {
        ("ddim", "pynative"),
        ("ddpm", "pynative"),
        ("mindone:StableDiffusionPipeline", "pynative"),
        ("mindone:StableDiffusion3Pipeline", "pynative"),
        ("mindone:FluxPipeline", "pynative"),
    }
    assert any(case.batch_consistency for case in BY_DAY)
    assert {(case.checkpoint, case.steps) for case in BY_DAY} >= {
        ("builtin:ddpm-digits", 2),
        ("builtin:ddpm-digits", 50),
        ("seeded:ddpm-cifar10-32", 50),
    }


def test_strictness_is_earned():
    strict = [case for case in SELECTION.cases if case.strict]
    assert [case.name for case in strict] == ["mindone-classes-cascades/unclip-image-variation"]
    for case in SELECTION.cases:
        stored = None if case.fails else load_current(STORE, case, "cpu").calibration
        assert case.strict is (stored is not None and needs_strict(stored) is True), case.name


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_a_shipped_suite_meets_the_published_schema(path):
    schema = json.loads(SCHEMA_PATH.read_text())
    Draft202012Validator(schema).validate(read_document(path).value)
    # The line by which editors find it.
    named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", path.read_text())
    assert (path.parent / named[1]).resolve() == SCHEMA_PATH.resolve()


@pytest.mark.parametrize("case", CASES)
def test_a_shipped_case_has_a_baseline_that_is_its_own(case):
    baseline = load_current(STORE, case, "cpu")
    assert baseline.measurement.fingerprint["mindspore"].startswith("2.10.0 (")
    assert baseline.measurement.fingerprint["cores"] == "1"
    # Not newer than this one. It may be older: what has not changed is not written again.
    assert Version(baseline.provenance.harness_version) <= Version(harness.__version__)
    # A full hash, and no -dirty behind it.
    assert re.fullmatch("[0-9a-f]{40}", str(baseline.provenance.git_commit))


def test_what_is_shipped_for_aarch64_was_recorded_under_its_profile_and_calibrated():
    keys = [key for key in STORE.stored() if key.device == "cpu-aarch64"]
    assert "ddim" in {key.suite for key in keys}
    cases = {(case.suite, case.id): case for case in SELECTION.cases}
    for key in keys:
        baseline = load_current(STORE, cases[key.suite, key.case_id], key.device)
        found = baseline.measurement.fingerprint
        told = {name: found[name] for name in ("arch", "isa", "cores", "subnormals")}
        assert told == {
            "arch": "aarch64",
            "isa": "ADVANCED_SIMD",
            "cores": "1",
            "subnormals": "taken for zero",
        }, key
        assert baseline.calibration is not None, key
        assert re.fullmatch("[0-9a-f]{40}", str(baseline.provenance.git_commit)), key


def test_a_shipped_case_that_names_a_reference_has_it():
    held = [case for case in SELECTION.cases if case.reference is not None]
    assert len(held) == 4
    for case in held:
        found = reference_of(case, STORE)
        assert found.original.device == "diffusers-cpu"
        for each in (found.original, found.exact):
            assert each.measurement.fingerprint["diffusers"] == "0.35.2"
            assert re.fullmatch("[0-9a-f]{40}", str(each.provenance.git_commit))


def test_no_shipped_baseline_is_an_orphan():
    assert orphans(SELECTION.suites, STORE) == ()
    known = {STORE.path(*key) for key in STORE.stored()}
    files = {path for path in STORE.root.rglob("*") if path.is_file()}
    # What was proven of an earlier baseline proves nothing of this one.
    soaked = [key for key in STORE.stored() if read_soak(STORE, STORE.load(*key)).runs.runs]
    proven = {soak_path(STORE.path(*key)) for key in soaked}
    measured = [key for key in STORE.stored() if read_invariances(STORE, STORE.load(*key)).measured]
    proven |= {invariance_path(STORE.path(*key)) for key in measured}
    assert files == known | {path.with_suffix(".safetensors") for path in known} | proven


# By day README's command runs them all.
@pytest.mark.slow
def test_shipped_cases_pass_on_this_machine(shipped):
    """On the CPU of the baselines they are identical, on another model of CPU within their limits."""
    found = shipped.compare(
        "suites/ddim.yaml::two-steps", "suites/modes.yaml::float16", "suites/modes.yaml::float16-graph"
    )
    assert found.returncode == 0, found.text
    assert list(found.verdicts) == ["ddim/two-steps", "modes/float16", "modes/float16-graph"]
    for name, verdict in found.verdicts.items():
        allowed = {"same_environment": {"identical"}, "across_releases": {"identical", "within"}}
        assert verdict in allowed[found.tiers[name]], found.text
