"""Samples of Stable Diffusion and the pipelines on its components."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import transformers
from mindone import diffusers
from mindone import transformers as networks

from harness.pipelines.mindone_coverage.components import (
    WIDTH,
    clip_pictures,
    clip_text,
    clip_text_projected,
    clip_vision,
    ddim,
    text_unet,
    vae,
)
from harness.pipelines.mindone_coverage.pictures import mask, noise, picture, picture_tensor
from harness.pipelines.mindone_coverage.samples import SIZE, STEPS, Sample, Samples
from harness.pipelines.mindone_coverage.tokenizers import VOCABULARY, bert_tokenizer, clip_tokenizer

PROMPT = "a red square on a blue ground"


def stable_diffusion(**changes: Any) -> dict[str, Any]:
    """Return Stable Diffusion's components; ``changes`` replace or extend them."""
    usual = {
        "vae": vae,
        "text_encoder": clip_text,
        "tokenizer": clip_tokenizer,
        "unet": text_unet,
        "scheduler": ddim,
    }
    return {**{name: make() for name, make in usual.items() if name not in changes}, **changes}


def text_to_image(components: dict[str, Any], **arguments: Any) -> Sample:
    """Return a sample of a pipeline that takes a prompt and a size."""
    return Sample(components, {"prompt": PROMPT, "height": SIZE, "width": SIZE, **arguments})


def image_to_image(components: dict[str, Any], **arguments: Any) -> Sample:
    """Return a sample of a pipeline that takes a prompt and a picture.

    Two steps of four are run: at full strength the pipelines on flows begin with nothing of the picture.
    """
    usual = {"prompt": PROMPT, "image": picture(), "strength": 0.5, "num_inference_steps": 2 * STEPS}
    return Sample(components, {**usual, **arguments})


def inpainting(components: dict[str, Any], **arguments: Any) -> Sample:
    """Return a sample of a pipeline that takes a prompt, a picture, a mask and a size."""
    return text_to_image(components, image=picture(), mask_image=mask(), **arguments)


def k_diffusion(components: Callable[..., dict[str, Any]]) -> Sample:
    """Return a sample of a pipeline whose samplers are k-diffusion's and chosen by name."""
    made = text_to_image(components(scheduler=diffusers.LMSDiscreteScheduler()))
    return replace(made, prepare=lambda pipeline: pipeline.set_scheduler("sample_euler"))


def _bert() -> Sample:
    from mindone.diffusers.pipelines.latent_diffusion.pipeline_latent_diffusion import (
        LDMBertConfig,
        LDMBertModel,
    )

    config = LDMBertConfig(
        vocab_size=VOCABULARY,
        d_model=WIDTH,
        encoder_layers=1,
        encoder_ffn_dim=32,
        encoder_attention_heads=4,
        pad_token_id=0,
    )
    bert = LDMBertModel(config).set_train(False)
    components = stable_diffusion(tokenizer=bert_tokenizer())
    components["vqvae"], components["bert"] = components.pop("vae"), bert
    del components["text_encoder"]
    return text_to_image(components)


def _depth() -> Sample:
    backbone = {
        "global_padding": "same",
        "layer_type": "bottleneck",
        "depths": [3, 4, 9],
        "out_features": ["stage1", "stage2", "stage3"],
        "embedding_dynamic_padding": True,
        "hidden_sizes": [96, 192, 384, 768],
        "num_groups": 2,
    }
    config = transformers.DPTConfig(
        image_size=32,
        patch_size=16,
        num_channels=3,
        hidden_size=WIDTH,
        num_hidden_layers=4,
        backbone_out_indices=(0, 1, 2, 3),
        num_attention_heads=4,
        intermediate_size=37,
        is_decoder=False,
        initializer_range=0.02,
        is_hybrid=True,
        backbone_config=backbone,
        backbone_featmap_shape=[1, 384, 24, 24],
    )
    depth = networks.DPTForDepthEstimation(config).set_train(False)
    extractor = transformers.DPTImageProcessor(size={"height": SIZE, "width": SIZE}, do_resize=True)
    return image_to_image(
        stable_diffusion(unet=text_unet(in_channels=5), depth_estimator=depth, feature_extractor=extractor)
    )


