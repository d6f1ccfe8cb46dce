"""Samples of DeepFloyd IF, which denoises pixels under a T5 text encoder."""

from __future__ import annotations

from typing import Any

from mindone import diffusers

from harness.pipelines.mindone_coverage.components import WIDTH, t5
from harness.pipelines.mindone_coverage.kandinsky import added_unet
from harness.pipelines.mindone_coverage.pictures import mask, picture
from harness.pipelines.mindone_coverage.samples import SIZE, Sample, Samples
from harness.pipelines.mindone_coverage.stable_diffusion import PROMPT
from harness.pipelines.mindone_coverage.tokenizers import t5_tokenizer


def _components(**changes: Any) -> dict[str, Any]:
    config = {
        "sample_size": SIZE,
        "in_channels": 3,
        "out_channels": 6,
        "attention_head_dim": 8,
        "addition_embed_type": "text",
        "addition_embed_type_num_heads": 2,
        "cross_attention_norm": "group_norm",
        "encoder_hid_dim": WIDTH,
        "block_out_channels": (32, 64),
        "norm_num_groups": 32,
        "act_fn": "gelu",
    }
    scheduler = diffusers.DDPMScheduler(
        beta_schedule="squaredcos_cap_v2",
        thresholding=True,
        dynamic_thresholding_ratio=0.95,
        sample_max_value=1.0,
        variance_type="learned_range",
    )
    unet = added_unet(**{**config, **changes})
    return {"text_encoder": t5(), "tokenizer": t5_tokenizer(), "unet": unet, "scheduler": scheduler}


def _upscaling() -> dict[str, Any]:
    unet = _components(
        in_channels=6, class_embed_type="timestep", time_embedding_act_fn="gelu", time_embedding_dim=WIDTH
    )
    return {**unet, "image_noising_scheduler": diffusers.DDPMScheduler(beta_schedule="squaredcos_cap_v2")}


def _sample(components: dict[str, Any], **arguments: Any) -> Sample:
    # Cleaning captions needs packages for HTML, and changes nothing in this one.
    return Sample(components, {"prompt": PROMPT, "clean_caption": False, **arguments})


_ORIGINAL: dict[str, Any] = {"image": picture(SIZE // 2), "original_image": picture(), "strength": 1.0}

SAMPLES: Samples = {
    "IFPipeline": lambda: _sample(_components()),
    "IFImg2ImgPipeline": lambda: _sample(_components(), image=picture(), strength=1.0),
    "IFInpaintingPipeline": lambda: _sample(_components(), image=picture(), mask_image=mask()),
    "IFSuperResolutionPipeline": lambda: _sample(_upscaling(), image=picture(SIZE // 2)),
    "IFImg2ImgSuperResolutionPipeline": lambda: _sample(_upscaling(), **_ORIGINAL),
    "IFInpaintingSuperResolutionPipeline": lambda: _sample(_upscaling(), **_ORIGINAL, mask_image=mask()),
}
