"""What is run on both sides: components on fixed inputs, and whole pipelines.

Plain data, so that the script for torch and the one for MindSpore can both import it. Folders are below
`suites/mindone/checkpoints`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

PROMPTS = ("a red fox in the snow", "An oil-painting of 3 boats: très calm lake!", "")
_TIMESTEPS = np.array([999, 250])


@dataclass(frozen=True)
class Component:
    """A model in `folder`, of class `kind`, and how it is called.

    `shapes` are those of its standard normal inputs by name, `inputs` other inputs. `call` is the method,
    and `output` what is taken from its result: an index.
    """

    folder: str
    kind: str
    shapes: dict[str, tuple[int, ...]]
    inputs: dict[str, Any] = field(default_factory=dict)
    call: str = "__call__"
    output: int = 0

    def arguments(self) -> dict[str, Any]:
        """Return all inputs; the draws follow the order of the names."""
        rng = np.random.Generator(np.random.PCG64(7))
        drawn = {name: rng.standard_normal(self.shapes[name]) for name in sorted(self.shapes)}
        return {name: value.astype(np.float32) for name, value in drawn.items()} | self.inputs


@dataclass(frozen=True)
class Pipeline:
    """A pipeline of class `kind` with the checkpoint in `folder`, and the arguments of its call."""

    folder: str
    kind: str
    arguments: dict[str, Any]
    scheduler: str | None = None
    picture: str | None = None


def _masks(tokens: int) -> np.ndarray:
    """Return what a tokenizer gives for one prompt of six tokens and one that fills up: [2, tokens] int64."""
    return (np.arange(tokens) < np.array([[6], [tokens]])).astype(np.int64)


def _ids() -> np.ndarray:
    """Return two prompts of different length, padded with the end's id: [2, 77] int64."""
    ids = np.full((2, 77), 639)
    ids[:, 0] = 638
    ids[0, 1:6] = (520, 3, 290, 611, 630)
    ids[1, 1:40] = np.arange(39) * 13 % 638
    return ids


COMPONENTS = {
    "UNet2DModel": Component(
        "ddim/unet", "UNet2DModel", {"sample": (2, 3, 16, 16)}, {"timestep": _TIMESTEPS}
    ),
    "UNet2DConditionModel": Component(
        "stable-diffusion/unet",
        "UNet2DConditionModel",
        {"sample": (2, 4, 16, 16), "encoder_hidden_states": (2, 77, 32)},
        {"timestep": _TIMESTEPS},
    ),
    "AutoencoderKL, encoder": Component(
        "stable-diffusion/vae", "AutoencoderKL", {"x": (2, 3, 32, 32)}, call="encode"
    ),
    "AutoencoderKL, decoder": Component(
        "stable-diffusion/vae", "AutoencoderKL", {"z": (2, 4, 16, 16)}, call="decode"
    ),
    "CLIPTextModel": Component("stable-diffusion/text_encoder", "CLIPTextModel", {}, {"input_ids": _ids()}),
    "CLIPTextModelWithProjection": Component(
        "unclip/text_encoder", "CLIPTextModelWithProjection", {}, {"input_ids": _ids()}
    ),
    "PriorTransformer": Component(
        "unclip/prior",
        "PriorTransformer",
        {"hidden_states": (2, 32), "proj_embedding": (2, 32), "encoder_hidden_states": (2, 77, 32)},
        {"timestep": _TIMESTEPS, "attention_mask": _masks(77)},
    ),
    "UnCLIPTextProjModel": Component(
        "unclip/text_proj",
        "UnCLIPTextProjModel",
        {
            "image_embeddings": (1, 32),
            "prompt_embeds": (2, 32),
            "text_encoder_hidden_states": (2, 77, 32),
        },
        {"do_classifier_free_guidance": True},
    ),
    "UNet2DConditionModel, UnCLIP's decoder": Component(
        "unclip/decoder",
        "UNet2DConditionModel",
        {"sample": (2, 3, 16, 16), "encoder_hidden_states": (2, 81, 32), "class_labels": (2, 64)},
        {"timestep": _TIMESTEPS, "attention_mask": _masks(81)},
    ),
    "UNet2DModel, super-resolution": Component(
        "unclip/super_res_first", "UNet2DModel", {"sample": (2, 6, 32, 32)}, {"timestep": _TIMESTEPS}
    ),
    "UNet2DModel, last of super-resolution": Component(
        "unclip/super_res_last", "UNet2DModel", {"sample": (2, 6, 32, 32)}, {"timestep": _TIMESTEPS}
    ),
}

