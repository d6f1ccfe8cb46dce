"""Write what diffusers computes for the parity tests: run it where torch and diffusers are installed.

    python benchmarks/parity/make_reference.py tests/data/parity [architecture ...]

tests/data/parity/README.md describes the files. They were written with the versions in their metadata.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import platform
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import diffusers
import numpy as np
import torch
from architectures import ARCHITECTURES, labels
from diffusers import DDIMScheduler, UNet2DModel
from safetensors.numpy import save_file

WEIGHTS_SEED = 1234
SAMPLE_SEED = 7
NOISE_SEED = 0
TIMESTEPS = (999, 250)
STEPS = 50


def main(folder: Path, names: list[str]) -> None:
    torch.set_grad_enabled(False)
    for name in names or list(ARCHITECTURES):
        tensors, metadata = reference(ARCHITECTURES[name])
        path = folder / f"{name}.safetensors"
        save_file(tensors, path, metadata)
        print(
            f"{path}: {path.stat().st_size / 1000:.0f} kB",
            {key: metadata[key] for key in metadata if "_l2" in key},
        )


def reference(config: dict[str, Any]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Run one architecture in float32 and float64; returns the file's tensors and metadata."""
    model = UNet2DModel.from_config({**config, "_diffusers_version": diffusers.__version__}).eval()
    if config.get("class_embed_type") == "timestep":
        # diffusers gives float32 to this layer, whatever its dtype.
        model.class_embedding.register_forward_pre_hook(lambda _, given: given[0].to(model.dtype))
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    state = load_seeded(model, shapes, denoising=True)
    size = config["sample_size"]
    shape = (config.get("in_channels", 3), *(size if isinstance(size, list) else (size, size)))
    sample = draw(SAMPLE_SEED, (len(TIMESTEPS), *shape))
    noise = draw(NOISE_SEED, (1, *shape))
    signs = np.where(np.random.Generator(np.random.PCG64(99)).random(noise.shape) < 0.5, -np.inf, np.inf)
    moved = np.nextafter(noise, signs.astype(np.float32))

    timesteps = torch.tensor(TIMESTEPS)
    given = labels(config)
    classes = None if given is None else torch.tensor(given)
    # DDIM reaches timestep 0, of which there is no logarithm.
    samples = config.get("time_embedding_type") != "fourier"
    output = model(torch.from_numpy(sample), timesteps, classes).sample
    if samples:
        latents, largest = ddim(model, torch.from_numpy(noise), classes)
        moved_latents, _ = ddim(model, torch.from_numpy(moved), classes)
    model.double()
    wide = classes.double() if classes is not None and classes.is_floating_point() else classes
    output_true = model(torch.from_numpy(sample).double(), timesteps, wide).sample
    if samples:
        latents_true, _ = ddim(model, torch.from_numpy(noise).double(), wide)
    load_seeded(model.float(), shapes, denoising=False)
    output_random = model(torch.from_numpy(sample), timesteps, classes).sample

    tensors = {
        "sample": sample,
        "timesteps": np.asarray(TIMESTEPS, np.int64),
        "output": output.numpy(),
        "output_float64": output_true.numpy(),
        "output_random_weights": output_random.numpy(),
    }
    if classes is not None:
        tensors["class_labels"] = classes.numpy()
    metadata = {
        "config": json.dumps(config),
        "weights_seed": str(WEIGHTS_SEED),
        "weights_sha256": digest(state),
        "output_own_error_relative_l2": f"{relative_l2(output.numpy(), output_true.numpy()):.3g}",
        "versions": json.dumps(
            {
                "torch": torch.__version__,
                "diffusers": diffusers.__version__,
                "numpy": np.__version__,
                "python": platform.python_version(),
                "machine": platform.machine(),
            }
        ),
    }
    if samples:
        tensors |= {"ddim_image": image(latents), "ddim_image_float64": image(latents_true)}
        metadata |= {
            "ddim_steps": str(STEPS),
            "ddim_noise_seed": str(NOISE_SEED),
            "ddim_largest_latent": f"{largest:.3g}",
            "ddim_saturated": f"{np.mean(np.abs(image(latents) - 0.5) == 0.5):.3g}",
            "ddim_1_ulp_relative_l2": f"{relative_l2(image(moved_latents), image(latents)):.3g}",
            "ddim_own_error_relative_l2": f"{relative_l2(image(latents), image(latents_true)):.3g}",
        }
    # save_file writes memory as it lies, and torch may lay an output out channels last.
    return {key: np.ascontiguousarray(value) for key, value in tensors.items()}, metadata


def load_seeded(
    model: UNet2DModel, shapes: dict[str, tuple[int, ...]], *, denoising: bool
) -> dict[str, np.ndarray]:
    state: dict[str, np.ndarray] = seeded().seeded_state(shapes, WEIGHTS_SEED, denoising=denoising)
    model.load_state_dict({key: torch.from_numpy(value) for key, value in state.items()}, strict=True)
    return state


def ddim(
    model: UNet2DModel, latents: torch.Tensor, classes: torch.Tensor | None
) -> tuple[torch.Tensor, float]:
    """Sample with eta 0, of the first class; returns the final latents and their largest magnitude ever."""
    one = None if classes is None else classes[:1]
    scheduler = DDIMScheduler(
        num_train_timesteps=1000, beta_start=0.0001, beta_end=0.02, beta_schedule="linear", clip_sample=True
    )
    scheduler.set_timesteps(STEPS)
    largest = 0.0
    for timestep in scheduler.timesteps:
        predicted = model(latents, timestep, one).sample
        latents = scheduler.step(predicted, timestep, latents, eta=0.0).prev_sample
        largest = max(largest, float(latents.abs().max()))
    return latents, largest


def image(latents: torch.Tensor) -> np.ndarray:
    """Turn latents [1, C, H, W] in [-1, 1] into an image [1, H, W, C] in [0, 1], as the pipelines do."""
    return (latents / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).numpy()


def draw(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    """Draw as `randn_tensor` does: in float64, then rounded to float32."""
    return np.random.Generator(np.random.PCG64(seed)).standard_normal(shape).astype(np.float32)


def digest(state: dict[str, np.ndarray]) -> str:
    """Hash names and bytes in the order of the names."""
    sha256 = hashlib.sha256()
    for name in sorted(state):
        sha256.update(name.encode() + b"\0" + state[name].tobytes())
    return sha256.hexdigest()


def relative_l2(value: np.ndarray, truth: np.ndarray) -> float:
    truth = truth.astype(np.float64)
    return float(np.linalg.norm(value - truth) / np.linalg.norm(truth))


def seeded() -> ModuleType:
    """Load harness/pipelines/seeded.py by path: the package itself need not be installed beside torch."""
    path = Path(__file__).parents[2] / "harness" / "pipelines" / "seeded.py"
    spec = importlib.util.spec_from_file_location("seeded", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
