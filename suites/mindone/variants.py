"""Pipelines of mindone with components that no checkpoint here has: `variants.yaml` says what each is for."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from suites.mindone.classes.weights import draw

Factory = Callable[[str, str, str], Any]
_CLASSES = Path(__file__).parent / "classes" / "checkpoints"


def _factory(name: str, *changes: Callable[[Any, str], None]) -> Factory:
    """Return a factory that loads a checkpoint as mindone's class ``name`` and makes ``changes`` to it."""

    def make(checkpoint: str, dtype: str, _mode: str) -> Any:
        import mindspore as ms
        from mindone import diffusers

        pipeline = getattr(diffusers, name).from_pretrained(
            checkpoint,
            mindspore_dtype=getattr(ms, dtype),
            use_safetensors=True,
            local_files_only=True,
        )
        pipeline.set_progress_bar_config(disable=True)
        for change in changes:
            change(pipeline, dtype)
        return pipeline

    return make


def _as_pictures(pipeline: Any, _dtype: str) -> None:
    """Let ``pipeline`` return pictures, the only thing that it may if it pads a mask, as an array."""
    kind = type(pipeline)

    @functools.wraps(kind.__call__)
    def call(self: Any, **given: Any) -> Any:
        pictures, *_ = kind.__call__(self, **{**given, "output_type": "pil"})
        return (np.stack([np.asarray(each, np.float32) / 255 for each in pictures]),)

    pipeline.__class__ = type(kind.__name__, (kind,), {"__call__": call, "__module__": kind.__module__})


def _two_controls(pipeline: Any, _dtype: str) -> None:
    """Give ``pipeline`` its control net twice, with a factor for each."""
    from mindone.diffusers.models.controlnets.multicontrolnet import MultiControlNetModel

    pipeline.register_modules(controlnet=MultiControlNetModel([pipeline.controlnet, pipeline.controlnet]))


def _with_picture_prompt(pipeline: Any, dtype: str) -> None:
    """Give ``pipeline`` an IP-Adapter, and what encodes its picture."""
    import mindspore as ms
    from mindone.transformers import CLIPVisionModelWithProjection
    from transformers import CLIPImageProcessor

    folder = _CLASSES / "stable-diffusion-image-variation"
    encoder = CLIPVisionModelWithProjection.from_pretrained(
        str(folder / "image_encoder"), mindspore_dtype=getattr(ms, dtype), local_files_only=True
    )
    extractor = CLIPImageProcessor.from_pretrained(str(folder / "feature_extractor"))
    pipeline.register_modules(image_encoder=encoder, feature_extractor=extractor)
    width, channels = pipeline.unet.config.cross_attention_dim, encoder.config.projection_dim
    projection = {"proj.weight": [4 * width, channels], "proj.bias": [4 * width]}
    projection |= {"norm.weight": [width], "norm.bias": [width]}
    crossing = [each for each in pipeline.unet.attn_processors if each.endswith("attn2.processor")]
    attention = {
        f"{1 + 2 * index}.to_{what}_ip.weight": [_width_of(pipeline.unet.config, name), width]
        for index, name in enumerate(crossing)
        for what in "kv"
    }
    pipeline.load_ip_adapter(
        {"image_proj": _drawn("image_proj", projection), "ip_adapter": _drawn("ip_adapter", attention)},
        subfolder="",
        weight_name="",
    )
    pipeline.unet.to(getattr(ms, dtype))


def _unet(**config: Any) -> Callable[[Any, str], None]:
    """Return a change that puts a UNet with another configuration in place of a pipeline's."""

    def change(pipeline: Any, dtype: str) -> None:
        import mindspore as ms

        kind = type(pipeline.unet)
        with ms.nn.no_init_parameters():
            unet = kind.from_config({**pipeline.unet.config, **config})
        _fill(unet, f"unet {sorted(config)}")
        pipeline.register_modules(unet=unet.to(getattr(ms, dtype)).set_train(False))

    return change


def _scores(pipeline: Any, _dtype: str) -> None:
    """Let ``pipeline`` tell its UNet a score of beauty in place of a size, as SDXL's refiner does."""
    pipeline.register_to_config(requires_aesthetics_score=True)


def _fill(network: Any, seed: str) -> None:
    import mindspore as ms

    parameters = dict(network.parameters_and_names())
    for name, values in draw(seed, {key: list(each.shape) for key, each in parameters.items()}).items():
        parameters[name].set_data(ms.Tensor(values, parameters[name].dtype))


def _drawn(seed: str, shapes: dict[str, list[int]]) -> dict[str, Any]:
    import mindspore as ms

    return {name: ms.Parameter(ms.Tensor(each), name=name) for name, each in draw(seed, shapes).items()}


def _width_of(config: Any, processor: str) -> int:
    """Return the number of channels where ``processor``, a name in a UNet, is."""
    channels = list(config.block_out_channels)
    block, index, *_ = processor.split(".")
    if block == "mid_block":
        return int(channels[-1])
    return int((channels if block == "down_blocks" else channels[::-1])[int(index)])


_refiner = _unet(projection_class_embeddings_input_dim=5 * 8 + 32)
_inpainting = _unet(in_channels=9)

picture_prompt = _factory("StableDiffusionPipeline", _with_picture_prompt)
inpaint_nine = _factory("StableDiffusionInpaintPipeline", _inpainting)
inpaint_padded = _factory("StableDiffusionInpaintPipeline", _as_pictures)
xl_picture_prompt = _factory("StableDiffusionXLPipeline", _with_picture_prompt)
xl_inpaint_nine = _factory("StableDiffusionXLInpaintPipeline", _inpainting)
xl_inpaint_padded = _factory("StableDiffusionXLInpaintPipeline", _refiner, _scores, _as_pictures)
two_controls = _factory("StableDiffusionControlNetPipeline", _two_controls)
two_controls_img2img = _factory("StableDiffusionControlNetImg2ImgPipeline", _two_controls)
control_inpaint_padded = _factory("StableDiffusionControlNetInpaintPipeline", _as_pictures)
control_picture_prompt = _factory("StableDiffusionControlNetPipeline", _with_picture_prompt)
xl_two_controls = _factory("StableDiffusionXLControlNetPipeline", _two_controls)
xl_control_inpaint_padded = _factory("StableDiffusionXLControlNetInpaintPipeline", _as_pictures)