def _upscale() -> Sample:
    components = stable_diffusion(
        unet=text_unet(in_channels=7, num_class_embeds=1000, sample_size=SIZE),
        vae=vae(),
        low_res_scheduler=diffusers.DDPMScheduler(),
        scheduler=ddim(prediction_type="v_prediction"),
    )
    return Sample(components, {"prompt": PROMPT, "image": picture()})


def _latent_upscale() -> Sample:
    network = text_unet(
        in_channels=8,
        out_channels=5,
        act_fn="gelu",
        attention_head_dim=8,
        norm_num_groups=None,
        block_out_channels=[32, 32, 64, 64],
        time_cond_proj_dim=160,
        conv_in_kernel=1,
        conv_out_kernel=1,
        cross_attention_dim=WIDTH,
        down_block_types=("KDownBlock2D", *("KCrossAttnDownBlock2D",) * 3),
        up_block_types=(*("KCrossAttnUpBlock2D",) * 3, "KUpBlock2D"),
        mid_block_type=None,
        only_cross_attention=False,
        resnet_time_scale_shift="scale_shift",
        time_embedding_type="fourier",
        timestep_post_act="gelu",
    )
    scheduler = diffusers.EulerDiscreteScheduler(prediction_type="sample")
    components = stable_diffusion(unet=network, scheduler=scheduler)
    return Sample(components, {"prompt": PROMPT, "image": picture_tensor(16, channels=4)})


def _image_variation() -> Sample:
    components = {
        "vae": vae(),
        "image_encoder": clip_vision(),
        "unet": text_unet(),
        "scheduler": ddim(),
        "feature_extractor": clip_pictures(),
    }
    return Sample(components, {"image": picture(), "height": SIZE, "width": SIZE})


def _gligen() -> dict[str, Any]:
    return stable_diffusion(unet=text_unet(attention_type="gated"))


def _gligen_text() -> Sample:
    boxes = [[0.1, 0.1, 0.6, 0.6]]
    return text_to_image(_gligen(), gligen_phrases=["a square"], gligen_boxes=boxes)


def _gligen_image() -> Sample:
    from mindone.diffusers.pipelines.stable_diffusion import CLIPImageProjection

    components = stable_diffusion(
        unet=text_unet(attention_type="gated-text-image"),
        processor=transformers.CLIPProcessor(clip_pictures(), clip_tokenizer()),
        image_encoder=clip_vision(),
        image_project=CLIPImageProjection(hidden_size=WIDTH),
    )
    return text_to_image(
        components,
        gligen_phrases=["a square"],
        gligen_images=[picture()],
        gligen_boxes=[[0.1, 0.1, 0.6, 0.6]],
    )


def _consistency() -> dict[str, Any]:
    return stable_diffusion(unet=text_unet(time_cond_proj_dim=32), scheduler=diffusers.LCMScheduler())


def _depth_and_colour() -> Sample:
    return text_to_image(stable_diffusion(vae=vae(in_channels=6, out_channels=6)))


def _semantic() -> Sample:
    return text_to_image(
        stable_diffusion(), editing_prompt=["a circle"], edit_warmup_steps=0, reverse_editing_direction=False
    )


