"""The components of each checkpoint: small models with the structure of the published ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tokenizer import END, START, vocabulary

Config = dict[str, Any]
_WIDTH = 32  # of the text encoders' and the prior's hidden states
_TOKENS = 77  # of a prompt, as published


@dataclass(frozen=True)
class Component:
    """A folder of a checkpoint: what loads it, and the configuration that lies in it."""

    library: str
    kind: str
    config: Config


@dataclass(frozen=True)
class Model(Component):
    """A component with weights, made from `seed`.

    `gain` is that of a UNet's clear path, and `body` scales what the rest of the UNet adds to it; see
    `weights.py`. They are set by hand so that the pictures fill the range of values without leaving it.
    """

    seed: int
    gain: float = 1.0
    body: float = 0.3


# As in google/ddpm-cifar10-32, in small.
_DDIM_UNET = {
    "sample_size": 16,
    "in_channels": 3,
    "out_channels": 3,
    "layers_per_block": 1,
    "block_out_channels": [16, 24],
    "down_block_types": ["DownBlock2D", "AttnDownBlock2D"],
    "up_block_types": ["AttnUpBlock2D", "UpBlock2D"],
    "attention_head_dim": 8,
    "norm_num_groups": 4,
}
_DDIM_SCHEDULER = {
    "num_train_timesteps": 1000,
    "beta_start": 0.0001,
    "beta_end": 0.02,
    "beta_schedule": "linear",
    "clip_sample": True,
}

# As in stable-diffusion-v1-5, in small.
_STABLE_DIFFUSION_UNET = {
    "sample_size": 16,
    "in_channels": 4,
    "out_channels": 4,
    "layers_per_block": 1,
    "block_out_channels": [16, 24],
    "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
    "mid_block_type": "UNetMidBlock2DCrossAttn",
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
    "attention_head_dim": 4,
    "cross_attention_dim": _WIDTH,
    "norm_num_groups": 4,
}
_AUTOENCODER = {
    "sample_size": 32,
    "in_channels": 3,
    "out_channels": 3,
    "latent_channels": 4,
    "layers_per_block": 1,
    "block_out_channels": [8, 16],
    "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"],
    "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D"],
    "norm_num_groups": 4,
    "scaling_factor": 0.18215,
}
_STABLE_DIFFUSION_SCHEDULER = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
}

# As in kakaobrain/karlo-v1-alpha, in small.
_PRIOR = {
    "num_attention_heads": 2,
    "attention_head_dim": _WIDTH // 2,
    "num_layers": 2,
    "embedding_dim": _WIDTH,
    "num_embeddings": _TOKENS,
    "additional_embeddings": 4,
}
_DECODER = {
    "sample_size": 16,
    "in_channels": 3,
    "out_channels": 6,  # noise, and where its variance lies between its bounds
    "layers_per_block": 1,
    "block_out_channels": [16, 24],
    "down_block_types": ["ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"],
    "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
    "up_block_types": ["SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"],
    "attention_head_dim": 8,
    "cross_attention_dim": _WIDTH,
    "class_embed_type": "identity",
    "norm_num_groups": 4,
    "resnet_time_scale_shift": "scale_shift",
}
_TEXT_PROJECTION = {
    "clip_embeddings_dim": _WIDTH,
    "time_embed_dim": 4 * 16,
    "cross_attention_dim": _WIDTH,
    "clip_extra_context_tokens": 4,
}
_SUPER_RESOLUTION = {
    "sample_size": 32,
    "in_channels": 6,  # the noisy picture, and the small one enlarged
    "out_channels": 3,
    "layers_per_block": 1,
    "block_out_channels": [8, 16],
    "down_block_types": ["ResnetDownsampleBlock2D", "ResnetDownsampleBlock2D"],
    "up_block_types": ["ResnetUpsampleBlock2D", "ResnetUpsampleBlock2D"],
    "add_attention": False,
    "norm_num_groups": 4,
    "resnet_time_scale_shift": "scale_shift",
}
_UNCLIP_SCHEDULER = {"num_train_timesteps": 1000, "clip_sample": True}
_PRIOR_SCHEDULER = {
    **_UNCLIP_SCHEDULER,
    "variance_type": "fixed_small_log",
    "clip_sample_range": 5.0,
    "prediction_type": "sample",
}
_DECODER_SCHEDULER = {
    **_UNCLIP_SCHEDULER,
    "variance_type": "learned_range",
    "clip_sample_range": 1.0,
    "prediction_type": "epsilon",
}
_SUPER_RESOLUTION_SCHEDULER = {**_DECODER_SCHEDULER, "variance_type": "fixed_small_log"}


def _text_encoder(kind: str, seed: int) -> Model:
    ids, _ = vocabulary()
    config = {
        "architectures": [kind],
        "model_type": "clip_text_model",
        "vocab_size": len(ids),
        "hidden_size": _WIDTH,
        "projection_dim": _WIDTH,
        "intermediate_size": 2 * _WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": _TOKENS,
        "hidden_act": "quick_gelu",
        "layer_norm_eps": 1e-05,
        "bos_token_id": ids[START],
        "eos_token_id": ids[END],
        "pad_token_id": ids[END],
        "torch_dtype": "float32",
    }
    return Model("transformers", kind, config, seed)


_TOKENIZER = Component(
    "transformers",
    "CLIPTokenizer",
    {
        "tokenizer_class": "CLIPTokenizer",
        "bos_token": START,
        "eos_token": END,
        "pad_token": END,
        "unk_token": END,
        "do_lower_case": True,
        "errors": "replace",
        "model_max_length": _TOKENS,
    },
)

CHECKPOINTS: dict[str, tuple[str, dict[str, Component | None]]] = {
    "ddim": (
        "DDIMPipeline",
        {
            "unet": Model("diffusers", "UNet2DModel", _DDIM_UNET, seed=1),
            "scheduler": Component("diffusers", "DDIMScheduler", _DDIM_SCHEDULER),
        },
    ),
    "stable-diffusion": (
        "StableDiffusionPipeline",
        {
            "unet": Model(
                "diffusers", "UNet2DConditionModel", _STABLE_DIFFUSION_UNET, seed=2, gain=1.15, body=0.2
            ),
            "vae": Model("diffusers", "AutoencoderKL", _AUTOENCODER, seed=3),
            "text_encoder": _text_encoder("CLIPTextModel", seed=4),
            "tokenizer": _TOKENIZER,
            "scheduler": Component("diffusers", "PNDMScheduler", _STABLE_DIFFUSION_SCHEDULER),
            "safety_checker": None,
            "feature_extractor": None,
            "image_encoder": None,
        },
    ),
    "unclip": (
        "UnCLIPPipeline",
        {
            "prior": Model("diffusers", "PriorTransformer", _PRIOR, seed=5),
            "decoder": Model("diffusers", "UNet2DConditionModel", _DECODER, seed=6),
            "text_encoder": _text_encoder("CLIPTextModelWithProjection", seed=7),
            "tokenizer": _TOKENIZER,
            "text_proj": Model("unclip", "UnCLIPTextProjModel", _TEXT_PROJECTION, seed=8),
            "super_res_first": Model("diffusers", "UNet2DModel", _SUPER_RESOLUTION, seed=9),
            "super_res_last": Model("diffusers", "UNet2DModel", _SUPER_RESOLUTION, seed=10),
            "prior_scheduler": Component("diffusers", "UnCLIPScheduler", _PRIOR_SCHEDULER),
            "decoder_scheduler": Component("diffusers", "UnCLIPScheduler", _DECODER_SCHEDULER),
            "super_res_scheduler": Component("diffusers", "UnCLIPScheduler", _SUPER_RESOLUTION_SCHEDULER),
        },
    ),
}
