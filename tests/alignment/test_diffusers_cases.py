"""Cases of diffusers: how suites name them, and the jobs that stand for cases of mindone."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch_interpreter import shipped

from harness.baselines.baseline import device_fields, device_key, is_cpu, is_reference
from harness.cases.job import FaultRequest, Job
from harness.cases.load import load_suite
from harness.cases.problems import SuiteError
from harness.cases.reference import NoReference, reference_job, yardstick_job
from harness.pipelines import diffusers
from harness.pipelines.errors import PackageMissing

HEAD = """\
suite: s
defaults: {pipeline: 'diffusers:DDIMPipeline', checkpoint: c, seed: 0, steps: 3}
cases:
"""


def load(folder: Path, text: str):
    (folder / "s.yaml").write_text(text)
    return load_suite(folder / "s.yaml").cases


def refused(folder: Path, text: str) -> str:
    with pytest.raises(SuiteError) as error:
        load(folder, text)
    return str(error.value)


def test_they_carry_a_tag_and_choose_a_scheduler(tmp_path: Path) -> None:
    (case,) = load(tmp_path, HEAD + "  - {id: a, scheduler: PNDMScheduler, dtype: float64}\n")
    assert case.tags == ("diffusers",)
    assert case.job().scheduler is not None
    assert case.job().dtype == "float64"


@pytest.mark.parametrize("pipeline", ["ddim", "mindone:DDIMPipeline", "my.module:make"])
def test_float64_is_for_diffusers(tmp_path: Path, pipeline: str) -> None:
    told = refused(tmp_path, HEAD + f"  - {{id: a, pipeline: '{pipeline}', dtype: float64}}\n")
    assert "s.yaml:4:" in told
    assert "`dtype: float64` is for cases of diffusers; remove it" in told


def test_float64_in_a_list_is_found_too(tmp_path: Path) -> None:
    text = "  - {id: a, pipeline: 'mindone:X', parametrize: {dtype: [float32, float64]}}\n"
    assert "`dtype: float64` is for cases of diffusers" in refused(tmp_path, HEAD + text)


def test_graph_mode_is_for_mindspore(tmp_path: Path) -> None:
    assert "`mode: graph` is for cases of MindSpore; remove it" in refused(
        tmp_path, HEAD + "  - {id: a, mode: graph}\n"
    )


def test_a_checkpoint_is_needed(tmp_path: Path) -> None:
    text = "suite: s\ncases:\n  - {id: a, pipeline: 'diffusers:DDIMPipeline', seed: 0, steps: 2}\n"
    assert "needs a checkpoint" in refused(tmp_path, text)


def test_the_reference_of_a_job_is_the_class_of_the_same_name() -> None:
    job = shipped("stable-diffusion", "pndm").job()
    assert isinstance(job, Job)
    made = reference_job(job.with_fault("norm-eps", None))
    assert made.pipeline == "diffusers:StableDiffusionPipeline"
    assert (made.fault, made.jit, made.mode) == (None, None, "pynative")
    kept = ("name", "checkpoint", "base", "seeds", "steps", "arguments", "scheduler", "dtype", "keep_latents")
    assert [getattr(made, name) for name in kept] == [getattr(job, name) for name in kept]
    assert job.with_fault("norm-eps", None).fault == FaultRequest("norm-eps")


def test_the_yardstick_rounds_its_noise_to_the_cases_dtype() -> None:
    job = shipped("stable-diffusion", "pndm").job()
    assert (yardstick_job(job).dtype, yardstick_job(job).unit) == ("float64", "float32")


@pytest.mark.parametrize("case", [("schedulers", "ddim"), ("networks", "")])
def test_only_classes_of_mindone_have_a_reference(case: tuple[str, str]) -> None:
    suite, case_id = case
    path = Path(__file__).parents[2] / "suites" / "mindone" / f"{suite}.yaml"
    found = next(each for each in load_suite(path).cases if case_id in ("", each.id))
    with pytest.raises(NoReference, match=f"{found.name}: .* is no class of mindone"):
        reference_job(found.job())


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"device": "CPU", "arch": "x86_64"}, "diffusers-cpu"),
        ({"device": "CPU", "arch": "aarch64"}, "diffusers-cpu-aarch64"),
        ({"device": "CUDA", "soc": "NVIDIA H100 80GB HBM3"}, "diffusers-h100"),
        ({"device": "CUDA", "soc": "NVIDIA A100-SXM4-80GB"}, "diffusers-a100"),
        ({"device": "CUDA", "soc": "NVIDIA GeForce RTX 4090"}, "diffusers-4090"),
        ({"device": "Ascend", "soc": "Ascend910B4"}, "diffusers-ascend910b4"),
    ],
)
def test_the_device_of_a_reference_says_what_it_is(fields: dict[str, str], key: str) -> None:
    fingerprint = {**fields, "implementation": "diffusers"}
    assert device_key(fingerprint) == key
    assert is_reference(key)
    assert not is_reference(device_key({**fields, "soc": "Ascend910B4", "device": "Ascend"}))
    assert is_cpu(key) is (fields["device"] == "CPU")
    assert device_fields(fingerprint)["implementation"] == "diffusers"


def test_an_interpreter_without_torch_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"transformers": 1}
    monkeypatch.setattr(diffusers.importlib.util, "find_spec", there.get)
    with pytest.raises(PackageMissing, match=r"torch and diffusers are not installed for .*--python"):
        diffusers.check_installed()


def test_a_case_may_name_its_reference(tmp_path: Path) -> None:
    text = "  - {id: a, pipeline: 'mindone:DDIMPipeline', reference: diffusers, reference_factor: 40}\n"
    (case,) = load(tmp_path, HEAD + text)
    assert (case.reference, case.reference_factor) == ("diffusers", 40.0)
    # It is how the case is judged, and no part of what it is.
    (plain,) = load(tmp_path, HEAD + "  - {id: a, pipeline: 'mindone:DDIMPipeline'}\n")
    assert case.hash() == plain.hash()


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("reference: diffusers", "`reference` is for the classes of mindone; remove it"),
        ("pipeline: 'mindone:X', reference_factor: 9", "`reference_factor` needs `reference: diffusers`"),
        ("pipeline: 'mindone:X', reference: torch", "expected 'diffusers', got the text 'torch'"),
    ],
)
def test_a_reference_that_cannot_be_is_refused(tmp_path: Path, keys: str, told: str) -> None:
    assert told in refused(tmp_path, HEAD + f"  - {{id: a, {keys}}}\n")
