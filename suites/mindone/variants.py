"""A pipeline of mindone with components that no checkpoint here has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

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


picture_prompt = _factory("StableDiffusionPipeline", _with_picture_prompt)
