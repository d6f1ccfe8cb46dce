"""The files of a checkpoint that is small enough to write, damage and run in any test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

UNET = {
    "_class_name": "UNet2DModel",
    "sample_size": 8,
    "in_channels": 1,
    "out_channels": 1,
    "layers_per_block": 1,
    "block_out_channels": [8, 16],
    "down_block_types": ["DownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "UpBlock2D"],
    "norm_num_groups": 4,
}
FILES = {
    "model_index.json": {
        "_class_name": "DDPMPipeline",
        "_diffusers_version": "0.42.1",
        "unet": ["diffusers", "UNet2DModel"],
        "scheduler": ["diffusers", "DDPMScheduler"],
    },
    "unet/config.json": UNET,
    "scheduler/scheduler_config.json": {"_class_name": "DDPMScheduler"},
}
WEIGHTS = "unet/diffusion_pytorch_model.safetensors"


def edit_json(path: Path, **changes: Any) -> None:
    """Set fields of a JSON file; None removes a field."""
    data = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in data.items() if value is not None}))
