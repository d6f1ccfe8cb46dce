"""Samples of Stable Diffusion XL, and of control nets and adapters on it."""

from __future__ import annotations

from typing import Any

from mindone import diffusers

from harness.pipelines.mindone_coverage.components import (
    WIDTH,
    clip_text,
    clip_text_projected,
    ddim,
    text_unet,
    vae,
)
from harness.pipelines.mindone_coverage.controlnet import adapted_unet_config, adapter, control_net_config
from harness.pipelines.mindone_coverage.pictures import picture
from harness.pipelines.mindone_coverage.samples import Sample, Samples
from harness.pipelines.mindone_coverage.stable_diffusion import (
    image_to_image,
    inpainting,
    k_diffusion,
    text_to_image,
)
from harness.pipelines.mindone_coverage.tokenizers import clip_tokenizer

# Six numbers of time and size, embedded in 8 channels each, beside the pooled text.
_TIME = {
    "attention_head_dim": (2, 4),
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 8,
    "transformer_layers_per_block": (1, 2),
    "projection_class_embeddings_input_dim": 6 * 8 + WIDTH,
    "cross_attention_dim": 2 * WIDTH,
}


def xl(**changes: Any) -> dict[str, Any]:
    """Return the components of Stable Diffusion XL; ``changes`` replace or extend them."""
    usual = {
        "vae": vae,
        "text_encoder": clip_text,
        "tokenizer": clip_tokenizer,
        "text_encoder_2": clip_text_projected,
        "tokenizer_2": clip_tokenizer,
        "unet": xl_unet,
        "scheduler": diffusers.EulerDiscreteScheduler,
    }
    return {**{name: make() for name, make in usual.items() if name not in changes}, **changes}


def xl_unet(**changes: Any) -> Any:
    """Return a UNet with XL's conditions on size."""
    return text_unet(**{**_TIME, **changes})


def _control_net(**changes: Any) -> dict[str, Any]:
    return xl(controlnet=diffusers.ControlNetModel(**control_net_config(**{**_TIME, **changes})))


def _union() -> dict[str, Any]:
    config = control_net_config(**_TIME, num_trans_channel=8, num_trans_head=2, num_proj_channel=8)
    return xl(controlnet=diffusers.ControlNetUnionModel(**config))


def _cross_over() -> Sample:
    network = xl_unet(layers_per_block=2)
    side = diffusers.ControlNetXSAdapter.from_unet(
        network, size_ratio=0.5, learn_time_embedding=True, conditioning_embedding_out_channels=(2, 2)
    )
    return text_to_image(xl(unet=network, controlnet=side), image=picture())


def _text_to_video() -> Sample:
    return text_to_image(xl(scheduler=ddim()), video_length=2, t0=0, t1=1)


def _edit() -> Sample:
    return text_to_image(xl(unet=xl_unet(in_channels=8)), image=picture())


SAMPLES: Samples = {
    "StableDiffusionXLPipeline": lambda: text_to_image(xl()),
    "StableDiffusionXLImg2ImgPipeline": lambda: image_to_image(xl()),
    "StableDiffusionXLInpaintPipeline": lambda: inpainting(xl()),
    "StableDiffusionXLInstructPix2PixPipeline": _edit,
    "StableDiffusionXLPAGPipeline": lambda: text_to_image(xl()),
    "StableDiffusionXLPAGImg2ImgPipeline": lambda: image_to_image(xl()),
    "StableDiffusionXLPAGInpaintPipeline": lambda: inpainting(xl()),
    "StableDiffusionXLKDiffusionPipeline": lambda: k_diffusion(xl),
    "StableDiffusionXLAdapterPipeline": lambda: text_to_image(
        xl(adapter=adapter(), unet=xl_unet(**adapted_unet_config())), image=picture()
    ),
    "StableDiffusionXLControlNetPipeline": lambda: text_to_image(_control_net(), image=picture()),
    "StableDiffusionXLControlNetImg2ImgPipeline": lambda: image_to_image(
        _control_net(), control_image=picture()
    ),
    "StableDiffusionXLControlNetInpaintPipeline": lambda: inpainting(_control_net(), control_image=picture()),
    "StableDiffusionXLControlNetPAGPipeline": lambda: text_to_image(_control_net(), image=picture()),
    "StableDiffusionXLControlNetPAGImg2ImgPipeline": lambda: image_to_image(
        _control_net(), control_image=picture()
    ),
    "StableDiffusionXLControlNetUnionPipeline": lambda: text_to_image(
        _union(), control_image=[picture()], control_mode=[1]
    ),
    "StableDiffusionXLControlNetUnionImg2ImgPipeline": lambda: image_to_image(
        _union(), control_image=[picture()], control_mode=[1]
    ),
    "StableDiffusionXLControlNetUnionInpaintPipeline": lambda: inpainting(
        _union(), control_image=[picture()], control_mode=[1]
    ),
    "StableDiffusionXLControlNetXSPipeline": _cross_over,
    "TextToVideoZeroSDXLPipeline": _text_to_video,
}
