"""Samples of depth, normals, solids and sound, and of pictures made of tokens."""

from __future__ import annotations

from functools import partial
from typing import Any

import mindspore as ms
import transformers
from mindone import diffusers
from mindone import transformers as networks

from harness.pipelines.mindone_coverage.components import (
    WIDTH,
    clip_pictures,
    clip_text_projected,
    ddim,
    text_unet,
    vae,
)
from harness.pipelines.mindone_coverage.pictures import mask, picture
from harness.pipelines.mindone_coverage.samples import SEED, SIZE, Sample, Samples
from harness.pipelines.mindone_coverage.stable_diffusion import PROMPT, stable_diffusion
from harness.pipelines.mindone_coverage.tokenizers import VOCABULARY, bert_tokenizer, clip_tokenizer


def _marigold(predicted: str, maps: int = 1, **settings: Any) -> Sample:
    components = stable_diffusion(
        unet=text_unet(in_channels=4 + 4 * maps, out_channels=4 * maps),
        scheduler=ddim(prediction_type="v_prediction"),
        prediction_type=predicted,
        **settings,
    )
    return Sample(components, {"image": picture(), "processing_resolution": 0})


def _intrinsics() -> Sample:
    properties = {
        "target_names": ["albedo", "roughness", "metallicity"],
        "albedo": {"prediction_space": "srgb", "up_to_scale": False},
        "roughness": {"prediction_space": "linear", "up_to_scale": False},
    }
    return _marigold("intrinsics", maps=2, target_properties={**properties, "target_names": ["a", "b"]})


def _shap_e(**seeing: Any) -> dict[str, Any]:
    from mindone.diffusers.pipelines.shap_e import ShapERenderer

    prior = diffusers.PriorTransformer(
        num_attention_heads=2,
        attention_head_dim=16,
        embedding_dim=WIDTH,
        num_embeddings=WIDTH,
        embedding_proj_dim=WIDTH,
        time_embed_dim=4 * WIDTH,
        num_layers=1,
        clip_embed_dim=2 * WIDTH,
        additional_embeddings=0,
        time_embed_act_fn="gelu",
        norm_in_type="layer",
        encoder_hid_proj_type=None,
        added_emb_type=None,
        **seeing,
    )
    renderer = ShapERenderer(
        param_shapes=((8, 93), (8, 8), (8, 8), (8, 8)),
        d_latent=WIDTH,
        d_hidden=8,
        n_output=12,
        background=(0.1, 0.1, 0.1),
    )
    scheduler = diffusers.HeunDiscreteScheduler(
        beta_schedule="exp",
        num_train_timesteps=1024,
        prediction_type="sample",
        use_karras_sigmas=True,
        clip_sample=True,
        clip_sample_range=1.0,
    )
    return {"prior": prior, "shap_e_renderer": renderer, "scheduler": scheduler}


def _solid_from_text() -> Sample:
    encoder = {"text_encoder": clip_text_projected(), "tokenizer": clip_tokenizer()}
    return Sample({**_shap_e(), **encoder}, {"prompt": PROMPT, "frame_size": 8})


def _solid_from_picture() -> Sample:
    config = transformers.CLIPVisionConfig(
        hidden_size=WIDTH,
        intermediate_size=37,
        projection_dim=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=4,
        image_size=SIZE,
        patch_size=8,
    )
    encoder = {"image_encoder": networks.CLIPVisionModel(config), "image_processor": clip_pictures()}
    components = {**_shap_e(embedding_proj_norm_type="layer"), **encoder}
    return Sample(components, {"image": picture(), "frame_size": 8})


def _amused(**arguments: Any) -> Sample:
    transformer = diffusers.UVit2DModel(
        hidden_size=8,
        use_bias=False,
        hidden_dropout=0.0,
        cond_embed_dim=8,
        micro_cond_encode_dim=2,
        micro_cond_embed_dim=10,
        encoder_hidden_size=8,
        vocab_size=32,
        codebook_size=8,
        in_channels=8,
        block_out_channels=8,
        num_res_blocks=1,
        downsample=True,
        upsample=True,
        block_num_heads=1,
        num_hidden_layers=1,
        num_attention_heads=1,
        attention_dropout=0.0,
        intermediate_size=8,
    )
    tokens = diffusers.VQModel(
        block_out_channels=(8, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=8,
        norm_num_groups=8,
        num_vq_embeddings=8,
        mid_block_add_attention=False,
        lookup_from_codebook=True,
    )
    components = {
        "transformer": transformer,
        "scheduler": diffusers.AmusedScheduler(mask_token_id=31),
        "vqvae": tokens,
        "text_encoder": clip_text_projected(hidden_size=8, projection_dim=8),
        "tokenizer": clip_tokenizer(),
    }
    # The steps draw with MindSpore's own operators, so the generator is MindSpore's too.
    generator = partial(ms.Generator().manual_seed, SEED)
    return Sample(components, {"prompt": PROMPT, **arguments}, generator=generator)


def _sound() -> Sample:
    text = transformers.ClapTextConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        intermediate_size=37,
        num_hidden_layers=2,
        num_attention_heads=4,
        projection_dim=WIDTH,
    )
    voice = transformers.SpeechT5HifiGanConfig(
        model_in_dim=8,
        sampling_rate=16_000,
        upsample_initial_channel=16,
        upsample_rates=[2, 2],
        upsample_kernel_sizes=[4, 4],
        resblock_kernel_sizes=[3, 7],
        resblock_dilation_sizes=[[1, 3, 5], [1, 3, 5]],
        normalize_before=False,
    )
    network = text_unet(
        block_out_channels=(32, 64),
        norm_num_groups=32,
        cross_attention_dim=(32, 64),
        class_embed_type="simple_projection",
        projection_class_embeddings_input_dim=WIDTH,
        class_embeddings_concat=True,
    )
    components = {
        "unet": network,
        "scheduler": ddim(),
        "vae": vae(in_channels=1, out_channels=1),
        "text_encoder": networks.ClapTextModelWithProjection(text).set_train(False),
        "tokenizer": bert_tokenizer(),
        "vocoder": networks.SpeechT5HifiGan(voice).set_train(False),
    }
    return Sample(components, {"prompt": PROMPT, "audio_length_in_s": 0.016})


SAMPLES: Samples = {
    "MarigoldDepthPipeline": lambda: _marigold("depth", scale_invariant=True, shift_invariant=True),
    "MarigoldNormalsPipeline": lambda: _marigold("normals", use_full_z_range=True),
    "MarigoldIntrinsicsPipeline": _intrinsics,
    "ShapEPipeline": _solid_from_text,
    "ShapEImg2ImgPipeline": _solid_from_picture,
    "AmusedPipeline": lambda: _amused(height=16, width=16),
    "AmusedImg2ImgPipeline": lambda: _amused(image=picture(16), strength=1.0),
    "AmusedInpaintPipeline": lambda: _amused(image=picture(16), mask_image=mask(16)),
    "AudioLDMPipeline": _sound,
}
