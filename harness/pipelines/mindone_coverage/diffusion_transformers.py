"""Samples of pictures and video by diffusion transformers under T5, BERT or both."""

from __future__ import annotations

from typing import Any

import transformers
from mindone import diffusers
from mindone import transformers as networks

from harness.pipelines.mindone_coverage.components import WIDTH, ddim, t5, vae
from harness.pipelines.mindone_coverage.pictures import noise, picture, video
from harness.pipelines.mindone_coverage.samples import SIZE, Sample, Samples
from harness.pipelines.mindone_coverage.stable_diffusion import PROMPT
from harness.pipelines.mindone_coverage.tokenizers import VOCABULARY, bert_tokenizer, t5_tokenizer

_FRAMES = 5
_NORM = {"norm_type": "ada_norm_single", "norm_elementwise_affine": False, "norm_eps": 1e-6}


def _text(length: int = 16) -> dict[str, Any]:
    return {"text_encoder": t5(), "tokenizer": t5_tokenizer(length)}


def _sample(components: dict[str, Any], **arguments: Any) -> Sample:
    return Sample(components, {"prompt": PROMPT, "height": SIZE, "width": SIZE, **arguments})


def _pixart(**changes: Any) -> Sample:
    transformer = diffusers.PixArtTransformer2DModel(
        sample_size=SIZE // 2,
        num_layers=2,
        patch_size=2,
        attention_head_dim=8,
        num_attention_heads=3,
        caption_channels=WIDTH,
        in_channels=4,
        cross_attention_dim=24,
        out_channels=8,
        num_embeds_ada_norm=1000,
        use_additional_conditions=False,
        **_NORM,
    )
    components = {**_text(), "transformer": transformer, "vae": vae(), "scheduler": ddim()}
    uncleaned = {"clean_caption": False, "use_resolution_binning": False, "max_sequence_length": 16}
    return _sample(components, **uncleaned, **changes)


def _hunyuan() -> Sample:
    transformer = diffusers.HunyuanDiT2DModel(
        sample_size=SIZE // 2,
        num_layers=2,
        patch_size=2,
        attention_head_dim=8,
        num_attention_heads=3,
        in_channels=4,
        cross_attention_dim=WIDTH,
        cross_attention_dim_t5=WIDTH,
        pooled_projection_dim=16,
        hidden_size=24,
        activation_fn="gelu-approximate",
    )
    config = transformers.BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=37,
    )
    components = {
        "text_encoder": networks.BertModel(config).set_train(False),
        "tokenizer": bert_tokenizer(),
        "text_encoder_2": t5(),
        "tokenizer_2": t5_tokenizer(256),
        "transformer": transformer.set_train(False),
        "vae": vae(
            block_out_channels=(8, 8, 8, 16),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
        ),
        "scheduler": diffusers.DDPMScheduler(),
    }
    return _sample(components, use_resolution_binning=False)


def _latte() -> Sample:
    transformer = diffusers.LatteTransformer3DModel(
        sample_size=SIZE // 2,
        num_layers=1,
        patch_size=2,
        attention_head_dim=8,
        num_attention_heads=3,
        caption_channels=WIDTH,
        in_channels=4,
        cross_attention_dim=24,
        out_channels=8,
        attention_bias=True,
        activation_fn="gelu-approximate",
        num_embeds_ada_norm=1000,
        video_length=2,
        **_NORM,
    )
    components = {**_text(), "transformer": transformer, "vae": vae(), "scheduler": ddim()}
    return _sample(components, video_length=2, clean_caption=False)


def _cog_video(in_channels: int = 4, **arguments: Any) -> Sample:
    transformer = diffusers.CogVideoXTransformer3DModel(
        num_attention_heads=4,
        attention_head_dim=8,
        in_channels=in_channels,
        out_channels=4,
        time_embed_dim=2,
        text_embed_dim=WIDTH,
        num_layers=1,
        sample_width=2,
        sample_height=2,
        sample_frames=9,
        patch_size=2,
        temporal_compression_ratio=4,
        max_text_seq_length=16,
    )
    components = {
        **_text(),
        "transformer": transformer,
        "vae": _video_vae("CogVideoX", layers_per_block=1),
        "scheduler": diffusers.CogVideoXDDIMScheduler(),
    }
    return _sample(components, height=16, width=16, max_sequence_length=16, **arguments)


