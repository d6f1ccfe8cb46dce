"""Samples of control nets and adapters on Stable Diffusion."""

from __future__ import annotations

from typing import Any

from mindone import diffusers

from harness.pipelines.mindone_coverage.components import ddim, text_unet, text_unet_config
from harness.pipelines.mindone_coverage.pictures import picture
from harness.pipelines.mindone_coverage.samples import Sample, Samples
from harness.pipelines.mindone_coverage.stable_diffusion import (
    image_to_image,
    inpainting,
    stable_diffusion,
    text_to_image,
)


def control_net_config(**changes: Any) -> dict[str, Any]:
    """Return the configuration of a control net beside :func:`text_unet`."""
    beside = text_unet_config(conditioning_embedding_out_channels=(4, 8), **changes)
    return {name: value for name, value in beside.items() if name not in ("sample_size", "up_block_types")}


def control_net() -> Any:
    """Return a control net that halves the sides of a picture of 32 pixels."""
    return diffusers.ControlNetModel(**control_net_config())


def adapter() -> Any:
    """Return a T2I adapter whose features fit :func:`text_unet`'s down blocks."""
    return diffusers.T2IAdapter(
        in_channels=3, channels=[8, 16], num_res_blocks=1, downscale_factor=2, adapter_type="full_adapter"
    )


def adapted_unet_config() -> dict[str, Any]:
    """Return what a UNet needs for an adapter's first features: they join attention before it downsamples."""
    return {
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
    }


def _controlled() -> dict[str, Any]:
    return stable_diffusion(controlnet=control_net())


def _cross_over() -> Sample:
    network = text_unet(layers_per_block=2)
    side = diffusers.ControlNetXSAdapter.from_unet(
        network, size_ratio=0.5, learn_time_embedding=True, conditioning_embedding_out_channels=(2, 2)
    )
    return text_to_image(stable_diffusion(unet=network, controlnet=side), image=picture())


SAMPLES: Samples = {
    "StableDiffusionControlNetPipeline": lambda: text_to_image(_controlled(), image=picture()),
    "StableDiffusionControlNetImg2ImgPipeline": lambda: image_to_image(
        _controlled(), control_image=picture()
    ),
    "StableDiffusionControlNetInpaintPipeline": lambda: inpainting(_controlled(), control_image=picture()),
    "StableDiffusionControlNetPAGPipeline": lambda: text_to_image(_controlled(), image=picture()),
    "StableDiffusionControlNetPAGInpaintPipeline": lambda: inpainting(_controlled(), control_image=picture()),
    "StableDiffusionControlNetXSPipeline": _cross_over,
    "StableDiffusionAdapterPipeline": lambda: text_to_image(
        stable_diffusion(adapter=adapter(), unet=text_unet(**adapted_unet_config())), image=picture()
    ),
    "TextToVideoZeroPipeline": lambda: text_to_image(
        stable_diffusion(scheduler=ddim()), video_length=2, t0=0, t1=1
    ),
}
