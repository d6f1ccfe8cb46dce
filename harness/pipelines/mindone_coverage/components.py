"""Tiny components that several pipelines share: a few thousand weights each, pictures of 32 pixels.

A component's keyword arguments replace or extend its configuration.
"""

from __future__ import annotations

from typing import Any

import transformers
from mindone import diffusers
from mindone import transformers as networks

from harness.pipelines.mindone_coverage.samples import SIZE
from harness.pipelines.mindone_coverage.tokenizers import VOCABULARY

WIDTH = 32
_CHANNELS = (8, 16)


def ddim(**changes: Any) -> Any:
    """Return a DDIM scheduler with Stable Diffusion's schedule."""
    schedule: dict[str, Any] = {
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "clip_sample": False,
        "set_alpha_to_one": False,
    }
    return diffusers.DDIMScheduler(**{**schedule, **changes})


def unet(**changes: Any) -> Any:
    """Return an unconditional UNet for pictures of 32 pixels."""
    config = {
        "sample_size": SIZE,
        "block_out_channels": _CHANNELS,
        "layers_per_block": 1,
        "norm_num_groups": 4,
        "attention_head_dim": 4,
        "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
        "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
    }
    return diffusers.UNet2DModel(**{**config, **changes})


def text_unet_config(**changes: Any) -> dict[str, Any]:
    """Return the configuration of a UNet conditioned on text, for latents of 16 x 16."""
    config = {
        "sample_size": SIZE // 2,
        "block_out_channels": _CHANNELS,
        "layers_per_block": 1,
        "norm_num_groups": 4,
        "attention_head_dim": 2,
        "cross_attention_dim": WIDTH,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    }
    return {**config, **changes}


def text_unet(**changes: Any) -> Any:
    """Return a UNet conditioned on text, for latents of 16 x 16."""
    return diffusers.UNet2DConditionModel(**text_unet_config(**changes))


def vae_config(**changes: Any) -> dict[str, Any]:
    """Return the configuration of an autoencoder that halves a picture's sides."""
    config = {
        "block_out_channels": _CHANNELS,
        "norm_num_groups": 4,
        "sample_size": SIZE,
        "down_block_types": ("DownEncoderBlock2D",) * 2,
        "up_block_types": ("UpDecoderBlock2D",) * 2,
        "latent_channels": 4,
    }
    return {**config, **changes}


def vae(**changes: Any) -> Any:
    """Return an autoencoder that halves a picture's sides."""
    return diffusers.AutoencoderKL(**vae_config(**changes))


def clip_text_config(**changes: Any) -> Any:
    """Return the configuration of a CLIP text encoder of width 32."""
    config = {
        "vocab_size": VOCABULARY,
        "hidden_size": WIDTH,
        "intermediate_size": 37,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 77,
        "projection_dim": WIDTH,
        "bos_token_id": 512,
        "eos_token_id": 513,
        "pad_token_id": 513,
    }
    return transformers.CLIPTextConfig(**{**config, **changes})


def clip_text(**changes: Any) -> Any:
    """Return a CLIP text encoder of width 32."""
    return networks.CLIPTextModel(clip_text_config(**changes)).set_train(False)


def clip_text_projected(**changes: Any) -> Any:
    """Return a CLIP text encoder of width 32 with its projection."""
    return networks.CLIPTextModelWithProjection(clip_text_config(**changes)).set_train(False)


def clip_vision(**changes: Any) -> Any:
    """Return a CLIP image encoder of width 32 with its projection, for pictures of 32 pixels."""
    config = {
        "hidden_size": WIDTH,
        "intermediate_size": 37,
        "projection_dim": WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "image_size": SIZE,
        "patch_size": 8,
    }
    made = transformers.CLIPVisionConfig(**{**config, **changes})
    return networks.CLIPVisionModelWithProjection(made).set_train(False)


def clip_pictures(size: int = SIZE) -> transformers.CLIPImageProcessor:
    """Return the preprocessing of pictures for :func:`clip_vision`."""
    return transformers.CLIPImageProcessor(
        size={"shortest_edge": size}, crop_size={"height": size, "width": size}
    )


def t5(**changes: Any) -> Any:
    """Return a T5 encoder of width 32."""
    config = {
        "vocab_size": VOCABULARY,
        "d_model": WIDTH,
        "d_kv": 8,
        "d_ff": 37,
        "num_layers": 2,
        "num_heads": 4,
    }
    return networks.T5EncoderModel(transformers.T5Config(**{**config, **changes})).set_train(False)
