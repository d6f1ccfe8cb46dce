"""Checkpoints that are not stored: a published architecture with weights made from a seed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.pipelines.models.config import UNet2DConfig
from harness.pipelines.schedulers.config import SchedulerConfig
from harness.pipelines.seeded import seeded_state

if TYPE_CHECKING:
    from harness.pipelines.models.unet2d import UNet2DModel

# config.json and scheduler_config.json of https://huggingface.co/google/ddpm-cifar10-32.
_CIFAR10_UNET: dict[str, Any] = {
    "_class_name": "UNet2DModel",
    "act_fn": "silu",
    "attention_head_dim": None,
    "block_out_channels": [128, 256, 256, 256],
    "center_input_sample": False,
    "down_block_types": ["DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"],
    "downsample_padding": 0,
    "flip_sin_to_cos": False,
    "freq_shift": 1,
    "in_channels": 3,
    "layers_per_block": 2,
    "mid_block_scale_factor": 1,
    "norm_eps": 1e-06,
    "norm_num_groups": 32,
    "out_channels": 3,
    "sample_size": 32,
    "time_embedding_type": "positional",
    "up_block_types": ["UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"],
}
_CIFAR10_SCHEDULER: dict[str, Any] = {
    "_class_name": "DDPMScheduler",
    "beta_end": 0.02,
    "beta_schedule": "linear",
    "beta_start": 0.0001,
    "clip_sample": True,
    "num_train_timesteps": 1000,
    "trained_betas": None,
    "variance_type": "fixed_large",
}


@dataclass(frozen=True)
class SeededCheckpoint:
    """An architecture, a scheduler and the seed of the weights; ``denoising`` as in :func:`seeded_state`."""

    name: str
    unet: dict[str, Any]
    scheduler: dict[str, Any]
    seed: int
    denoising: bool

    def unet_config(self) -> UNet2DConfig:
        """Return the UNet's configuration."""
        return UNet2DConfig.from_dict(self.unet, f"seeded:{self.name}")

    def scheduler_config(self) -> SchedulerConfig:
        """Return the scheduler's configuration."""
        return SchedulerConfig.from_dict(self.scheduler, f"seeded:{self.name}")

    def load_into(self, unet: UNet2DModel) -> dict[str, str]:
        """Make the weights, load them and return their sha256 by the checkpoint's name.

        The hash is over both configurations and the bytes of the weights, in the order of their names: a
        numpy release that draws other numbers yields another checkpoint, not the same one with other bits.
        """
        state = seeded_state(unet.state_shapes(), self.seed, denoising=self.denoising)
        unet.load_state(state, where=f"seeded:{self.name}")
        digest = hashlib.sha256(json.dumps([self.unet, self.scheduler], sort_keys=True).encode())
        for name in sorted(state):
            digest.update(name.encode() + b"\0" + state[name].astype("<f4", copy=False).tobytes())
        return {f"seeded:{self.name}": digest.hexdigest()}


SEEDED_CHECKPOINTS = {
    checkpoint.name: checkpoint
    for checkpoint in (
        SeededCheckpoint("ddpm-cifar10-32", _CIFAR10_UNET, _CIFAR10_SCHEDULER, seed=1234, denoising=True),
        # Chaotic by design: shows how a case behaves that cannot be compared across environments.
        SeededCheckpoint(
            "ddpm-cifar10-32-random", _CIFAR10_UNET, _CIFAR10_SCHEDULER, seed=1234, denoising=False
        ),
    )
}
