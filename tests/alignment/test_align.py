"""`harness align`: mindone's cases beside diffusers, sound and with faults planted in mindone."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from samples import make_case, make_measurement
from torch_interpreter import shipped

from benchmarks.planted.aligning import aligned
from benchmarks.planted.faults import chosen, load
from harness.cases.job import Job
from harness.cases.selection import one_case
from harness.errors import UsageError
from harness.explanation.hypotheses import kinds
from harness.measurement.measurement import Measurement
from harness.operations.align import align, align_with
from harness.operations.alignment import Alignment, Side
from harness.operations.workers import Workers

ROOT = Path(__file__).parents[2]


def aligning(case: Any, python: str, **options: Any) -> Alignment:
    (found,) = align([case], Workers(), python=python, **options)
    return found


@pytest.mark.diffusers
@pytest.mark.mindone
def test_a_sound_port_is_aligned(torch_python: str) -> None:
    found = aligning(shipped("stable-diffusion", "ddim"), torch_python)
    assert found.conclusion == "aligned"
    assert found.aligned
    assert [each.step for each in found.distances] == [*range(10), None]
    assert all(0 < each.own < each.limit for each in found.distances)
    assert found.replay is None
    assert set(found.reference) == {"diffusers", "torch", "transformers"}


@pytest.mark.diffusers
@pytest.mark.mindone
def test_attention_in_float16_is_named(torch_python: str) -> None:
    case = one_case(f"{ROOT}/suites/mindone/classes/flux.yaml::flux")
    found = aligning(case, torch_python)
    assert found.conclusion == "place"
    assert found.finding is not None
    assert found.finding.path == "transformer.transformer_blocks.0.attn"
    assert found.mistake is not None
    assert found.mistake.mistake == kinds.Rounded("float16")


@pytest.mark.diffusers
@pytest.mark.mindone
def test_rounding_that_one_cell_amplifies_is_told_from_a_mistake(torch_python: str) -> None:
    case = one_case(f"{ROOT}/suites/mindone/classes/flux.yaml::stable-diffusion-3")
    found = aligning(case, torch_python)
    assert found.conclusion == "amplified"
    assert found.finding is not None
    assert found.finding.path == "transformer.time_text_embed.time_proj"
    assert found.finding.difference.relative_l2 <= found.finding.limit
    assert found.mistake is None


@pytest.mark.diffusers
@pytest.mark.mindone
@pytest.mark.parametrize("name", ["unet-tokens-transposed", "unet-sin-and-cos"])
def test_a_planted_fault_is_placed_and_recognised(torch_python: str, name: str) -> None:
    (found,) = aligned(chosen(load(), [name]), sys.executable, torch_python, ROOT)
    assert found.problem == ""
    assert found.placed
    assert found.guessed


@pytest.mark.mindone
def test_an_interpreter_without_torch_fails_the_original() -> None:
    found = aligning(shipped("stable-diffusion", "ddim"), sys.executable)
    assert found.conclusion == "failed"
    assert found.failed is Side.ORIGINAL
    assert found.failure is not None
    assert "torch" in found.failure.message


def test_an_interpreter_that_is_not_there_is_asked_for_with_torch() -> None:
    with pytest.raises(UsageError, match=r"no such interpreter; give the path of a Python that has .* torch"):
        aligning(shipped("stable-diffusion", "ddim"), "/no-such-python")


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_an_original_with_infinite_values_is_nothing_to_compare_with(dtype: str) -> None:
    def ran(job: Job) -> Measurement:
        made = make_measurement()
        return replace(made, output=made.output * np.inf) if job.dtype == dtype else made

    runner: Any = SimpleNamespace(run=ran)
    case = make_case(pipeline="mindone:StableDiffusionPipeline", dtype="float16")
    port: Any = SimpleNamespace(run=lambda _: make_measurement())
    assert align_with(case, port, runner).conclusion == "undefined"
    assert align_with(case, port, port).conclusion == "aligned"


def test_a_worker_that_answers_nonsense_fails_its_case_alone() -> None:
    measured = make_measurement()
    own: Any = SimpleNamespace(run=lambda _: measured, trace=lambda *_: None)
    far = replace(measured, output=measured.output + 1)
    answer = SimpleNamespace(observed=b"nonsense", main=None)
    port: Any = SimpleNamespace(run=lambda _: far, replay=lambda *_: answer)
    found = align_with(make_case(pipeline="mindone:StableDiffusionPipeline"), port, own)
    assert (found.conclusion, found.failed) == ("failed", Side.PORT)


def test_only_classes_of_mindone_have_an_original() -> None:
    with pytest.raises(UsageError, match="no class of mindone"):
        aligning(one_case(f"{ROOT}/suites/ddim.yaml::two-steps"), sys.executable)


def test_a_case_without_an_original_does_not_stop_the_others() -> None:
    cases = [one_case(f"{ROOT}/suites/ddim.yaml::two-steps"), shipped("stable-diffusion", "ddim")]
    found = align(cases, Workers(), python=sys.executable)
    assert [each.failed for each in found] == [Side.ORIGINAL, Side.ORIGINAL]
    assert "no class of mindone" in str(found[0].failure)
    assert "torch" in str(found[1].failure)


def test_the_originals_device_is_not_that_of_the_cases() -> None:
    with pytest.raises(UsageError, match="--torch-device CUDA"):
        align([shipped("stable-diffusion", "ddim")], Workers(device="CUDA"), python=sys.executable)


@pytest.mark.diffusers
@pytest.mark.mindone
def test_the_command_shows_and_writes_what_was_found(torch_python: str, tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    case = f"{ROOT}/suites/mindone/classes/flux.yaml::flux"
    command = [sys.executable, "-c", "from harness.cli import main; main()", "align", case]
    page = tmp_path / "found.html"
    options = ["--python", torch_python, "--json", str(file), "--html", str(page)]
    ran = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "transformer_blocks.0.attn: FluxAttention" in ran.stdout
    assert "its values are those of float16" in ran.stdout
    (found,) = json.loads(file.read_text(encoding="utf-8"))
    assert (found["component"], found["module"]) == ("transformer", "transformer_blocks.0.attn")
    assert found["mistake"] == {"kind": "rounded", "dtype": "float16"}
    shown = page.read_text(encoding="utf-8")
    assert "<h1>1 case: 1 place</h1>" in shown
    assert "its values are those of float16" in shown
    # What the module was given, and a setting that both sides have.
    assert "given to_q" in shown
    assert "heads" in shown
