"""Pipelines with one mistake each, for benchmarks/causes.py: a factory for each, and ``sound``.

A mistake belongs to its pipeline and leaves classes and modules alone, so that pipelines with and without it
run in one worker. The worker imports this module from the folder of benchmarks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

# One value of a loaded parameter, and where the others sit.
CONV = "down_blocks.0.resnets.0.conv1"
ELSEWHERE = "up_blocks.1.resnets.0.conv2"


def _cell(model: Any, path: str) -> Any:
    return dict(model.cells_and_names())[path]


def _changed(parameter: Any, change: Callable[[Any], Any]) -> None:
    from mindspore import Tensor

    values = parameter.asnumpy().copy()
    parameter.set_data(Tensor(change(values).astype(values.dtype)))


def _with(owner: Any, **attributes: Any) -> None:
    """Give this object a class of its own, of the same name, with these attributes."""
    kind = type(owner)
    owner.__class__ = type(kind.__name__, (kind,), attributes)


def _calling(cell: Any, change: Callable[[tuple[Any, ...], dict[str, Any]], tuple[Any, Any]]) -> None:
    """Let callers of ``cell`` pass what ``change`` makes of their arguments."""
    kind = type(cell)

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = change(args, kwargs)
        # Looked up at every call, because what watches cells replaces it.
        return kind.__call__(self, *args, **kwargs)

    _with(cell, __call__=call)


def _parameter_element(pipeline: Any) -> None:
    def change(values: Any) -> Any:
        values.flat[0] = values.flat[0] * 1.5 + 0.01
        return values

    _changed(_cell(pipeline.unet, CONV).weight, change)


def _parameter_scaled(pipeline: Any) -> None:
    _changed(_cell(pipeline.unet, ELSEWHERE).weight, lambda values: values * 1.004)


def _alphas(pipeline: Any, change: Callable[[Any], Any]) -> None:
    from mindspore import Tensor

    table = pipeline.scheduler.alphas_cumprod
    values = change(table.asnumpy().copy())
    pipeline.scheduler.alphas_cumprod = Tensor(values.astype(np.float32))


def _scheduler_constant(pipeline: Any) -> None:
    def change(values: Any) -> Any:
        # Visited in the last of three steps, so the second one ends there: `steps_offset` is 1.
        values[1] *= 1 - 5e-4
        return values

    _alphas(pipeline, change)


def _table_in_float64(pipeline: Any) -> None:
    config = pipeline.scheduler.config
    count = config.num_train_timesteps
    betas = np.linspace(config.beta_start**0.5, config.beta_end**0.5, count, dtype=np.float64) ** 2
    _alphas(pipeline, lambda _: np.cumprod(1 - betas))


def _timestep(pipeline: Any) -> None:
    _calling(pipeline.unet, lambda args, kwargs: ((args[0], args[1] + 1, *args[2:]), kwargs))


def _guidance(pipeline: Any) -> None:
    kind = type(pipeline)
    _with(pipeline, guidance_scale=property(lambda self: kind.guidance_scale.fget(self) * 1.01))


def _mask(pipeline: Any) -> None:
    def change(args: Any, kwargs: Any) -> Any:
        mask = kwargs["attention_mask"].copy()
        mask[:, 2] = 0
        return args, {**kwargs, "attention_mask": mask}

    _calling(pipeline.text_encoder, change)


def _embeddings(pipeline: Any) -> None:
    sound = pipeline.encode_prompt

    def encode_prompt(*args: Any, **kwargs: Any) -> Any:
        return sound(*args, **{**kwargs, "clip_skip": 1})

    pipeline.encode_prompt = encode_prompt


def _noise(change: Callable[[Any], Any]) -> Callable[[Any], None]:
    def put(pipeline: Any) -> None:
        sound = pipeline.prepare_latents
        pipeline.prepare_latents = lambda *args, **kwargs: change(sound(*args, **kwargs))

    return put


def _rounded(latents: Any) -> Any:
    from mindspore import Tensor

    # To the mantissa of bfloat16, eight bits.
    bits = latents.asnumpy().astype(np.float32).view(np.uint32)
    return Tensor((bits & np.uint32(0xFFFF0000)).view(np.float32)).astype(latents.dtype)


def _state(pipeline: Any) -> None:
    sound = pipeline.prepare_latents
    calls: list[int] = []

    def prepare_latents(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        return sound(*args, **kwargs) * (1 if len(calls) == 1 else 1.01)

    pipeline.prepare_latents = prepare_latents


def _vae_eps(pipeline: Any) -> None:
    for _, cell in pipeline.vae.decoder.cells_and_names():
        if isinstance(getattr(cell, "eps", None), float):
            cell.eps *= 10


def _vae_scaling(pipeline: Any) -> None:
    pipeline.vae.register_to_config(scaling_factor=pipeline.vae.config.scaling_factor * 1.002)


def _image(change: Callable[[Any], Any]) -> Callable[[Any], None]:
    def put(pipeline: Any) -> None:
        sound = pipeline.image_processor.postprocess
        pipeline.image_processor.postprocess = lambda *args, **kwargs: change(sound(*args, **kwargs))

    return put


def _denormalise(pipeline: Any) -> None:
    pipeline.image_processor.denormalize = lambda images: (images * 0.4995 + 0.5).clamp(0, 1)


def _clamp(pipeline: Any) -> None:
    pipeline.image_processor.denormalize = lambda images: (images * 0.5 + 0.5).clamp(1e-3, 1 - 1e-3)


MISTAKES: dict[str, Callable[[Any], None]] = {
    "parameter-element": _parameter_element,
    "parameter-scaled": _parameter_scaled,
    "scheduler-constant": _scheduler_constant,
    "table-in-float64": _table_in_float64,
    "timestep": _timestep,
    "guidance": _guidance,
    "mask": _mask,
    "embeddings": _embeddings,
    "noise-scale": _noise(lambda latents: latents * 1.001),
    "noise-cast": _noise(_rounded),
    "state": _state,
    "vae-eps": _vae_eps,
    "vae-scaling": _vae_scaling,
    "denormalise": _denormalise,
    "clamp": _clamp,
    "uint8": _image(lambda image: (np.round(image * 255) / 255).astype(image.dtype)),
    "gamma": _image(lambda image: (image**1.01).astype(image.dtype)),
}


def sound(checkpoint: str, dtype: str, mode: str) -> Any:
    """Return mindone's Stable Diffusion with DDIM, and with the attention mask of the text."""
    import mindspore as ms
    from mindone.diffusers import DDIMScheduler, StableDiffusionPipeline

    del mode
    pipeline = StableDiffusionPipeline.from_pretrained(
        checkpoint, mindspore_dtype=getattr(ms, dtype), use_safetensors=True, local_files_only=True
    )
    pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
    pipeline.text_encoder.config.use_attention_mask = True
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _factory(put: Callable[[Any], None]) -> Callable[[str, str, str], Any]:
    def factory(checkpoint: str, dtype: str, mode: str) -> Any:
        pipeline = sound(checkpoint, dtype, mode)
        put(pipeline)
        return pipeline

    return factory


globals().update({name.replace("-", "_"): _factory(put) for name, put in MISTAKES.items()})
