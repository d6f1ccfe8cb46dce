"""Write what diffusers on torch computes for the parity with mindone: run it where torch and diffusers are.

    python tests/data/parity/mindone/make_reference.py

README.md beside it describes the file. It was written with the versions in its metadata.
"""

from __future__ import annotations

import inspect
import json
import platform
import sys
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
import transformers
from diffusers.pipelines.deprecated import unclip
from PIL import Image
from runs import (
    BETAS,
    COMPONENTS,
    PIPELINES,
    PROMPTS,
    SCHEDULER_SHAPE,
    SCHEDULER_STEPS,
    SCHEDULERS,
    SEED,
    Component,
    Pipeline,
    Scheduler,
    digest,
    predict,
    relative_l2,
    scheduler_bias,
)
from safetensors.numpy import save_file

HERE = Path(__file__).parent
CHECKPOINTS = HERE.parents[3] / "suites" / "mindone" / "checkpoints"
diffusers.pipelines.unclip = unclip  # where checkpoints look for UnCLIP's own model


class Noise:
    """Stands in for a generator: numpy's draws in float64, rounded; mindone's `randn_tensor` has the same.

    With `perturbed`, the first draw is moved by one unit in the last place, up or down at random.
    """

    def __init__(self, *, perturbed: bool = False) -> None:
        self._generator = np.random.Generator(np.random.PCG64(SEED))
        self._signs = np.random.Generator(np.random.PCG64(99)) if perturbed else None

    def draw(self, shape: tuple[int, ...]) -> np.ndarray:
        noise = self._generator.standard_normal(shape).astype(np.float32)
        if self._signs is not None:
            towards = np.where(self._signs.random(shape) < 0.5, -np.inf, np.inf)
            noise = np.nextafter(noise, towards.astype(np.float32))
            self._signs = None
        return noise


def randn_tensor(
    shape: tuple[int, ...], generator: Noise, device: Any = None, dtype: Any = None, layout: Any = None
) -> torch.Tensor:
    return torch.from_numpy(generator.draw(tuple(shape))).to(dtype)


def hand_in_noise() -> None:
    """Replace diffusers' `randn_tensor` in every module that has imported it."""
    for module in list(sys.modules.values()):
        if module.__name__.startswith("diffusers") and "randn_tensor" in vars(module):
            module.randn_tensor = randn_tensor


def main() -> None:
    torch.set_grad_enabled(False)
    tensors: dict[str, np.ndarray] = {"tokens": tokens()}
    moved: dict[str, float] = {}
    for name, component in COMPONENTS.items():
        tensors[name] = run_component(component, torch.float32)
        tensors[f"{name}, float64"] = run_component(component, torch.float64)
        print(f"{name}: {relative_l2(tensors[name], tensors[f'{name}, float64']):.1e} from float64")
    for name, pipeline in PIPELINES.items():
        tensors[name], perturbed = (run_pipeline(pipeline, perturbed=moves) for moves in (False, True))
        moved[name] = relative_l2(perturbed, tensors[name])
        edges = np.mean((tensors[name] == 0) | (tensors[name] == 1))
        print(f"{name}: moves by {moved[name]:.1e}; {edges:.3f} of it at 0 or 1")
    for name, scheduler in SCHEDULERS.items():
        tensors[name] = run_scheduler(scheduler)
        assert np.isfinite(tensors[name]).all(), name
    metadata = {
        "checkpoints_sha256": digest(CHECKPOINTS),
        "1_ulp_relative_l2": json.dumps(moved),
        "versions": json.dumps(
            {
                "torch": torch.__version__,
                "diffusers": diffusers.__version__,
                "transformers": transformers.__version__,
                "numpy": np.__version__,
                "python": platform.python_version(),
                "machine": platform.machine(),
            }
        ),
    }
    # save_file writes memory as it lies, and torch may lay an output out channels last.
    path = HERE / "reference.safetensors"
    save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, path, metadata)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def tokens() -> np.ndarray:
    tokenizer = transformers.CLIPTokenizer.from_pretrained(CHECKPOINTS / "stable-diffusion" / "tokenizer")
    return tokenizer(list(PROMPTS), padding="max_length", truncation=True, return_tensors="np").input_ids


def run_component(component: Component, dtype: torch.dtype) -> np.ndarray:
    kind = next(
        getattr(library, component.kind)
        for library in (diffusers, transformers, unclip)
        if hasattr(library, component.kind)
    )
    model = kind.from_pretrained(CHECKPOINTS / component.folder).eval().to(dtype)
    arguments = {name: to_torch(name, value, dtype) for name, value in component.arguments().items()}
    if component.call == "encode":
        return model.encode(**arguments).latent_dist.parameters.numpy()
    result = getattr(model, component.call)(**arguments)
    return (result if isinstance(result, tuple) else result.to_tuple())[component.output].numpy()


def to_torch(name: str, value: Any, dtype: torch.dtype) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    tensor = torch.from_numpy(value)
    if name == "attention_mask":
        return tensor.bool()
    return tensor.to(dtype) if tensor.is_floating_point() else tensor


def run_pipeline(run: Pipeline, *, perturbed: bool) -> np.ndarray:
    pipeline = getattr(diffusers, run.kind).from_pretrained(CHECKPOINTS / run.folder)
    if run.scheduler is not None:
        pipeline.scheduler = getattr(diffusers, run.scheduler).from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    hand_in_noise()
    arguments = dict(run.arguments)
    if run.picture is not None:
        arguments["image"] = Image.open(CHECKPOINTS / run.picture).convert("RGB")
    return pipeline(generator=Noise(perturbed=perturbed), output_type="np", **arguments).images


def run_scheduler(run: Scheduler) -> np.ndarray:
    kind = getattr(diffusers, run.kind)
    hand_in_noise()
    scheduler = kind.from_config(BETAS | run.settings)
    scheduler.set_timesteps(SCHEDULER_STEPS)
    noise, bias = Noise(), torch.from_numpy(scheduler_bias())
    extra = {"generator": noise} if "generator" in inspect.signature(scheduler.step).parameters else {}
    sample = torch.from_numpy(noise.draw(SCHEDULER_SHAPE)) * scheduler.init_noise_sigma
    for timestep in scheduler.timesteps:
        predicted = predict(scheduler.scale_model_input(sample, timestep), bias)
        sample = scheduler.step(predicted, timestep, sample, **extra, return_dict=False)[0]
    return sample.numpy()


if __name__ == "__main__":
    main()