def _diff_edit() -> Sample:
    inverse = diffusers.DDIMInverseScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False
    )
    latents = noise(1, STEPS, 4, SIZE // 2, SIZE // 2)
    painted = noise(1, SIZE // 2, SIZE // 2).sign() * 0.5 + 0.5
    return Sample(
        stable_diffusion(inverse_scheduler=inverse),
        {"prompt": PROMPT, "mask_image": painted, "image_latents": latents, "inpaint_strength": 1.0},
    )


def _paint_by_example() -> Sample:
    from mindone.diffusers.pipelines.paint_by_example import PaintByExampleImageEncoder

    config = transformers.CLIPVisionConfig(
        hidden_size=WIDTH,
        projection_dim=WIDTH,
        intermediate_size=37,
        num_hidden_layers=2,
        num_attention_heads=4,
        image_size=SIZE,
        patch_size=8,
    )
    components = {
        "vae": vae(),
        "image_encoder": PaintByExampleImageEncoder(config, proj_size=WIDTH),
        "unet": text_unet(in_channels=9),
        "scheduler": diffusers.PNDMScheduler(skip_prk_steps=True),
        "feature_extractor": clip_pictures(),
    }
    pictures = {"example_image": picture(), "image": picture(), "mask_image": mask()}
    return Sample(components, {**pictures, "height": SIZE, "width": SIZE})


def _unclip_base() -> dict[str, Any]:
    from mindone.diffusers.pipelines.stable_diffusion.stable_unclip_image_normalizer import (
        StableUnCLIPImageNormalizer,
    )

    return stable_diffusion(
        image_normalizer=StableUnCLIPImageNormalizer(embedding_dim=WIDTH),
        image_noising_scheduler=diffusers.DDPMScheduler(beta_schedule="squaredcos_cap_v2"),
        unet=text_unet(
            class_embed_type="projection",
            projection_class_embeddings_input_dim=2 * WIDTH,
            attention_head_dim=(2, 4),
        ),
    )


def _stable_unclip() -> Sample:
    prior = diffusers.PriorTransformer(
        num_attention_heads=2, attention_head_dim=12, embedding_dim=WIDTH, num_layers=1
    )
    scheduler = diffusers.DDPMScheduler(
        variance_type="fixed_small_log", prediction_type="sample", clip_sample=True, clip_sample_range=5.0
    )
    components = {
        **_unclip_base(),
        "prior_tokenizer": clip_tokenizer(),
        "prior_text_encoder": clip_text_projected(),
        "prior": prior,
        "prior_scheduler": scheduler,
    }
    return text_to_image(components, prior_num_inference_steps=2)


def _stable_unclip_image() -> Sample:
    components = {**_unclip_base(), "feature_extractor": clip_pictures(), "image_encoder": clip_vision()}
    return text_to_image(components, image=picture())


SAMPLES: Samples = {
    "StableDiffusionPipeline": lambda: text_to_image(stable_diffusion()),
    "StableDiffusionImg2ImgPipeline": lambda: image_to_image(stable_diffusion()),
    "StableDiffusionInpaintPipeline": lambda: inpainting(stable_diffusion()),
    "StableDiffusionDepth2ImgPipeline": _depth,
    "StableDiffusionUpscalePipeline": _upscale,
    "StableDiffusionLatentUpscalePipeline": _latent_upscale,
    "StableDiffusionInstructPix2PixPipeline": lambda: Sample(
        stable_diffusion(unet=text_unet(in_channels=8)), {"prompt": PROMPT, "image": picture()}
    ),
    "StableDiffusionImageVariationPipeline": _image_variation,
    "StableDiffusionSAGPipeline": lambda: text_to_image(stable_diffusion()),
    "StableDiffusionPanoramaPipeline": lambda: text_to_image(stable_diffusion(), width=2 * SIZE),
    "StableDiffusionPipelineSafe": lambda: text_to_image(stable_diffusion()),
    "StableDiffusionLDM3DPipeline": _depth_and_colour,
    "StableDiffusionAttendAndExcitePipeline": lambda: text_to_image(
        stable_diffusion(), token_indices=[2, 3], max_iter_to_alter=1, attn_res=(8, 8)
    ),
    "StableDiffusionDiffEditPipeline": _diff_edit,
    "StableDiffusionGLIGENPipeline": _gligen_text,
    "StableDiffusionGLIGENTextImagePipeline": _gligen_image,
    "StableDiffusionKDiffusionPipeline": lambda: k_diffusion(stable_diffusion),
    "StableDiffusionPAGPipeline": lambda: text_to_image(stable_diffusion()),
    "StableDiffusionPAGImg2ImgPipeline": lambda: image_to_image(stable_diffusion()),
    "StableDiffusionPAGInpaintPipeline": lambda: inpainting(stable_diffusion()),
    "StableUnCLIPPipeline": _stable_unclip,
    "StableUnCLIPImg2ImgPipeline": _stable_unclip_image,
    "LatentConsistencyModelPipeline": lambda: text_to_image(_consistency()),
    "LatentConsistencyModelImg2ImgPipeline": lambda: image_to_image(_consistency()),
    "LDMTextToImagePipeline": _bert,
    "PaintByExamplePipeline": _paint_by_example,
    "SemanticStableDiffusionPipeline": _semantic,
}
