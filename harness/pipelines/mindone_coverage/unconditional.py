"""Samples of pipelines that no text conditions."""

from __future__ import annotations

from typing import Any

from mindone import diffusers

from harness.pipelines.mindone_coverage.components import ddim, unet, vae
from harness.pipelines.mindone_coverage.pictures import picture
from harness.pipelines.mindone_coverage.samples import SIZE, Sample, Samples


def _dit() -> Sample:
    transformer = diffusers.DiTTransformer2DModel(
        sample_size=SIZE // 2,
        num_layers=2,
        patch_size=4,
        attention_head_dim=8,
        num_attention_heads=2,
        in_channels=4,
        out_channels=8,
        attention_bias=True,
        activation_fn="gelu-approximate",
        num_embeds_ada_norm=1000,
        norm_type="ada_norm_zero",
        norm_elementwise_affine=False,
    )
    components = {"transformer": transformer, "vae": vae(), "scheduler": ddim()}
    return Sample(components, {"class_labels": [1]})


def _super_resolution() -> Sample:
    vq = diffusers.VQModel(
        block_out_channels=(8, 16),
        norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=3,
    )
    components = {"vqvae": vq, "unet": unet(in_channels=6, out_channels=3), "scheduler": ddim()}
    return Sample(components, {"image": picture()})


def _dance() -> Sample:
    network = diffusers.UNet1DModel(
        block_out_channels=(32, 32, 64),
        extra_in_channels=16,
        sample_size=512,
        sample_rate=16_000,
        in_channels=2,
        out_channels=2,
        flip_sin_to_cos=True,
        use_timestep_embedding=False,
        time_embedding_type="fourier",
        mid_block_type="UNetMidBlock1D",
        down_block_types=("DownBlock1DNoSkip", "DownBlock1D", "AttnDownBlock1D"),
        up_block_types=("AttnUpBlock1D", "UpBlock1D", "UpBlock1DNoSkip"),
    )
    return Sample({"unet": network, "scheduler": diffusers.IPNDMScheduler()})


def _noise_to_picture(scheduler: Any, **changes: Any) -> Sample:
    return Sample({"unet": unet(**changes), "scheduler": scheduler})


SAMPLES: Samples = {
    "DDIMPipeline": lambda: _noise_to_picture(ddim()),
    "DDPMPipeline": lambda: _noise_to_picture(diffusers.DDPMScheduler()),
    "ConsistencyModelPipeline": lambda: _noise_to_picture(
        diffusers.CMStochasticIterativeScheduler(num_train_timesteps=40, sigma_min=0.002, sigma_max=80.0)
    ),
    "DanceDiffusionPipeline": _dance,
    "DiTPipeline": _dit,
    "LDMSuperResolutionPipeline": _super_resolution,
}
