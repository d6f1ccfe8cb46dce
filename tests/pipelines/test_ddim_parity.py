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
# DDIM reaches timestep 0, of which skip-blocks takes the logarithm.
ARCHITECTURES = sorted(
    path.stem for path in FOLDER.glob("*.safetensors") if path.stem not in ("schedulers", "skip-blocks")
)
# What the reference was made with, tests/data/parity/README.md.
SCHEDULER = {"_class_name": "DDIMScheduler", "beta_start": 1e-4, "beta_end": 0.02, "clip_sample": True}


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.slow
def test_fifty_step_image_equals_that_of_diffusers(mindspore: Any, name: str) -> None:
    from harness.pipelines.models.unet2d import UNet2DModel
    from harness.pipelines.unconditional import DDIMPipeline

    with safe_open(FOLDER / f"{name}.safetensors", "numpy") as handle:
        metadata, reference = handle.metadata(), handle.get_tensor("ddim_image")
        conditioned = "class_labels" in list(handle.keys())
        labels = handle.get_tensor("class_labels")[0].tolist() if conditioned else None
    unet = UNet2DModel(UNet2DConfig.from_dict(json.loads(metadata["config"]), name))
    unet.load_state(seeded_state(unet.state_shapes(), int(metadata["weights_seed"])))
    pipe = DDIMPipeline(unet, DDIMPipeline.make_scheduler(SchedulerConfig.from_dict(SCHEDULER, name)))
    pipe.compile()
    generator = np.random.Generator(np.random.PCG64(int(metadata["ddim_noise_seed"])))

    steps = int(metadata["ddim_steps"])
    image = pipe(generator=generator, num_inference_steps=steps, class_labels=labels).images

    assert image.shape == reference.shape
    assert image.dtype == np.float32
    difference = image.astype(np.float64) - reference
    # Twice what one unit in the last place of the noise does to torch's own image.
    limit = max(1e-6, 2 * float(metadata["ddim_1_ulp_relative_l2"]))
    assert np.linalg.norm(difference) / np.linalg.norm(reference) <= limit


def test_every_kind_of_architecture_is_there() -> None:
    assert {"ddpm-cifar10-32", "heads", "k-attention", "k-blocks", "resnet-blocks", "skip-blocks-up"} <= set(
        ARCHITECTURES
    )
