"""Samples of pipelines in stages: unCLIP, Wuerstchen and Stable Cascade."""

from __future__ import annotations

from typing import Any

from mindone import diffusers

from harness.pipelines.mindone_coverage.components import (
    WIDTH,
    clip_pictures,
    clip_text,
    clip_text_projected,
    clip_vision,
    unet,
)
from harness.pipelines.mindone_coverage.kandinsky import added_unet
from harness.pipelines.mindone_coverage.pictures import noise, picture
from harness.pipelines.mindone_coverage.samples import SIZE, Sample, Samples
from harness.pipelines.mindone_coverage.stable_diffusion import PROMPT
from harness.pipelines.mindone_coverage.tokenizers import clip_tokenizer

# Stable Cascade and Wuerstchen compress a picture's sides 42.67 times in the prior.
_SIDE = 128


def _super_resolution() -> Any:
    return unet(
        sample_size=2 * SIZE,
        in_channels=6,
        out_channels=3,
        down_block_types=("ResnetDownsampleBlock2D",) * 2,
        up_block_types=("ResnetUpsampleBlock2D",) * 2,
    )


def _unclip() -> dict[str, Any]:
    from mindone.diffusers.pipelines.unclip.text_proj import UnCLIPTextProjModel

    decoder = added_unet(
        sample_size=SIZE,
        in_channels=3,
        out_channels=6,
        encoder_hid_dim=None,
        class_embed_type="identity",
    )
    projection = UnCLIPTextProjModel(
        clip_embeddings_dim=WIDTH, time_embed_dim=8 * 4, cross_attention_dim=WIDTH
    )
    return {
        "decoder": decoder,
        "text_encoder": clip_text_projected(),
        "tokenizer": clip_tokenizer(),
        "text_proj": projection,
        "super_res_first": _super_resolution(),
        "super_res_last": _super_resolution(),
        "decoder_scheduler": diffusers.UnCLIPScheduler(variance_type="learned_range"),
        "super_res_scheduler": diffusers.UnCLIPScheduler(variance_type="fixed_small_log"),
    }


def _unclip_text() -> Sample:
    prior = diffusers.PriorTransformer(
        num_attention_heads=2, attention_head_dim=12, embedding_dim=WIDTH, num_layers=1
    )
    scheduler = diffusers.UnCLIPScheduler(
        variance_type="fixed_small_log", prediction_type="sample", clip_sample_range=5.0
    )
    steps = {f"{stage}_num_inference_steps": 2 for stage in ("prior", "decoder", "super_res")}
    return Sample({**_unclip(), "prior": prior, "prior_scheduler": scheduler}, {"prompt": PROMPT, **steps})


def _unclip_image() -> Sample:
    seeing = {"feature_extractor": clip_pictures(), "image_encoder": clip_vision()}
    steps = {f"{stage}_num_inference_steps": 2 for stage in ("decoder", "super_res")}
    return Sample({**_unclip(), **seeing}, {"image": picture(), **steps})


def _paella() -> Any:
    from mindone.diffusers.pipelines.wuerstchen import PaellaVQModel

    return PaellaVQModel(bottleneck_blocks=1, num_vq_embeddings=2, embed_dim=16)


def _wuerstchen_prior() -> dict[str, Any]:
    from mindone.diffusers.pipelines.wuerstchen import WuerstchenPrior

    prior = WuerstchenPrior(c_in=2, c=8, depth=2, c_cond=WIDTH, c_r=8, nhead=2)
    return {**_text(clip_text), "prior": prior}


def _wuerstchen_decoder() -> dict[str, Any]:
    from mindone.diffusers.pipelines.wuerstchen import WuerstchenDiffNeXt

    decoder = WuerstchenDiffNeXt(
        c_cond=WIDTH,
        c_hidden=[32],
        nhead=[-1],
        blocks=[2],
        level_config=["CT"],
        clip_embd=WIDTH,
        inject_effnet=[False],
    )
    return {**_text(clip_text), "decoder": decoder, "vqgan": _paella()}


def _cascade_prior() -> dict[str, Any]:
    prior = diffusers.StableCascadeUNet(
        conditioning_dim=128,
        block_out_channels=(128, 128),
        num_attention_heads=(2, 2),
        down_num_layers_per_block=(1, 1),
        up_num_layers_per_block=(1, 1),
        clip_image_in_channels=768,
        switch_level=(False,),
        clip_text_in_channels=WIDTH,
        clip_text_pooled_in_channels=WIDTH,
    )
    return {**_text(clip_text_projected), "prior": prior}


def _cascade_decoder() -> dict[str, Any]:
    decoder = diffusers.StableCascadeUNet(
        in_channels=4,
        out_channels=4,
        conditioning_dim=128,
        block_out_channels=(16, 32, 64, 128),
        num_attention_heads=(-1, -1, 1, 2),
        down_num_layers_per_block=(1, 1, 1, 1),
        up_num_layers_per_block=(1, 1, 1, 1),
        down_blocks_repeat_mappers=(1, 1, 1, 1),
        up_blocks_repeat_mappers=(3, 3, 2, 2),
        block_types_per_layer=(
            ("SDCascadeResBlock", "SDCascadeTimestepBlock"),
            ("SDCascadeResBlock", "SDCascadeTimestepBlock"),
            ("SDCascadeResBlock", "SDCascadeTimestepBlock", "SDCascadeAttnBlock"),
            ("SDCascadeResBlock", "SDCascadeTimestepBlock", "SDCascadeAttnBlock"),
        ),
        switch_level=None,
        clip_text_pooled_in_channels=WIDTH,
        dropout=(0.1, 0.1, 0.1, 0.1),
    )
    return {**_text(clip_text_projected), "decoder": decoder.set_train(False), "vqgan": _paella()}


def _text(encoder: Any) -> dict[str, Any]:
    scheduler = diffusers.DDPMWuerstchenScheduler()
    return {"text_encoder": encoder(), "tokenizer": clip_tokenizer(), "scheduler": scheduler}


def _combined(prior: dict[str, Any], decoder: dict[str, Any]) -> Sample:
    components = {**decoder, **{f"prior_{name}": component for name, component in prior.items()}}
    size = {"height": _SIDE, "width": _SIDE}
    return Sample(components, {"prompt": PROMPT, "prior_num_inference_steps": 2, **size})


def _from_prompt(components: dict[str, Any]) -> Sample:
    return Sample(components, {"prompt": PROMPT, "height": _SIDE, "width": _SIDE})


SAMPLES: Samples = {
    "UnCLIPPipeline": _unclip_text,
    "UnCLIPImageVariationPipeline": _unclip_image,
    "WuerstchenPriorPipeline": lambda: _from_prompt(_wuerstchen_prior()),
    "WuerstchenDecoderPipeline": lambda: Sample(
        _wuerstchen_decoder(), {"prompt": PROMPT, "image_embeddings": noise(1, 4, 4, 4)}
    ),
    "WuerstchenCombinedPipeline": lambda: _combined(_wuerstchen_prior(), _wuerstchen_decoder()),
    "StableCascadePriorPipeline": lambda: _from_prompt(_cascade_prior()),
    "StableCascadeDecoderPipeline": lambda: Sample(
        _cascade_decoder(), {"prompt": PROMPT, "image_embeddings": noise(1, 4, 4, 4)}
    ),
    "StableCascadeCombinedPipeline": lambda: _combined(_cascade_prior(), _cascade_decoder()),
}
