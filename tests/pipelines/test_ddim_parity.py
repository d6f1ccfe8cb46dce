"""Fifty steps of DDIM end in the image that diffusers on torch computes, for every reference architecture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open

from harness.pipelines.models.config import UNet2DConfig
from harness.pipelines.schedulers.config import SchedulerConfig
from harness.pipelines.seeded import seeded_state

FOLDER = Path(__file__).parents[1] / "data" / "parity"
ARCHITECTURES = sorted(path.stem for path in FOLDER.glob("*.safetensors") if path.stem != "schedulers")
# What the reference was made with, tests/data/parity/README.md.
SCHEDULER = {"_class_name": "DDIMScheduler", "beta_start": 1e-4, "beta_end": 0.02, "clip_sample": True}


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.slow
def test_fifty_step_image_equals_that_of_diffusers(mindspore: Any, name: str) -> None:
    from harness.pipelines.models.unet2d import UNet2DModel
    from harness.pipelines.unconditional import DDIMPipeline

    with safe_open(FOLDER / f"{name}.safetensors", "numpy") as handle:
        metadata, reference = handle.metadata(), handle.get_tensor("ddim_image")
    unet = UNet2DModel(UNet2DConfig.from_dict(json.loads(metadata["config"]), name))
    unet.load_state(seeded_state(unet.state_shapes(), int(metadata["weights_seed"])))
    pipe = DDIMPipeline(unet, DDIMPipeline.make_scheduler(SchedulerConfig.from_dict(SCHEDULER, name)))
    pipe.compile()
    generator = np.random.Generator(np.random.PCG64(int(metadata["ddim_noise_seed"])))

    image = pipe(generator=generator, num_inference_steps=int(metadata["ddim_steps"])).images

    assert image.shape == reference.shape
    assert image.dtype == np.float32
    difference = image.astype(np.float64) - reference
    assert np.linalg.norm(difference) / np.linalg.norm(reference) <= 1e-6


def test_every_kind_of_architecture_is_there() -> None:
    assert {"ddpm-cifar10-32", "scale-shift", "heads", "flip-sin-to-cos"} <= set(ARCHITECTURES)
