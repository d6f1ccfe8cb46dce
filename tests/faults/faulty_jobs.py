"""Jobs for the real worker: a trained model, three steps; and a model with three channels and no extras."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from samples import make_job

from harness.cases.job import FaultRequest, Job
from harness.measurement.measurement import Measurement

UNET = {
    "_class_name": "UNet2DModel",
    "sample_size": 8,
    "in_channels": 3,
    "out_channels": 3,
    "layers_per_block": 1,
    "block_out_channels": [8, 16],
    "down_block_types": ["DownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "UpBlock2D"],
    "norm_num_groups": 4,
    "add_attention": False,
    "time_embedding_type": "learned",
    "num_train_timesteps": 1000,
}
TESTS = Path(__file__).parent.parent


def job(fault: str | None = None, size: float | None = None, **changes: Any) -> Job:
    """A case's job, with a fault in it where one is named."""
    wanted = None if fault is None else FaultRequest(fault, size)
    return make_job(**{"base": str(TESTS), "fault": wanted, **changes})


def bits(measurement: Measurement) -> dict[str, Any]:
    """Everything about a measurement that a fault may change."""
    return {
        "output": measurement.output.tobytes(),
        "singles": None if measurement.singles is None else measurement.singles.tobytes(),
        "latents": [step.sha256 for step in measurement.trace],
        "timesteps": [step.timestep for step in measurement.trace],
        "draws": measurement.ledger,
        "checkpoint": measurement.checkpoint,
    }


def write_checkpoint(folder: Path, scheduler: dict[str, Any]) -> Path:
    """A checkpoint in diffusers' layout: weights by name and shape from a seed, biases zero."""
    from harness.pipelines.models.config import UNet2DConfig
    from harness.pipelines.models.unet2d import UNet2DModel
    from harness.pipelines.seeded import seeded_state

    shapes = UNet2DModel(UNet2DConfig.from_dict(UNET, "UNET")).state_shapes()
    state = seeded_state(shapes, 3)
    for name, values in state.items():
        if name.endswith("conv2.bias"):
            state[name] = np.zeros_like(values)
    index = {
        "_class_name": "DDPMPipeline",
        "unet": ["diffusers", "UNet2DModel"],
        "scheduler": ["diffusers", scheduler["_class_name"]],
    }
    for name, content in {
        "model_index.json": index,
        "unet/config.json": UNET,
        "scheduler/scheduler_config.json": scheduler,
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    save_file(state, folder / "unet/diffusion_pytorch_model.safetensors")
    return folder