def _allegro() -> Sample:
    transformer = diffusers.AllegroTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=4,
        out_channels=4,
        num_layers=1,
        cross_attention_dim=24,
        sample_width=8,
        sample_height=8,
        sample_frames=8,
        caption_channels=WIDTH,
    )
    decoder = _video_vae("Allegro", layers_per_block=1)
    decoder.enable_tiling()  # it decodes in no other way
    components = {**_text(), "transformer": transformer, "vae": decoder, "scheduler": ddim()}
    return _sample(components, height=16, width=16, num_frames=8, max_sequence_length=16, clean_caption=False)


def _video_vae(family: str, **changes: Any) -> Any:
    return getattr(diffusers, f"AutoencoderKL{family}")(
        in_channels=3,
        out_channels=3,
        down_block_types=(f"{family}DownBlock3D",) * 4,
        up_block_types=(f"{family}UpBlock3D",) * 4,
        block_out_channels=(8, 8, 8, 8),
        latent_channels=4,
        norm_num_groups=2,
        temporal_compression_ratio=4,
        **changes,
    )


def _aura() -> Sample:
    transformer = diffusers.AuraFlowTransformer2DModel(
        sample_size=SIZE // 2,
        patch_size=2,
        in_channels=4,
        num_mmdit_layers=1,
        num_single_dit_layers=1,
        attention_head_dim=8,
        num_attention_heads=4,
        caption_projection_dim=WIDTH,
        joint_attention_dim=WIDTH,
        out_channels=4,
        pos_embed_max_size=256,
    )
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler()
    components = {**_text(), "transformer": transformer, "vae": vae(), "scheduler": scheduler}
    return _sample(components, max_sequence_length=16)


def _wan(**changes: Any) -> dict[str, Any]:
    transformer = diffusers.WanTransformer3DModel(
        patch_size=(1, 2, 2),
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=16,
        out_channels=16,
        text_dim=WIDTH,
        freq_dim=256,
        ffn_dim=32,
        num_layers=2,
        cross_attn_norm=True,
        qk_norm="rms_norm_across_heads",
        rope_max_seq_len=32,
    )
    decoder = diffusers.AutoencoderKLWan(
        base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True]
    )
    encoder = networks.UMT5EncoderModel(
        transformers.UMT5Config(
            vocab_size=VOCABULARY, d_model=WIDTH, d_kv=8, d_ff=37, num_layers=2, num_heads=4
        )
    )
    components = {
        "text_encoder": encoder.set_train(False),
        "tokenizer": t5_tokenizer(),
        "transformer": transformer,
        "vae": decoder,
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(shift=7.0),
    }
    return {**components, **changes}


def _embedded(components: dict[str, Any], **arguments: Any) -> Sample:
    # Embeddings in the prompt's place: cleaning a prompt needs the package ftfy.
    embeddings = {"prompt_embeds": noise(1, 16, WIDTH), "negative_prompt_embeds": noise(1, 16, WIDTH, seed=1)}
    return _sample(components, **{"prompt": None, **embeddings, **arguments})


SAMPLES: Samples = {
    "PixArtAlphaPipeline": _pixart,
    "PixArtSigmaPipeline": _pixart,
    "PixArtSigmaPAGPipeline": _pixart,
    "HunyuanDiTPipeline": _hunyuan,
    "HunyuanDiTPAGPipeline": _hunyuan,
    "LattePipeline": _latte,
    "CogVideoXPipeline": lambda: _cog_video(num_frames=8),
    "CogVideoXVideoToVideoPipeline": lambda: _cog_video(video=video(8, 16), strength=1.0),
    "CogVideoXFunControlPipeline": lambda: _cog_video(in_channels=8, control_video=video(8, 16)),
    "CogVideoXImageToVideoPipeline": lambda: _cog_video(in_channels=8, num_frames=8, image=picture(16)),
    "AllegroPipeline": _allegro,
    "AuraFlowPipeline": _aura,
    "WanPipeline": lambda: _embedded(_wan(), num_frames=_FRAMES),
    "WanVideoToVideoPipeline": lambda: _embedded(_wan(), video=video(_FRAMES)),
}
