"""Probes: seeded random calls of schedulers, models and pipelines, none of which is in the suites.

A probe is drawn by its number alone. One that the sound code refuses, or whose result is not finite, is no
probe. A mutant counts as effective if one of them gives something else with it.
"""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.mindone_mutants.universe import SEED
from harness.cases.case import Case
from harness.cases.job import Job, SchedulerChoice

Arrays = list[np.ndarray]
# What a probe gives, and what it is in words.
Found = tuple[Arrays, str]
# Of the dtype's rounding: what moves by less is not told from rounding.
UNITS = 8.0

_FLAGS = (
    *("clip_sample", "thresholding", "set_alpha_to_one", "rescale_betas_zero_snr", "use_karras_sigmas"),
    *("use_exponential_sigmas", "use_beta_sigmas", "use_lu_lambdas", "use_flow_sigmas", "lower_order_final"),
    *("euler_at_final", "predict_x0", "skip_prk_steps", "invert_sigmas", "stochastic_sampling"),
)
_SETTINGS: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(_FLAGS, (False, True)),
    "num_train_timesteps": (1000, 400, 77),
    "beta_start": (0.0001, 0.00085),
    "beta_end": (0.02, 0.012),
    "beta_schedule": ("linear", "scaled_linear", "squaredcos_cap_v2"),
    "prediction_type": ("epsilon", "v_prediction", "sample"),
    "timestep_spacing": ("linspace", "leading", "trailing"),
    "steps_offset": (0, 1),
    "clip_sample_range": (1.0, 2.0),
    "sample_max_value": (1.0, 1.5),
    "dynamic_thresholding_ratio": (0.995, 0.9),
    "flow_shift": (1.0, 3.0),
    "shift": (1.0, 3.0),
    "final_sigmas_type": ("zero", "sigma_min"),
    "interpolation_type": ("linear", "log_linear"),
    "timestep_type": ("discrete", "continuous"),
    "algorithm_type": ("dpmsolver", "dpmsolver++", "sde-dpmsolver++"),
    "solver_type": ("midpoint", "heun", "bh1", "bh2", "logrho"),
    "solver_order": (1, 2, 3),
    "predictor_order": (1, 2, 3),
    "corrector_order": (1, 2, 3),
    "variance_type": ("fixed_small", "fixed_large", "fixed_small_log"),
    "sigma_schedule": ("karras", "exponential"),
}
_SHAPE = (2, 4, 6, 5)


@dataclass(frozen=True)
class Probe:
    """A call ``of`` something; ``kind`` is 'scheduler', 'model' or 'pipeline', and ``number`` draws it."""

    kind: str
    of: str
    number: int

    @property
    def name(self) -> str:
        return f"{self.kind} {self.of} {self.number}"

    def random(self) -> random.Random:
        return random.Random(f"{SEED} {self.name}")


