"""Samples of Kandinsky 2.1, 2.2 and 3."""

from __future__ import annotations

from typing import Any

from mindone import diffusers

from harness.pipelines.mindone_coverage.components import (
    WIDTH,
    clip_pictures,
    clip_text_projected,
    clip_vision,
    ddim,
    t5,
    text_unet,
)
from harness.pipelines.mindone_coverage.pictures import mask, noise, picture, picture_tensor
from harness.pipelines.mindone_coverage.samples import SIZE, Sample, Samples
from harness.pipelines.mindone_coverage.stable_diffusion import PROMPT
from harness.pipelines.mindone_coverage.tokenizers import (
    VOCABULARY,
    clip_tokenizer,
    mclip_tokenizer,
    t5_tokenizer,
)

# The decoders take sides in multiples of 64 pixels for latents of an eighth.
_SIDE = 64


def added_unet(**changes: Any) -> Any:
    """Return a UNet of residual down- and upsampling with attention to added keys and values."""
    config = {
        "block_out_channels": (8, 16),
        "norm_num_groups": 4,
        "cross_attention_dim": WIDTH,
        "attention_head_dim": 4,
        "encoder_hid_dim": WIDTH,
        "down_block_types": ("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
        "up_block_types": ("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
        "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
        "resnet_time_scale_shift": "scale_shift",
        "out_channels": 8,
    }
    return text_unet(**{**config, **changes})


def _movq(blocks: int = 4) -> Any:
    return diffusers.VQModel(
        block_out_channels=(32,) * (blocks - 1) + (64,),
        down_block_types=("DownEncoderBlock2D",) * (blocks - 1) + ("AttnDownEncoderBlock2D",),
        up_block_types=("AttnUpDecoderBlock2D",) + ("UpDecoderBlock2D",) * (blocks - 1),
        latent_channels=4,
        norm_num_groups=8,
        norm_type="spatial",
        num_vq_embeddings=12,
        vq_embed_dim=4,
    )


def _scheduler() -> Any:
    return ddim(beta_schedule="linear", steps_offset=1)


def _embeddings() -> dict[str, Any]:
    return {"image_embeds": noise(1, WIDTH), "negative_image_embeds": noise(1, WIDTH, seed=1)}


def _prior() -> dict[str, Any]:
    prior = diffusers.PriorTransformer(
        num_attention_heads=2, attention_head_dim=12, embedding_dim=WIDTH, num_layers=1
    )
    scheduler = diffusers.UnCLIPScheduler(
        variance_type="fixed_small_log", prediction_type="sample", clip_sample=True, clip_sample_range=10.0
    )
    return {
        "prior": prior,
        "image_encoder": clip_vision(image_size=224, patch_size=56),
        "text_encoder": clip_text_projected(),
        "tokenizer": clip_tokenizer(),
        "scheduler": scheduler,
        "image_processor": clip_pictures(224),
    }


def _with_prior(components: dict[str, Any]) -> dict[str, Any]:
    return {**components, **{f"prior_{name}": component for name, component in _prior().items()}}


def _first(**changes: Any) -> dict[str, Any]:
    from mindone.diffusers.pipelines.kandinsky.text_encoder import MCLIPConfig, MultilingualCLIP

    config = MCLIPConfig(
        transformerDimSize=WIDTH,
        imageDimSize=WIDTH,
        hidden_size=WIDTH,
        intermediate_size=37,
        num_attention_heads=4,
        num_hidden_layers=2,
        vocab_size=VOCABULARY,
        max_position_embeddings=80,
        pad_token_id=1,
    )
    unet = added_unet(addition_embed_type="text_image", encoder_hid_dim_type="text_image_proj", **changes)
    return {
        "text_encoder": MultilingualCLIP(config).set_train(False),
        "tokenizer": mclip_tokenizer(),
        "unet": unet,
        "scheduler": _scheduler(),
        "movq": _movq(),
    }


def _second(**changes: Any) -> dict[str, Any]:
    config = {"addition_embed_type": "image", "encoder_hid_dim_type": "image_proj", **changes}
    return {"unet": added_unet(**config), "scheduler": _scheduler(), "movq": _movq()}


def _third() -> dict[str, Any]:
    unet = diffusers.Kandinsky3UNet(
        in_channels=4,
        time_embedding_dim=4,
        groups=2,
        attention_head_dim=4,
        layers_per_block=3,
        block_out_channels=(32, 64),
        cross_attention_dim=4,
        encoder_hid_dim=WIDTH,
    )
    scheduler = diffusers.DDPMScheduler(beta_schedule="squaredcos_cap_v2", clip_sample=True)
    encoder = {"text_encoder": t5(), "tokenizer": t5_tokenizer()}
    return {**encoder, "unet": unet, "scheduler": scheduler, "movq": _movq(blocks=2)}


def _sample(components: dict[str, Any], **arguments: Any) -> Sample:
    return Sample(components, {"height": _SIDE, "width": _SIDE, **arguments})


_PICTURE: dict[str, Any] = {"image": picture(_SIDE), "strength": 1.0}
_PAINTED: dict[str, Any] = {"image": picture(_SIDE), "mask_image": mask(_SIDE)}
_PROMPT: dict[str, Any] = {"prompt": PROMPT}
_COMBINED: dict[str, Any] = {"prompt": PROMPT, "prior_num_inference_steps": 2}
_HINTED: dict[str, Any] = {"in_channels": 8, "addition_embed_type": "image_hint"}

SAMPLES: Samples = {
    "KandinskyPriorPipeline": lambda: Sample(_prior(), _PROMPT),
    "KandinskyPipeline": lambda: _sample(_first(), **_PROMPT, **_embeddings()),
    "KandinskyImg2ImgPipeline": lambda: _sample(_first(), **_PROMPT, **_PICTURE, **_embeddings()),
    "KandinskyInpaintPipeline": lambda: _sample(
        _first(in_channels=9), **_PROMPT, **_PAINTED, **_embeddings()
    ),
    "KandinskyCombinedPipeline": lambda: _sample(_with_prior(_first()), **_COMBINED),
    "KandinskyImg2ImgCombinedPipeline": lambda: _sample(_with_prior(_first()), **_COMBINED, **_PICTURE),
    "KandinskyInpaintCombinedPipeline": lambda: _sample(
        _with_prior(_first(in_channels=9)), **_COMBINED, **_PAINTED
    ),
    "KandinskyV22PriorPipeline": lambda: Sample(_prior(), _PROMPT),
    "KandinskyV22PriorEmb2EmbPipeline": lambda: Sample(_prior(), {**_PROMPT, **_PICTURE}),
    "KandinskyV22Pipeline": lambda: _sample(_second(), **_embeddings()),
    "KandinskyV22Img2ImgPipeline": lambda: _sample(_second(), **_PICTURE, **_embeddings()),
    "KandinskyV22InpaintPipeline": lambda: _sample(_second(in_channels=9), **_PAINTED, **_embeddings()),
    "KandinskyV22ControlnetPipeline": lambda: _sample(
        _second(**_HINTED), hint=picture_tensor(_SIDE), **_embeddings()
    ),
    "KandinskyV22ControlnetImg2ImgPipeline": lambda: _sample(
        _second(**_HINTED), hint=picture_tensor(_SIDE), **_PICTURE, **_embeddings()
    ),
    "KandinskyV22CombinedPipeline": lambda: _sample(_with_prior(_second()), **_COMBINED),
    "KandinskyV22Img2ImgCombinedPipeline": lambda: _sample(_with_prior(_second()), **_COMBINED, **_PICTURE),
    "KandinskyV22InpaintCombinedPipeline": lambda: _sample(
        _with_prior(_second(in_channels=9)), **_COMBINED, **_PAINTED
    ),
    "Kandinsky3Pipeline": lambda: Sample(_third(), {**_PROMPT, "height": SIZE, "width": SIZE}),
    "Kandinsky3Img2ImgPipeline": lambda: Sample(_third(), {**_PROMPT, **_PICTURE}),
}
