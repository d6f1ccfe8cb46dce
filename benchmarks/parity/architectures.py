"""The architectures on which the MindSpore core is held against diffusers, as diffusers' configs.

Between them they exercise every field of the config that changes what the model computes.
"""

from __future__ import annotations

from typing import Any

DDPM_CIFAR10_32: dict[str, Any] = {
    "_class_name": "UNet2DModel",
    "_diffusers_version": "0.0.4",
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

_SMALL: dict[str, Any] = {
    "_class_name": "UNet2DModel",
    "block_out_channels": [32, 64],
    "down_block_types": ["DownBlock2D", "AttnDownBlock2D"],
    "up_block_types": ["AttnUpBlock2D", "UpBlock2D"],
    "attention_head_dim": None,
    "norm_num_groups": 8,
    "sample_size": 16,
}

ARCHITECTURES: dict[str, dict[str, Any]] = {
    "ddpm-cifar10-32": DDPM_CIFAR10_32,
    # Under scale_shift the middle attention has no norm.
    "scale-shift": {**_SMALL, "resnet_time_scale_shift": "scale_shift", "flip_sin_to_cos": False},
    # Three levels, all with attention: 4, 6 and 8 heads. An eps of this size shows wherever it is forgotten.
    "heads": {
        **_SMALL,
        "attention_head_dim": 8,
        "norm_eps": 0.01,
        "block_out_channels": [32, 48, 64],
        "down_block_types": ["AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"],
        "up_block_types": ["AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D"],
        "flip_sin_to_cos": False,
        "freq_shift": 1,
    },
    # One channel, and diffusers' default padding: the shape of a model of handwritten digits.
    "flip-sin-to-cos": {
        **_SMALL,
        "flip_sin_to_cos": True,
        "freq_shift": 0,
        "in_channels": 1,
        "out_channels": 1,
        "downsample_padding": 1,
        "norm_eps": 1e-5,
    },
    "resnet-sampling": {
        **_SMALL,
        "act_fn": "mish",
        "block_out_channels": [32, 32, 64],
        "down_block_types": ["AttnDownBlock2D", "DownBlock2D", "AttnDownBlock2D"],
        "up_block_types": ["AttnUpBlock2D", "UpBlock2D", "AttnUpBlock2D"],
        "downsample_type": "resnet",
        "upsample_type": "resnet",
        "layers_per_block": 1,
        "mid_block_scale_factor": 1.4142135,
        "attn_norm_num_groups": 4,
        "resnet_time_scale_shift": "scale_shift",
        "time_embedding_dim": 96,
        "sample_size": [16, 24],
    },
    # 24 channels per head divide neither 32 nor 64: one head and two, narrower than the block.
    "learned-timesteps": {
        **_SMALL,
        "act_fn": "gelu",
        "attention_head_dim": 24,
        "center_input_sample": True,
        "add_attention": False,
        "time_embedding_type": "learned",
        "num_train_timesteps": 1000,
        "layers_per_block": 3,
    },
    # 35 channels: an odd embedding of the timestep, padded with a zero.
    "no-mid-block": {
        **_SMALL,
        "act_fn": "relu",
        "block_out_channels": [35, 70],
        "mid_block_type": None,
        "norm_num_groups": 5,
        "downsample_padding": 0,
    },
    "resnet-blocks": {
        **_SMALL,
        "down_block_types": ["ResnetDownsampleBlock2D", "UNetResAttnDownBlock2D"],
        "up_block_types": ["UNetResAttnUpBlock2D", "ResnetUpsampleBlock2D"],
        "resnet_time_scale_shift": "scale_shift",
        "act_fn": "gelu",
        "layers_per_block": 1,
        "num_class_embeds": 5,
    },
    # NCSN++: a picture beside the blocks, filters, and the logarithm of the timestep.
    "skip-blocks": {
        **_SMALL,
        "block_out_channels": [32, 64, 64],
        "down_block_types": ["SkipDownBlock2D", "AttnSkipDownBlock2D", "SkipDownBlock2D"],
        "up_block_types": ["SkipUpBlock2D", "AttnSkipUpBlock2D", "SkipUpBlock2D"],
        "time_embedding_type": "fourier",
        "norm_num_groups": None,
        "layers_per_block": 1,
        "mid_block_scale_factor": 1.4142135,
        "norm_eps": 1e-3,
    },
    # Only on the way up, where they do not need filters on the way down, and no division by the timestep.
    "skip-blocks-up": {
        **_SMALL,
        "up_block_types": ["AttnSkipUpBlock2D", "SkipUpBlock2D"],
        "class_embed_type": "timestep",
    },
    "k-blocks": {
        **_SMALL,
        "down_block_types": ["KDownBlock2D", "KDownBlock2D"],
        "up_block_types": ["KUpBlock2D", "KUpBlock2D"],
        "class_embed_type": "identity",
        "act_fn": "gelu",
        "norm_eps": 1e-3,
    },
    # The time embedding is as wide as the last level: that is how diffusers tells the first block up.
    "k-attention": {
        **_SMALL,
        "block_out_channels": [32, 64, 64],
        "down_block_types": ["KDownBlock2D", "KCrossAttnDownBlock2D", "KCrossAttnDownBlock2D"],
        "up_block_types": ["KCrossAttnUpBlock2D", "KCrossAttnUpBlock2D", "KUpBlock2D"],
        "attention_head_dim": 16,
        "time_embedding_dim": 64,
        "layers_per_block": 2,
        "sample_size": [16, 24],
    },
}


def labels(config: dict[str, Any]) -> list[Any] | None:
    """Return the class labels of the two samples, or None if the model takes none."""
    if config.get("class_embed_type") == "identity":
        width = config.get("time_embedding_dim") or 4 * config["block_out_channels"][0]
        # Halves and quarters, which every dtype has.
        return [[((i * (image + 3)) % 9 - 4) / 4 for i in range(width)] for image in range(2)]
    if config.get("class_embed_type") == "timestep":
        return [7, 2]
    return [3, 1] if config.get("num_class_embeds") else None
