"""Models that are conditioned on a class, and models that predict variances, in the two pipelines."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from small_checkpoint import UNET, WEIGHTS, edit_json

from harness.pipelines.errors import PipelineError
from harness.pipelines.models.config import UNet2DConfig
from harness.pipelines.seeded import seeded_state

WIDTH = 32  # of the embedded timestep
VECTOR = [0.5] * WIDTH
KINDS: dict[str, tuple[dict[str, Any], Any, Any]] = {
    # fields of the model, a label, another label
    "class": ({"num_class_embeds": 4}, 3, 0),
    "timestep": ({"class_embed_type": "timestep"}, 12.5, 3),
    "identity": ({"class_embed_type": "identity"}, VECTOR, [0.25, *VECTOR[1:]]),
}


def generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def with_fields(checkpoint: Path, **fields: Any) -> Path:
    """Give the model of the checkpoint other fields, and the weights that it then needs."""
    from harness.pipelines.models.unet2d import UNet2DModel

    edit_json(checkpoint / "unet" / "config.json", **fields)
    model = UNet2DModel(UNet2DConfig.from_dict({**UNET, **fields}, "config.json"))
    save_file(seeded_state(model.state_shapes(), 5), checkpoint / WEIGHTS)
    return checkpoint


@pytest.fixture(params=KINDS)
def conditioned(request: pytest.FixtureRequest, mindspore: Any, checkpoint: Path) -> tuple[Path, Any, Any]:
    """A checkpoint whose model is conditioned on a class, and two labels that it takes."""
    fields, label, other = KINDS[request.param]
    return with_fields(checkpoint, **fields), label, other


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_each_image_of_a_batch_has_its_own_label(
    mindspore: Any, conditioned: tuple[Path, Any, Any], dtype: str
) -> None:
    from harness.pipelines.unconditional import DDIMPipeline

    folder, label, other = conditioned
    pipe = DDIMPipeline.from_pretrained(folder, mindspore_dtype=getattr(mindspore, dtype))

    def images(labels: Any, *seeds: int) -> np.ndarray:
        generators = [generator(seed) for seed in seeds]
        made = pipe(batch_size=len(seeds), generator=generators, num_inference_steps=2, class_labels=labels)
        return np.asarray(made.images)

    first, second = images([label, other], 1, 1)
    atol = 1e-5 if dtype == "float32" else 2e-2
    np.testing.assert_allclose(first, images(label, 1)[0], atol=atol)
    np.testing.assert_allclose(second, images(other, 1)[0], atol=atol)
    assert np.abs(first - second).max() > 1e-3
    np.testing.assert_array_equal(images(label, 1, 2), images([label, label], 1, 2))


@pytest.mark.parametrize(
    ("kind", "labels", "message"),
    [
        ("class", None, "give class_labels, a class from 0 to 3 per image"),
        ("class", 4, "class_labels: give a class from 0 to 3, or a list"),
        ("class", -1, "class_labels: give a class from 0 to 3, or a list"),
        ("class", 1.0, "class_labels: give a class from 0 to 3, or a list"),
        ("class", True, "class_labels: give a class from 0 to 3, or a list"),
        ("class", [0, 9], "class_labels: give a class from 0 to 3, or a list"),
        ("class", [0, 1, 2], "3 class_labels for a batch of 2: give one per image"),
        ("timestep", "cat", "class_labels: give a number, or a list"),
        ("timestep", float("nan"), "class_labels: give a number, or a list"),
        ("identity", [1.0, 2.0], f"class_labels: give a vector of {WIDTH} numbers, or a list"),
        ("identity", [VECTOR], "1 class_labels for a batch of 2: give one per image"),
        ("none", 1, "class_labels: the UNet is not conditioned on a class; leave them out"),
    ],
)
def test_labels_that_do_not_fit_are_refused(
    mindspore: Any, checkpoint: Path, kind: str, labels: Any, message: str
) -> None:
    from harness.pipelines.unconditional import DDPMPipeline

    folder = with_fields(checkpoint, **KINDS[kind][0]) if kind in KINDS else checkpoint
    pipe = DDPMPipeline.from_pretrained(folder)
    with pytest.raises(PipelineError) as error:
        pipe(batch_size=2, generator=generator(0), num_inference_steps=2, class_labels=labels)
    assert message in str(error.value)


@pytest.mark.parametrize("variance", ["learned", "learned_range"])
def test_ddpm_takes_the_variance_from_the_model(mindspore: Any, checkpoint: Path, variance: str) -> None:
    from harness.pipelines.unconditional import DDPMPipeline

    edit_json(checkpoint / "scheduler" / "scheduler_config.json", variance_type="learned_range")
    pipe = DDPMPipeline.from_pretrained(with_fields(checkpoint, out_channels=2))
    first, again = (pipe(generator=generator(1), num_inference_steps=4).images for _ in range(2))
    assert first.shape == (1, 8, 8, 1)
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, again)

    edit_json(checkpoint / "scheduler" / "scheduler_config.json", variance_type="fixed_small")
    with pytest.raises(PipelineError, match="takes 1 channels and gives 2: only the pipeline ddpm"):
        DDPMPipeline.from_pretrained(checkpoint)
    edit_json(checkpoint / "scheduler" / "scheduler_config.json", variance_type=variance)
    with pytest.raises(PipelineError, match=f"{variance}', for which the UNet must give 2 channels"):
        DDPMPipeline.from_pretrained(with_fields(checkpoint, out_channels=1))


def test_ddim_refuses_a_model_that_predicts_variances(mindspore: Any, checkpoint: Path) -> None:
    from harness.pipelines.unconditional import DDIMPipeline

    edit_json(checkpoint / "scheduler" / "scheduler_config.json", variance_type="learned")
    with pytest.raises(PipelineError, match="only the pipeline ddpm"):
        DDIMPipeline.from_pretrained(with_fields(checkpoint, out_channels=2))


@pytest.mark.usefixtures("mindspore")
def test_a_case_of_a_batch_gives_each_image_its_label(checkpoint: Path, tmp_path: Path) -> None:
    """Recording compares each image with the one that it is alone, which must then have its own label."""
    with_fields(checkpoint, num_class_embeds=4)
    edit_json(checkpoint / "scheduler" / "scheduler_config.json", _class_name="DDIMScheduler")
    suite = tmp_path / "labels.yaml"
    suite.write_text(f"""\
suite: labels
cases:
  - id: two-classes
    pipeline: ddim
    checkpoint: {checkpoint.name}
    seeds: [1, 1]
    steps: 2
    arguments: {{class_labels: [0, 3]}}
""")
    command = [sys.executable, "-m", "harness", "record", suite.name, "--baseline-dir", "baselines"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert list((tmp_path / "baselines" / "labels" / "two-classes").glob("*.json"))