def scheduler_result(probe: Probe) -> Found:
    """Return what a scheduler with random valid settings makes of a model that is a fixed function."""
    import mindspore as ms
    from mindone import diffusers

    rng = probe.random()
    kind = getattr(diffusers, probe.of)
    taken = inspect.signature(kind.__init__).parameters
    settings = {name: rng.choice(values) for name, values in _SETTINGS.items() if rng.random() < 0.4}
    settings = {name: value for name, value in settings.items() if name in taken}
    scheduler = kind(**settings)
    steps = rng.randint(2, 11)
    told = f"{probe.of}({_given(settings)}), {steps} steps"
    dtype = np.float16 if rng.random() < 0.2 else np.float32
    draws = np.random.Generator(np.random.PCG64(rng.randrange(2**32)))
    if rng.random() < 0.3 and "timesteps" in inspect.signature(scheduler.set_timesteps).parameters:
        chosen = sorted(rng.sample(range(1, int(scheduler.config.num_train_timesteps)), steps), reverse=True)
        scheduler.set_timesteps(timesteps=chosen)
    else:
        scheduler.set_timesteps(steps)
    original = draws.standard_normal(_SHAPE).astype(dtype)
    noise = draws.standard_normal(_SHAPE).astype(dtype)
    bias = draws.standard_normal(_SHAPE).astype(dtype)
    found: list[Any] = [scheduler.timesteps, getattr(scheduler, "sigmas", 0.0)]
    begin = rng.choice([0, 0, steps // 2])
    timesteps = scheduler.timesteps[begin:]
    if begin and hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(begin)
    sample = ms.Tensor(noise) * getattr(scheduler, "init_noise_sigma", 1.0)
    if begin and hasattr(scheduler, "add_noise"):
        sample = scheduler.add_noise(ms.Tensor(original), ms.Tensor(noise), timesteps[:1])
    accepted = inspect.signature(scheduler.step).parameters
    extra: dict[str, Any] = {"generator": draws} if "generator" in accepted else {}
    if "eta" in accepted:
        extra["eta"] = rng.choice([0.0, 0.7])
    for timestep in timesteps:
        given = sample
        if hasattr(scheduler, "scale_model_input"):
            given = scheduler.scale_model_input(sample, timestep)
        predicted = ms.Tensor((np.tanh(given.asnumpy() * 0.7) + 0.1 * bias).astype(dtype))
        sample = scheduler.step(predicted, timestep, sample, **extra, return_dict=False)[0]
        found.append(sample)
    if hasattr(scheduler, "get_velocity"):
        found.append(scheduler.get_velocity(ms.Tensor(original), ms.Tensor(noise), scheduler.timesteps[:2]))
    if hasattr(scheduler, "add_noise"):
        found.append(scheduler.add_noise(ms.Tensor(original), ms.Tensor(noise), scheduler.timesteps[:2]))
    return arrays(found), told


def _given(settings: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in sorted(settings.items()))


def scheduler_names() -> list[str]:
    """Return the names of all schedulers of mindone."""
    from mindone.diffusers import schedulers

    found = {name for names in schedulers._import_structure.values() for name in names}
    return sorted(name for name in found if name.endswith("Scheduler"))


def unet_2d(rng: random.Random) -> dict[str, Any]:
    blocks = rng.choice(["", "Attn", "Resnet", "Skip", "AttnSkip", "AttnDown"])
    down = {"Resnet": "ResnetDownsampleBlock2D", "AttnDown": "AttnDownBlock2D"}.get(
        blocks, f"{blocks}DownBlock2D"
    )
    up = {"Resnet": "ResnetUpsampleBlock2D", "AttnDown": "AttnUpBlock2D"}.get(blocks, f"{blocks}UpBlock2D")
    return {
        "in_channels": 3,
        "out_channels": 3,
        "layers_per_block": rng.choice([1, 2]),
        "block_out_channels": rng.choice([(8, 16), (16, 24)]),
        "down_block_types": ("DownBlock2D", down),
        "up_block_types": (up, "UpBlock2D"),
        "attention_head_dim": rng.choice([4, 8, None]),
        "norm_num_groups": rng.choice([4, 8]),
        "time_embedding_type": rng.choice(["positional", "fourier"]),
        "freq_shift": rng.choice([0, 1]),
        "flip_sin_to_cos": rng.random() < 0.5,
        "downsample_type": rng.choice(["conv", "resnet"]),
        "upsample_type": rng.choice(["conv", "resnet"]),
        "resnet_time_scale_shift": rng.choice(["default", "scale_shift"]),
        "center_input_sample": rng.random() < 0.3,
        "downsample_padding": rng.choice([0, 1]),
        "act_fn": rng.choice(["silu", "gelu", "mish"]),
        "add_attention": rng.random() < 0.7,
    }


def unet_2d_condition(rng: random.Random) -> dict[str, Any]:
    down, up = rng.choice(
        [
            ("CrossAttnDownBlock2D", "CrossAttnUpBlock2D"),
            ("SimpleCrossAttnDownBlock2D", "SimpleCrossAttnUpBlock2D"),
            ("KDownBlock2D", "KUpBlock2D"),
            ("KCrossAttnDownBlock2D", "KCrossAttnUpBlock2D"),
        ]
    )
    return {
        "in_channels": 4,
        "out_channels": 4,
        "layers_per_block": rng.choice([1, 2]),
        "block_out_channels": rng.choice([(8, 16), (16, 24)]),
        "down_block_types": rng.choice([("DownBlock2D", down), (down, "DownBlock2D")]),
        "up_block_types": rng.choice([("UpBlock2D", up), (up, "UpBlock2D")]),
        "mid_block_type": rng.choice(
            ["UNetMidBlock2DCrossAttn", "UNetMidBlock2DSimpleCrossAttn", "UNetMidBlock2D"]
        ),
        "attention_head_dim": rng.choice([4, 8]),
        "cross_attention_dim": 16,
        "norm_num_groups": 4,
        "transformer_layers_per_block": rng.choice([1, 2]),
        "use_linear_projection": rng.random() < 0.5,
        "only_cross_attention": rng.random() < 0.2,
        "dual_cross_attention": rng.random() < 0.1,
        "resnet_time_scale_shift": rng.choice(["default", "scale_shift"]),
        "time_embedding_type": rng.choice(["positional", "positional", "fourier"]),
        "timestep_post_act": rng.choice([None, "silu"]),
        "time_cond_proj_dim": None,
        "class_embed_type": rng.choice([None, None, "timestep", "projection", "simple_projection"]),
        "projection_class_embeddings_input_dim": 12,
        "resnet_skip_time_act": rng.random() < 0.2,
        "resnet_out_scale_factor": rng.choice([1.0, 1.4]),
        "encoder_hid_dim": rng.choice([None, None, 16]),
        "conv_in_kernel": rng.choice([3, 1]),
        "flip_sin_to_cos": rng.random() < 0.5,
        "act_fn": rng.choice(["silu", "gelu", "mish"]),
    }


def autoencoder(rng: random.Random) -> dict[str, Any]:
    return {
        "block_out_channels": rng.choice([(8, 16), (8, 8, 16)]),
        "down_block_types": None,
        "up_block_types": None,
        "latent_channels": rng.choice([3, 4]),
        "layers_per_block": rng.choice([1, 2]),
        "norm_num_groups": 4,
        "sample_size": 16,
        "mid_block_add_attention": rng.random() < 0.7,
        "use_quant_conv": rng.random() < 0.7,
        "use_post_quant_conv": rng.random() < 0.7,
        "act_fn": rng.choice(["silu", "mish"]),
    }


def asymmetric(rng: random.Random) -> dict[str, Any]:
    return {
        "down_block_types": ("DownEncoderBlock2D", "DownEncoderBlock2D"),
        "down_block_out_channels": (8, 16),
        "layers_per_down_block": rng.choice([1, 2]),
        "up_block_types": ("UpDecoderBlock2D", "UpDecoderBlock2D"),
        "up_block_out_channels": (8, 16),
        "layers_per_up_block": rng.choice([1, 2]),
        "norm_num_groups": 4,
        "sample_size": 16,
    }


def tiny(rng: random.Random) -> dict[str, Any]:
    return {
        "encoder_block_out_channels": (8, 8),
        "decoder_block_out_channels": (8, 8),
        "num_encoder_blocks": (1, rng.choice([1, 2])),
        "num_decoder_blocks": (rng.choice([1, 2]), 1),
        "act_fn": rng.choice(["relu", "silu"]),
        "upsampling_scaling_factor": 2,
    }


MODELS: dict[str, Callable[[random.Random], dict[str, Any]]] = {
    "UNet2DModel": unet_2d,
    "UNet2DConditionModel": unet_2d_condition,
    "AutoencoderKL": autoencoder,
    "AsymmetricAutoencoderKL": asymmetric,
    "AutoencoderTiny": tiny,
}


def model_result(probe: Probe) -> Found:
    """Return what a small model with a random configuration and random weights makes of random input."""
    import mindspore as ms
    from mindone import diffusers

    rng = probe.random()
    config = MODELS[probe.of](rng)
    if probe.of == "AutoencoderKL":
        depth = len(config["block_out_channels"])
        config |= {
            "down_block_types": ("DownEncoderBlock2D",) * depth,
            "up_block_types": ("UpDecoderBlock2D",) * depth,
        }
    model = getattr(diffusers, probe.of)(**config).set_train(False)
    told = f"{probe.of}({_given(config)})"
    draws = np.random.Generator(np.random.PCG64(rng.randrange(2**32)))
    for parameter in model.get_parameters():
        shape = parameter.shape
        value = draws.standard_normal(shape) / np.sqrt(max(1.0, np.prod(shape[1:])))
        parameter.set_data(ms.Tensor((value + (len(shape) == 1) * 0.5).astype(np.float32)))
    height, width = rng.choice([(8, 8), (8, 16), (16, 8)])

    def tensor(*shape: int) -> Any:
        return ms.Tensor(draws.standard_normal(shape).astype(np.float32))

    if "Autoencoder" in probe.of:
        x = tensor(2, 3, 2 * height, 2 * width)
        if rng.random() < 0.3 and hasattr(model, "enable_slicing"):
            model.enable_slicing()
        if rng.random() < 0.3 and hasattr(model, "enable_tiling"):
            model.enable_tiling()
        encoded = model.encode(x)[0]
        if probe.of != "AutoencoderTiny":
            moments = getattr(model, "diag_gauss_dist", None)
            latents = moments.mode(encoded) if moments is not None else encoded
            more = [moments.sample(encoded, generator=draws)] if moments is not None else []
        else:
            latents, more = encoded, []
        return arrays([encoded, *more, model.decode(latents)[0]]), told
    sample = tensor(2, config["in_channels"], height, width)
    timestep = rng.choice([ms.Tensor([7, 900]), rng.randrange(1000)])
    if probe.of == "UNet2DModel":
        return arrays([model(sample, timestep)[0]]), told
    more_given: dict[str, Any] = {}
    if config["class_embed_type"] is not None:
        labels = {"timestep": ms.Tensor([3, 11])}
        more_given["class_labels"] = labels.get(config["class_embed_type"], tensor(2, 12))
    if rng.random() < 0.4:
        more_given["encoder_attention_mask"] = ms.Tensor(np.arange(5) < np.array([[3], [5]]))
    return arrays([model(sample, timestep, tensor(2, 5, 16), **more_given)[0]]), told


_OPTIONS: dict[str, tuple[Any, ...]] = {
    "guidance_scale": (1.0, 3.0, 12.0),
    "guidance_rescale": (0.0, 0.6),
    "eta": (0.0, 0.8),
    "clip_skip": (None, 1),
    "negative_prompt": ("blurry", "a cat"),
    "strength": (0.4, 0.9),
    "clip_sample": (None,),
    "output_type": ("np", "np", "latent"),
    "control_guidance_end": (1.0, 0.6),
    "controlnet_conditioning_scale": (1.0, 0.4),
    "guess_mode": (False, True),
    "noise_level": (20, 50),
    "image_guidance_scale": (1.5, 1.0),
    "original_size": ((32, 32), (64, 48)),
    "crops_coords_top_left": ((0, 0), (8, 0)),
    "aesthetic_score": (6.0, 2.5),
    "denoising_end": (None, 0.7),
    "padding_mask_crop": (None, 4),
}
_SCHEDULERS = (
    *("DDIMScheduler", "DDPMScheduler", "PNDMScheduler", "EulerDiscreteScheduler", "LMSDiscreteScheduler"),
    *("EulerAncestralDiscreteScheduler", "HeunDiscreteScheduler", "DPMSolverMultistepScheduler"),
    *("UniPCMultistepScheduler", "DEISMultistepScheduler", "DPMSolverSinglestepScheduler"),
)
PROMPTS = ("two boats on a lake", "a green bird", "the snow in a forest at night, an oil painting of 1880")


def pipeline_job(probe: Probe, case: Case, taken: Any) -> Job:
    """Return a random variation of ``case``, whose pipeline takes the arguments ``taken``."""
    rng = probe.random()
    job = case.job()
    arguments = dict(job.arguments)
    if isinstance(arguments.get("prompt"), str):
        arguments["prompt"] = rng.choice(PROMPTS)
    for name, values in _OPTIONS.items():
        if name in taken and (name in arguments or rng.random() < 0.35):
            arguments[name] = rng.choice(values)
    if {"height", "width"} <= set(taken) and "image" not in arguments and rng.random() < 0.5:
        arguments["height"], arguments["width"] = rng.choice([(32, 48), (48, 32), (24, 40), (64, 32)])
    scheduler = job.scheduler
    if rng.random() < 0.4:
        scheduler = SchedulerChoice(rng.choice(_SCHEDULERS))
    return replace(
        job,
        name=probe.name.replace(" ", "/", 1),
        arguments=arguments,
        seeds=tuple(rng.randrange(1000, 9999) for _ in range(rng.choice([1, 1, 2]))),
        steps=None if job.steps is None else rng.randint(2, 7),
        scheduler=scheduler,
        dtype="float16" if rng.random() < 0.15 else "float32",
        singles=False,
        keep_latents=False,
    )


def told_of(job: Job) -> str:
    """Return in words how a pipeline is called."""
    scheduler = "" if job.scheduler is None else f", {job.scheduler.name or 'its scheduler'}"
    arguments = {name: value for name, value in job.arguments.items() if not isinstance(value, dict)}
    told = f"{job.pipeline}({_given(arguments)}), {job.steps} steps, {len(job.seeds)} seeds"
    return f"{told}{scheduler}, {job.dtype}"


def arrays(found: list[Any]) -> Arrays:
    return [
        each.float().asnumpy()
        if hasattr(each, "asnumpy") and "BFloat16" in str(each.dtype)
        else each.asnumpy()
        if hasattr(each, "asnumpy")
        else np.asarray(each)
        for each in found
    ]


def differs(sound: Arrays, other: Arrays) -> bool:
    """Return whether ``other`` is more than rounding away from ``sound``: its relative L2, or its form."""
    if len(sound) != len(other):
        return True
    for one, two in zip(sound, other, strict=True):
        if one.shape != two.shape or one.dtype != two.dtype:
            return True
        a, b = one.astype(np.float64), two.astype(np.float64)
        if not np.array_equal(np.isfinite(a), np.isfinite(b)):
            return True
        a, b = np.nan_to_num(a), np.nan_to_num(b)
        unit = np.finfo(one.dtype).eps if one.dtype.kind == "f" else np.finfo(np.float64).eps
        scale = float(np.linalg.norm(a)) or 1.0
        if float(np.linalg.norm(a - b)) > UNITS * float(unit) * scale:
            return True
    return False
