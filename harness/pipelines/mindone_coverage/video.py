"""Samples of pipelines for video on a convolutional UNet."""

from __future__ import annotations

from typing import Any

from mindone import diffusers

from harness.pipelines.mindone_coverage.components import (
    WIDTH,
    clip_pictures,
    clip_vision,
    ddim,
    text_unet,
    text_unet_config,
)
from harness.pipelines.mindone_coverage.controlnet import control_net
from harness.pipelines.mindone_coverage.pictures import picture, video
from harness.pipelines.mindone_coverage.samples import SIZE, Sample, Samples
from harness.pipelines.mindone_coverage.stable_diffusion import PROMPT, stable_diffusion
from harness.pipelines.mindone_coverage.stable_diffusion_xl import xl

_FRAMES = 2


def _motion() -> Any:
    return diffusers.MotionAdapter(
        block_out_channels=(8, 16),
        motion_layers_per_block=1,
        motion_norm_num_groups=4,
        motion_num_attention_heads=2,
    )


def _animated(**changes: Any) -> dict[str, Any]:
    return stable_diffusion(motion_adapter=_motion(), scheduler=ddim(beta_schedule="linear"), **changes)


def _sparse() -> Any:
    return diffusers.SparseControlNetModel(
        block_out_channels=(8, 16),
        layers_per_block=1,
        in_channels=4,
        conditioning_channels=3,
        norm_num_groups=4,
        down_block_types=("CrossAttnDownBlockMotion", "DownBlockMotion"),
        cross_attention_dim=WIDTH,
        conditioning_embedding_out_channels=(8, 8),
        concat_conditioning_mask=False,
        use_simplified_condition_embedding=False,
    )


def _volumetric() -> dict[str, Any]:
    config = text_unet_config(
        block_out_channels=(8, 16),
        attention_head_dim=4,
        down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"),
        up_block_types=("UpBlock3D", "CrossAttnUpBlock3D"),
    )
    return stable_diffusion(unet=diffusers.UNet3DConditionModel(**config))


def _image_to_video() -> Sample:
    unet = diffusers.I2VGenXLUNet(
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=2,
        sample_size=SIZE // 2,
        in_channels=4,
        out_channels=4,
        cross_attention_dim=WIDTH,
        attention_head_dim=4,
        down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"),
        up_block_types=("UpBlock3D", "CrossAttnUpBlock3D"),
    )
    components = stable_diffusion(unet=unet, image_encoder=clip_vision(), feature_extractor=clip_pictures())
    return _clip(components, image=picture())


def _stable_video() -> Sample:
    unet = diffusers.UNetSpatioTemporalConditionModel(
        block_out_channels=(32, 64),
        layers_per_block=1,
        sample_size=SIZE // 2,
        in_channels=8,
        out_channels=4,
        down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
        up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"),
        cross_attention_dim=WIDTH,
        num_attention_heads=8,
        projection_class_embeddings_input_dim=96,
        addition_time_embed_dim=32,
    )
    decoder = diffusers.AutoencoderKLTemporalDecoder(
        block_out_channels=(32, 64), down_block_types=("DownEncoderBlock2D",) * 2, latent_channels=4
    )
    scheduler = diffusers.EulerDiscreteScheduler(
        beta_schedule="scaled_linear", prediction_type="v_prediction", use_karras_sigmas=True
    )
    components = {
        "vae": decoder,
        "unet": unet,
        "scheduler": scheduler,
        "image_encoder": clip_vision(image_size=224, patch_size=56),
        "feature_extractor": clip_pictures(224),
    }
    return Sample(components, {"image": picture(), "height": SIZE, "width": SIZE, "num_frames": _FRAMES})


def _clip(components: dict[str, Any], **arguments: Any) -> Sample:
    size = {"height": SIZE, "width": SIZE, "num_frames": _FRAMES}
    return Sample(components, {"prompt": PROMPT, **size, **arguments})


def _edited(components: dict[str, Any], **arguments: Any) -> Sample:
    return Sample(components, {"prompt": PROMPT, "video": video(), "strength": 1.0, **arguments})


SAMPLES: Samples = {
    "AnimateDiffPipeline": lambda: _clip(_animated()),
    "AnimateDiffPAGPipeline": lambda: _clip(_animated()),
    "AnimateDiffControlNetPipeline": lambda: _clip(
        _animated(controlnet=control_net()), conditioning_frames=video()
    ),
    "AnimateDiffSparseControlNetPipeline": lambda: _clip(
        _animated(controlnet=_sparse()), conditioning_frames=video(1), controlnet_frame_indices=[0]
    ),
    "AnimateDiffVideoToVideoPipeline": lambda: _edited(_animated()),
    "AnimateDiffVideoToVideoControlNetPipeline": lambda: _edited(
        _animated(controlnet=control_net()), conditioning_frames=video()
    ),
    "AnimateDiffSDXLPipeline": lambda: _clip(xl(motion_adapter=_motion(), scheduler=ddim())),
    "PIAPipeline": lambda: _clip(_animated(unet=text_unet(in_channels=9)), image=picture()),
    "TextToVideoSDPipeline": lambda: _clip(_volumetric()),
    "VideoToVideoSDPipeline": lambda: _edited(_volumetric()),
    "I2VGenXLPipeline": _image_to_video,
    "StableVideoDiffusionPipeline": _stable_video,
}
