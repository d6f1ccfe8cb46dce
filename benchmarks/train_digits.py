"""Train the built-in checkpoint ``builtin:ddpm-digits`` with MindSpore and write it in diffusers' layout.

The data are scikit-learn's bundled digits (1797 grey images of 8x8), enlarged to 16x16. A run of 3000 steps
takes a quarter to half an hour on one core; run again with the same MindSpore release, ISA and arguments, it
yields the same weights, bit for bit.

    python benchmarks/train_digits.py --out harness/pipelines/data/ddpm-digits
"""

from __future__ import annotations

import os

# Before MindSpore is imported; the profile of harness.execution uses the same ISA.
os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")

import argparse
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops
from safetensors.numpy import save_file
from sklearn.datasets import load_digits

from harness.pipelines.models.config import UNet2DConfig
from harness.pipelines.models.unet2d import UNet2DModel
from harness.pipelines.schedulers.config import SchedulerConfig
from harness.pipelines.schedulers.schedule import cumulative_alphas, make_betas
from harness.pipelines.seeded import seeded_state

SEED = 20240229
UNET = {
    "_class_name": "UNet2DModel",
    "sample_size": 16,
    "in_channels": 1,
    "out_channels": 1,
    "layers_per_block": 1,
    "block_out_channels": [24, 48],
    "down_block_types": ["DownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "UpBlock2D"],
    "attention_head_dim": 16,
    "norm_num_groups": 8,
}
SCHEDULER = {
    "_class_name": "DDPMScheduler",
    "num_train_timesteps": 1000,
    "beta_start": 0.0001,
    "beta_end": 0.02,
    "beta_schedule": "linear",
    "variance_type": "fixed_small",
    "prediction_type": "epsilon",
    "clip_sample": True,
}
MODEL_INDEX = {
    "_class_name": "DDPMPipeline",
    "unet": ["diffusers", "UNet2DModel"],
    "scheduler": ["diffusers", "DDPMScheduler"],
}


def digits() -> np.ndarray:
    """Return the digits as float32 ``[1797, 1, 16, 16]`` in [-1, 1], enlarged bilinearly."""
    images = load_digits().images.astype(np.float64) / 16.0
    # Output pixel centres lie at quarter positions between input pixels, edges repeated.
    position = np.clip((np.arange(16) + 0.5) / 2 - 0.5, 0, 7)
    low = np.floor(position).astype(int)
    high = np.minimum(low + 1, 7)
    weights = np.zeros((16, 8))
    weights[np.arange(16), low] += 1 - (position - low)
    weights[np.arange(16), high] += position - low
    return (weights @ images @ weights.T * 2 - 1).astype(np.float32)[:, None]


def learning_rates(steps: int, peak: float) -> list[float]:
    """Return a linear warm-up over the first steps and half a cosine down to zero."""
    warm_up = min(100, steps)
    return [
        peak * min(1.0, (i + 1) / warm_up) * 0.5 * (1 + math.cos(math.pi * i / steps)) for i in range(steps)
    ]


def make_train_step(model: UNet2DModel, optimizer: nn.Optimizer) -> Callable[..., Tensor]:
    """Return a function that takes one batch's noisy images, timesteps and noise, and gives the loss."""

    def loss_of(noisy: Tensor, timesteps: Tensor, noise: Tensor) -> Tensor:
        return ops.mse_loss(model(noisy, timesteps), noise)

    gradients_of = ms.value_and_grad(loss_of, None, optimizer.parameters)

    # Not compiled: on a CPU the backward pass takes four times as long in graph mode.
    def step(noisy: Tensor, timesteps: Tensor, noise: Tensor) -> Tensor:
        loss, gradients = gradients_of(noisy, timesteps, noise)
        optimizer(gradients)
        return loss

    return step


def train(steps: int, batch_size: int, peak: float, decay: float) -> dict[str, np.ndarray]:
    """Return the exponential moving average of the weights over a training of ``steps``."""
    rng = np.random.Generator(np.random.PCG64(SEED))
    images = digits()
    model = UNet2DModel(UNet2DConfig.from_dict(UNET, "UNET"))
    state = seeded_state(model.state_shapes(), SEED, denoising=False)
    state["conv_out.weight"] *= 0  # the first prediction is "no noise"
    model.load_state(state)
    model.set_train(True)
    parameters = dict(model.parameters_and_names())
    print(f"{sum(p.size for p in parameters.values())} parameters", flush=True)
    optimizer = nn.Adam(list(parameters.values()), learning_rate=learning_rates(steps, peak))
    step = make_train_step(model, optimizer)

    alpha_bar = cumulative_alphas(make_betas(SchedulerConfig.from_dict(SCHEDULER, "SCHEDULER")))
    average = {name: parameter.asnumpy().astype(np.float64) for name, parameter in parameters.items()}
    started, running = time.perf_counter(), 1.0
    for i in range(steps):
        clean = images[rng.integers(len(images), size=batch_size)]
        timesteps = rng.integers(len(alpha_bar), size=batch_size)
        noise = rng.standard_normal(clean.shape, dtype=np.float32)
        level = alpha_bar[timesteps].reshape(-1, 1, 1, 1)
        noisy = np.sqrt(level) * clean + np.sqrt(1 - level) * noise
        loss = step(Tensor(noisy), Tensor(timesteps.astype(np.int32)), Tensor(noise))
        running += 0.01 * (float(loss.asnumpy()) - running)
        warm = min(decay, (1 + i) / (10 + i))
        for name, parameter in parameters.items():
            average[name] += (1 - warm) * (parameter.asnumpy() - average[name])
        if i % 100 == 0:
            print(f"step {i}: loss {running:.4f}, {time.perf_counter() - started:.0f} s", flush=True)
    return {name: value.astype(np.float32) for name, value in average.items()}


def write(out: Path, state: dict[str, np.ndarray], training: dict[str, Any]) -> None:
    """Write the checkpoint's folder; ``training`` says how the weights came about."""
    for name, content in (
        ("model_index.json", MODEL_INDEX),
        ("training.json", training),
        ("unet/config.json", UNET),
        ("scheduler/scheduler_config.json", SCHEDULER),
    ):
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    # One key only: safetensors writes several in random order, and the same weights would hash differently.
    save_file(state, out / "unet" / "diffusion_pytorch_model.safetensors", metadata={"format": "pt"})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--ema-decay", type=float, default=0.998)
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    ms.set_context(mode=ms.PYNATIVE_MODE, pynative_synchronize=True)
    state = train(arguments.steps, arguments.batch_size, arguments.learning_rate, arguments.ema_decay)
    write(
        arguments.out,
        state,
        {"mindspore": ms.__version__, "seed": SEED}
        | {k: v for k, v in vars(arguments).items() if k != "out"},
    )


if __name__ == "__main__":
    main()
