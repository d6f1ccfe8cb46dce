"""What pipelines of mindone give, from a user's own factory to the verdict: pictures are not all."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from samples import make_case

from harness.baselines.store import BaselineStore
from harness.execution.runner import Runner
from harness.execution.worker_process import CaseFailed
from harness.operations.check import check
from harness.operations.proposal import propose
from harness.operations.record import write

pytestmark = pytest.mark.mindone

CHECKPOINTS = Path(__file__).parents[2] / "suites" / "mindone" / "classes" / "checkpoints"
OWN = f"""
import mindspore as ms
from mindone import diffusers

def _small(name, folder):
    kind = getattr(diffusers, name)
    return lambda checkpoint, dtype, mode: kind.from_pretrained(f"{CHECKPOINTS}/{{folder}}")

video = _small("TextToVideoSDPipeline", "text-to-video-sd")
embeddings = _small("KandinskyV22PriorPipeline", "kandinsky-prior")
pictures = _small("StableDiffusionPipeline", "stable-diffusion")
tokens = _small("AmusedPipeline", "amused")

def lacking(checkpoint, dtype, mode):
    def call(generator):
        ones = ms.Tensor(generator.standard_normal((1, 1, 4, 4)), ms.float32)
        return ms.ops.rotary_position_embedding(ones, ones, ones)

    return call
"""
PROMPT = {"prompt": "a red fox", "guidance_scale": 4.0}
# By factory: the case's arguments, and the output's shape.
OUTPUTS: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    "video": ({**PROMPT, "num_frames": 2, "height": 32, "width": 32}, (1, 2, 32, 32, 3)),
    "embeddings": (PROMPT, (1, 32)),
    "pictures": ({**PROMPT, "height": 32, "width": 32, "output_type": "latent"}, (1, 4, 16, 16)),
    "tokens": ({"prompt": "a red fox", "height": 16, "width": 16}, (1, 16, 16, 3)),
}


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    folder = tmp_path_factory.mktemp("own")
    (folder / "own_of_mindone.py").write_text(OWN)
    with Runner(timeout=300, import_paths=[folder]) as runner:
        yield runner


def case(factory: str, **fields: Any) -> Any:
    arguments = OUTPUTS.get(factory, ({}, ()))[0]
    defaults = {"pipeline": f"mindone:own_of_mindone:{factory}", "checkpoint": None, "arguments": arguments}
    return make_case(id=factory, **{**defaults, **fields})


def test_videos_embeddings_and_latents_are_recorded_and_judged(runner: Runner, tmp_path: Path) -> None:
    store, cases = BaselineStore(tmp_path / "baselines"), [case(factory) for factory in OUTPUTS]
    proposal = propose(cases, runner, store)
    assert proposal.refusals == ()
    write(proposal, store, None)
    for each in cases:
        found = check(each, runner, store)
        assert found.judgement.verdict.value == "identical", found.judgement.reasons
        assert found.measurement is not None
        assert found.measurement.output.shape == OUTPUTS[each.id][1]
        assert np.isfinite(found.measurement.output).all()
        assert [step.step for step in found.measurement.trace] == [0, 1]
        # What was not MindSpore's own is in the measurement, and in the baseline.
        used = found.measurement.replaced_kernels
        assert used
        assert found.baseline is not None
        assert found.baseline.measurement.replaced_kernels == used
        assert found.baseline.measurement.fingerprint["mint_kernels"].startswith("harness ")


@pytest.mark.parametrize("factory", ["video", "tokens"])
def test_another_seed_gives_another_output(runner: Runner, factory: str) -> None:
    one, other = (runner.run(case(factory, seeds=(seed,)).job()) for seed in (0, 1))
    assert np.abs(one.output - other.output).max() > 1e-3


def test_a_generator_of_mindspores_gets_its_seed_from_the_case(runner: Runner) -> None:
    found = runner.run(case("tokens").job())
    assert [(draw.method, draw.shape) for draw in found.ledger] == [("integers", ())]
    with pytest.raises(CaseFailed, match="takes one generator of MindSpore's for the whole batch"):
        runner.run(case("tokens", seeds=(0, 1)).job())
    # There is no noise that could be moved by an ulp.
    with pytest.raises(CaseFailed, match="give the case explicit limits, or `exact`"):
        runner.run(dataclasses.replace(case("tokens").job(), perturbation=1))


def test_an_operator_without_a_kernel_fails_by_its_name_and_the_address_of_the_table(runner: Runner) -> None:
    with pytest.raises(CaseFailed) as error:
        runner.run(case("lacking", steps=None).job())
    (line,) = str(error.value).splitlines()
    assert "no CPU kernel for the operator RotaryPositionEmbedding, and neither has harness" in line
    assert "(docs/mindone-kernels.md has those it brings)" in line


def test_a_pipeline_of_mindones_own_takes_no_misspelt_argument_from_a_factory_either(runner: Runner) -> None:
    """It has ``**kwargs`` for parameters of old, and would take it without a word."""
    with pytest.raises(CaseFailed, match=r"own_of_mindone:pictures takes no argument promt\b"):
        runner.run(case("pictures", arguments={"promt": "a red fox"}).job())