_TEXT_TO_IMAGE = {
    "prompt": PROMPTS[0],
    "negative_prompt": "blurry, low quality",
    "guidance_scale": 7.5,
    "num_inference_steps": 10,
}
PIPELINES = {
    "DDIMPipeline": Pipeline("ddim", "DDIMPipeline", {"num_inference_steps": 10}),
    "DDIMPipeline, eta 0.5": Pipeline("ddim", "DDIMPipeline", {"num_inference_steps": 10, "eta": 0.5}),
    **{
        f"StableDiffusionPipeline, {scheduler}": Pipeline(
            "stable-diffusion", "StableDiffusionPipeline", _TEXT_TO_IMAGE, scheduler
        )
        for scheduler in (
            "DDIMScheduler",
            "PNDMScheduler",
            "EulerDiscreteScheduler",
            "DPMSolverMultistepScheduler",
        )
    },
    "StableDiffusionImg2ImgPipeline": Pipeline(
        "stable-diffusion",
        "StableDiffusionImg2ImgPipeline",
        {**_TEXT_TO_IMAGE, "strength": 0.6},
        picture="input.png",
    ),
    "UnCLIPPipeline": Pipeline(
        "unclip",
        "UnCLIPPipeline",
        {
            "prompt": PROMPTS[0],
            "prior_num_inference_steps": 5,
            "decoder_num_inference_steps": 5,
            "super_res_num_inference_steps": 5,
        },
    ),
}
SEED = 0  # of a pipeline's noise


@dataclass(frozen=True)
class Scheduler:
    """A scheduler of class `kind` with the betas of Stable Diffusion and these settings."""

    kind: str
    settings: dict[str, Any] = field(default_factory=dict)


BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}
SCHEDULER_STEPS = 10
SCHEDULER_SHAPE = (1, 4, 8, 8)


def _schedulers() -> dict[str, Scheduler]:
    with_sigmas = ("DEISMultistep", "DPMSolverMultistep", "DPMSolverSinglestep", "EulerDiscrete")
    with_sigmas += (
        "HeunDiscrete",
        "KDPM2AncestralDiscrete",
        "KDPM2Discrete",
        "UniPCMultistep",
    )
    spaced = ("DDIM", "DDPM", "DPMSolverMultistep", "EulerAncestralDiscrete", "EulerDiscrete")
    spaced += ("HeunDiscrete", "LCM", "PNDM", "UniPCMultistep")
    others = ("DDIMParallel", "DDPMParallel", "IPNDM", "SASolver")
    terminal = {
        "rescale_betas_zero_snr": True,
        "timestep_spacing": "trailing",
        "prediction_type": "v_prediction",
    }
    found = [(kind, {}) for kind in sorted({*with_sigmas, *spaced, *others})]
    found += [
        (kind, {f"use_{sigmas}_sigmas": True}) for kind in with_sigmas for sigmas in ("exponential", "karras")
    ]
    found += [(kind, {"prediction_type": "v_prediction"}) for kind in spaced]
    found += [
        (kind, {"timestep_spacing": spacing}) for kind in spaced for spacing in ("linspace", "trailing")
    ]
    found += [(kind, terminal) for kind in ("DDIM", "DDPM", "DPMSolverMultistep", "EulerAncestralDiscrete")]
    found += [
        (
            "DPMSolverMultistep",
            {"algorithm_type": algorithm, "solver_order": order, "final_sigmas_type": final},
        )
        for algorithm, final in (
            ("dpmsolver", "sigma_min"),
            ("dpmsolver++", "zero"),
            ("sde-dpmsolver++", "zero"),
        )
        for order in (1, 2, 3)
    ]
    found += [
        (kind, {"solver_order": 3}) for kind in ("DEISMultistep", "DPMSolverSinglestep", "UniPCMultistep")
    ]
    found += [
        ("DPMSolverMultistep", {"solver_type": "heun"}),
        ("DPMSolverMultistep", {"use_lu_lambdas": True}),
    ]
    found += [(kind, {"thresholding": True}) for kind in ("DDIM", "DDPM", "DPMSolverMultistep")]
    found += [("DDPM", {"variance_type": variance}) for variance in ("fixed_large", "fixed_small_log")]
    found += [("DDIM", {"beta_schedule": betas}) for betas in ("linear", "squaredcos_cap_v2")]
    found += [("PNDM", {"skip_prk_steps": False}), ("DDIM", {"clip_sample": True})]
    schedulers = {}
    for kind, settings in found:
        label = ", ".join(f"{key} {value}" for key, value in settings.items())
        schedulers[f"{kind}Scheduler, {label or 'as it is'}"] = Scheduler(f"{kind}Scheduler", settings)
    return schedulers


SCHEDULERS = _schedulers()


def predict(sample: Any, bias: Any) -> Any:
    """Stand in for a model: most of the noise, and a picture that does not depend on it."""
    return 0.9 * sample + 0.2 * bias


def scheduler_bias() -> np.ndarray:
    """Return the picture that :func:`predict` is given, float32."""
    return np.random.Generator(np.random.PCG64(3)).standard_normal(SCHEDULER_SHAPE).astype(np.float32)


def relative_l2(value: np.ndarray, reference: np.ndarray) -> float:
    """Return the L2 norm of the difference over that of `reference`."""
    reference = reference.astype(np.float64)
    return float(np.linalg.norm(value - reference) / np.linalg.norm(reference))


def digest(folder: Path) -> str:
    """Hash the paths and contents of the checkpoints' files."""
    sha256 = hashlib.sha256()
    for path in sorted(path for path in folder.glob("*/*/*") if path.is_file()):
        sha256.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return sha256.hexdigest()
