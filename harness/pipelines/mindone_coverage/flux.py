"""Samples of Flux and Stable Diffusion 3: transformers that are trained on flows."""

from __future__ import annotations

from typing import Any

from mindone import diffusers

from harness.pipelines.mindone_coverage.components import (
    WIDTH,
    clip_text,
    clip_text_projected,
    t5,
    vae,
)
from harness.pipelines.mindone_coverage.pictures import mask, picture
from harness.pipelines.mindone_coverage.samples import SIZE, Samples
from harness.pipelines.mindone_coverage.stable_diffusion import (
    image_to_image,
    inpainting,
    text_to_image,
)
from harness.pipelines.mindone_coverage.tokenizers import clip_tokenizer, t5_tokenizer


def _flow_vae(**changes: Any) -> Any:
    return vae(
        shift_factor=0.0609, scaling_factor=1.5035, use_quant_conv=False, use_post_quant_conv=False, **changes
    )


def _flux(in_channels: int = 16, **changes: Any) -> dict[str, Any]:
    """Return Flux's components: latents of 4 channels are packed into tokens of 16."""
    transformer = diffusers.FluxTransformer2DModel(
        patch_size=1,
        in_channels=in_channels,
        out_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=WIDTH,
        pooled_projection_dim=WIDTH,
        axes_dims_rope=(4, 4, 8),
    )
    components = {
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(),
        "vae": _flow_vae(),
        "text_encoder": clip_text(),
        "tokenizer": clip_tokenizer(),
        "text_encoder_2": t5(),
        "tokenizer_2": t5_tokenizer(),
        "transformer": transformer,
    }
    return {**components, **changes}


def _flux_control_net() -> dict[str, Any]:
    control_net = diffusers.FluxControlNetModel(
        patch_size=1,
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=WIDTH,
        pooled_projection_dim=WIDTH,
        axes_dims_rope=(4, 4, 8),
    )
    return _flux(controlnet=control_net)


def _third(channels: int = 4) -> dict[str, Any]:
    transformer = diffusers.SD3Transformer2DModel(
        sample_size=16,
        patch_size=1,
        in_channels=channels,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=4,
        caption_projection_dim=WIDTH,
        joint_attention_dim=WIDTH,
        pooled_projection_dim=2 * WIDTH,
        out_channels=channels,
    )
    return {
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(),
        "vae": _flow_vae(latent_channels=channels),
        "text_encoder": clip_text_projected(),
        "tokenizer": clip_tokenizer(),
        "text_encoder_2": clip_text_projected(),
        "tokenizer_2": clip_tokenizer(),
        "text_encoder_3": t5(),
        "tokenizer_3": t5_tokenizer(),
        "transformer": transformer,
    }


def _third_control_net(**changes: Any) -> dict[str, Any]:
    control_net = diffusers.SD3ControlNetModel(
        sample_size=16,
        patch_size=1,
        in_channels=4,
        num_layers=1,
        attention_head_dim=8,
        num_attention_heads=4,
        caption_projection_dim=WIDTH,
        joint_attention_dim=WIDTH,
        pooled_projection_dim=2 * WIDTH,
        out_channels=4,
        **changes,
    )
    return {**_third(), "controlnet": control_net}


_SHORT: dict[str, Any] = {"max_sequence_length": 16}

SAMPLES: Samples = {
    "FluxPipeline": lambda: text_to_image(_flux(), **_SHORT),
    "FluxImg2ImgPipeline": lambda: image_to_image(_flux(), height=SIZE, width=SIZE, **_SHORT),
    "FluxInpaintPipeline": lambda: inpainting(_flux(), strength=1.0, **_SHORT),
    "FluxFillPipeline": lambda: inpainting(_flux(in_channels=48), **_SHORT),
    "FluxKontextPipeline": lambda: text_to_image(
        _flux(), image=picture(), max_area=SIZE**2, _auto_resize=False, **_SHORT
    ),
    "FluxControlPipeline": lambda: text_to_image(_flux(in_channels=32), control_image=picture(), **_SHORT),
    "FluxControlImg2ImgPipeline": lambda: image_to_image(
        _flux(in_channels=32), control_image=picture(), height=SIZE, width=SIZE, **_SHORT
    ),
    "FluxControlInpaintPipeline": lambda: inpainting(
        _flux(in_channels=32), control_image=picture(), strength=1.0, **_SHORT
    ),
    "FluxControlNetImg2ImgPipeline": lambda: image_to_image(
        _flux_control_net(), control_image=picture(), height=SIZE, width=SIZE, **_SHORT
    ),
    "FluxControlNetInpaintPipeline": lambda: inpainting(
        _flux_control_net(), control_image=picture(), strength=1.0, **_SHORT
    ),
    "FluxKontextInpaintPipeline": lambda: inpainting(
        _flux(), max_area=SIZE**2, _auto_resize=False, strength=1.0, **_SHORT
    ),
    "FluxControlNetPipeline": lambda: text_to_image(_flux_control_net(), control_image=picture(), **_SHORT),
    "StableDiffusion3Pipeline": lambda: text_to_image(_third(), **_SHORT),
    "StableDiffusion3Img2ImgPipeline": lambda: image_to_image(_third(), height=SIZE, width=SIZE, **_SHORT),
    "StableDiffusion3InpaintPipeline": lambda: inpainting(_third(channels=16), strength=1.0, **_SHORT),
    "StableDiffusion3PAGPipeline": lambda: text_to_image(_third(), **_SHORT),
    "StableDiffusion3PAGImg2ImgPipeline": lambda: image_to_image(_third(), height=SIZE, width=SIZE, **_SHORT),
    "StableDiffusion3ControlNetInpaintingPipeline": lambda: text_to_image(
        _third_control_net(extra_conditioning_channels=1),
        control_image=picture(),
        control_mask=mask(),
        **_SHORT,
    ),
    "StableDiffusion3ControlNetPipeline": lambda: text_to_image(
        _third_control_net(), control_image=picture(), **_SHORT
    ),
}
