"""The two pipelines: what they return, how they are called, and what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_checkpoint import edit_json

from harness.pipelines.errors import PipelineError


@pytest.fixture(params=["ddim", "ddpm"])
def kind(request: pytest.FixtureRequest, mindspore: Any) -> Any:
    """Each pipeline class in turn."""
    from harness.pipelines.unconditional import DDIMPipeline, DDPMPipeline

    return {"ddim": DDIMPipeline, "ddpm": DDPMPipeline}[request.param]


def generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def test_images_are_float32_height_width_channels_between_0_and_1(kind: Any, stored_checkpoint: Path) -> None:
    images = kind.from_pretrained(stored_checkpoint)(
        batch_size=2, generator=generator(0), num_inference_steps=3
    )
    assert images.images.shape == (2, 8, 8, 1)
    assert images.images.dtype == np.float32
    assert images.images.min() >= 0
    assert images.images.max() <= 1
    assert np.std(images.images) > 0.05


def test_height_comes_before_width(kind: Any, checkpoint: Path) -> None:
    edit_json(checkpoint / "unet" / "config.json", sample_size=[4, 8])
    assert kind.from_pretrained(checkpoint)(num_inference_steps=1).images.shape == (1, 4, 8, 1)


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not(
    kind: Any, stored_checkpoint: Path
) -> None:
    pipe = kind.from_pretrained(stored_checkpoint)
    first, again, other = (pipe(generator=generator(s), num_inference_steps=3).images for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other, atol=0.05)


@pytest.mark.parametrize("eta", [0.0, 0.6])
def test_image_i_of_a_batch_is_the_image_of_generator_i(
    kind: Any, stored_checkpoint: Path, eta: float
) -> None:
    pipe = kind.from_pretrained(stored_checkpoint)
    arguments = {"num_inference_steps": 4} | ({"eta": eta} if kind.__name__ == "DDIMPipeline" else {})
    batch = pipe(batch_size=3, generator=[generator(seed) for seed in (4, 5, 6)], **arguments).images
    for i, seed in enumerate((4, 5, 6)):
        single = pipe(generator=generator(seed), **arguments).images
        np.testing.assert_allclose(batch[i : i + 1], single, atol=1e-5)


def test_graph_mode_gives_the_bits_of_pynative_mode(kind: Any, stored_checkpoint: Path) -> None:
    pipe = kind.from_pretrained(stored_checkpoint)
    plain = pipe(generator=generator(3), num_inference_steps=4).images
    pipe.compile()
    np.testing.assert_array_equal(pipe(generator=generator(3), num_inference_steps=4).images, plain)


@pytest.mark.parametrize("compiled", [False, True], ids=["pynative", "graph"])
def test_half_precision_runs_in_half_precision(
    mindspore: Any, kind: Any, stored_checkpoint: Path, compiled: bool
) -> None:
    full = kind.from_pretrained(stored_checkpoint)(generator=generator(3), num_inference_steps=4).images
    pipe = kind.from_pretrained(stored_checkpoint, mindspore_dtype=mindspore.float16)
    if compiled:
        pipe.compile()
    dtypes = []

    def look(_pipe: Any, _step: int, _timestep: int, tensors: dict[str, Any]) -> dict[str, Any]:
        dtypes.append(tensors["latents"].dtype)
        return {}

    half = pipe(generator=generator(3), num_inference_steps=4, callback_on_step_end=look).images
    assert dtypes == [mindspore.float16] * 4
    assert half.dtype == np.float32
    difference = np.linalg.norm(half - full) / np.linalg.norm(full)
    assert 1e-6 < difference < 2e-2


def test_the_callback_sees_every_step_and_its_latents_replace_those(
    mindspore: Any, kind: Any, stored_checkpoint: Path
) -> None:
    pipe = kind.from_pretrained(stored_checkpoint)
    seen = []

    def look(caller: Any, step: int, timestep: int, tensors: dict[str, Any]) -> dict[str, Any]:
        assert caller is pipe
        assert list(tensors) == ["latents"]
        assert tensors["latents"].shape == (1, 1, 8, 8)
        seen.append((step, timestep))
        return {}

    def blank(_caller: Any, step: int, _timestep: int, tensors: dict[str, Any]) -> dict[str, Any]:
        return {"latents": mindspore.ops.zeros_like(tensors["latents"])} if step == 3 else {}

    plain = pipe(generator=generator(0), num_inference_steps=4)
    watched = pipe(generator=generator(0), num_inference_steps=4, callback_on_step_end=look)
    np.testing.assert_array_equal(watched.images, plain.images)
    assert seen == [(0, 750), (1, 500), (2, 250), (3, 0)]
    grey = pipe(generator=generator(0), num_inference_steps=4, callback_on_step_end=blank).images
    np.testing.assert_array_equal(grey, np.full((1, 8, 8, 1), 0.5, np.float32))


def test_nan_reaches_the_image(mindspore: Any, kind: Any, stored_checkpoint: Path) -> None:
    pipe = kind.from_pretrained(stored_checkpoint)
    bias = pipe.unet.conv_out.bias
    bias.set_data(mindspore.Tensor(np.full(bias.shape, np.nan, np.float32)))
    assert np.isnan(pipe(generator=generator(0), num_inference_steps=2).images).all()


def test_a_checkpoint_of_a_ddpm_scheduler_runs_ddim_as_in_diffusers(
    mindspore: Any, stored_checkpoint: Path
) -> None:
    from harness.pipelines.schedulers.sampling import DDIMScheduler
    from harness.pipelines.unconditional import DDIMPipeline

    assert isinstance(DDIMPipeline.from_pretrained(stored_checkpoint).scheduler, DDIMScheduler)


def test_a_checkpoint_of_a_ddim_scheduler_is_refused_by_ddpm(mindspore: Any, checkpoint: Path) -> None:
    from harness.pipelines.unconditional import DDPMPipeline

    edit_json(checkpoint / "model_index.json", scheduler=["diffusers", "DDIMScheduler"])
    with pytest.raises(PipelineError, match="scheduler is DDIMScheduler: run it with the pipeline ddim"):
        DDPMPipeline.from_pretrained(checkpoint)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"output_type": "pil"}, "output_type 'pil' is not supported"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"num_inference_steps": 0}, "num_inference_steps is 0: give 1 to 1000"),
        ({"batch_size": 3, "generator": [generator(0)]}, "1 generators for a batch of 3"),
        ({"batch_size": 2, "generator": [generator(0)] * 3}, "3 generators for a batch of 2"),
    ],
)
def test_a_call_that_cannot_be_honoured_is_refused(
    kind: Any, stored_checkpoint: Path, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(PipelineError, match=message):
        kind.from_pretrained(stored_checkpoint)(**{"num_inference_steps": 1, **arguments})


@pytest.mark.parametrize("eta", [-0.1, 1.5, float("nan"), "0.5", True])
def test_eta_outside_0_to_1_is_refused(mindspore: Any, stored_checkpoint: Path, eta: Any) -> None:
    from harness.pipelines.unconditional import DDIMPipeline

    with pytest.raises(PipelineError, match="eta is"):
        DDIMPipeline.from_pretrained(stored_checkpoint)(eta=eta, num_inference_steps=1)


def test_eta_and_clipped_output_change_the_image(mindspore: Any, stored_checkpoint: Path) -> None:
    from harness.pipelines.unconditional import DDIMPipeline

    pipe = DDIMPipeline.from_pretrained(stored_checkpoint)
    runs = [{}, {"eta": 0.5}, {"use_clipped_model_output": True}]
    plain, noisy, clipped = (
        pipe(generator=generator(0), num_inference_steps=4, **run).images for run in runs
    )
    assert np.abs(noisy - plain).max() > 1e-3
    assert np.abs(clipped - plain).max() > 1e-3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sample_size": None}, "has no sample_size"),
        ({"out_channels": 2}, "takes 1 channels and gives 2"),
    ],
)
def test_a_model_that_cannot_be_sampled_is_refused_before_its_weights_are_read(
    kind: Any, checkpoint: Path, changes: dict[str, Any], message: str
) -> None:
    edit_json(checkpoint / "unet" / "config.json", **changes)
    weights = checkpoint / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(b"never read".ljust(weights.stat().st_size))
    with pytest.raises(PipelineError, match=message):
        kind.from_pretrained(checkpoint)
