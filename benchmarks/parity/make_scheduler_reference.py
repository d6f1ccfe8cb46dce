"""Write what diffusers' DDIM and DDPM schedulers compute: run it where torch and diffusers are installed.

    python benchmarks/parity/make_scheduler_reference.py tests/data/parity/schedulers.safetensors

Every run walks the same sample through the same model outputs and the same noise. Tensors of the file:

    sample              [2, 2, 2, 2] float32        the first sample of every run
    model_outputs       [steps, 2, 2, 2, 2] float32 what the model is pretended to give at each step
    variance_noise      [steps, 2, 2, 2, 2] float32 the noise a step adds where it adds any
    variances.TYPE      [steps, 2, 2, 2, 2] float32 what it predicts of the variance, if it is of this type
    timesteps           [runs, steps] int64
    trajectories        [runs, steps, 2, 2, 2, 2] float32  the sample after each step
    final_clean         [runs, 2, 2, 2, 2] float32  the clean sample predicted at the last step
    alphas_cumprod.N    [num_train_timesteps] float32      of schedule N of the metadata's ``schedules``

The metadata holds, as JSON, ``runs`` (class, config and arguments of step, in the order of the tensors),
``schedules`` and ``versions``.
"""

from __future__ import annotations

import itertools
import json
import platform
import sys
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
from diffusers.schedulers import scheduling_ddpm
from safetensors.numpy import save_file

STEPS = 7  # divides none of the schedules, so that every spacing has to round
SHAPE = (2, 2, 2, 2)
SCHEDULES = ("linear", "scaled_linear", "squaredcos_cap_v2")
PREDICTIONS = ("epsilon", "sample", "v_prediction")
SPACINGS = ("leading", "linspace", "trailing")
LEARNED = ("learned", "learned_range")


def all_runs() -> list[dict[str, Any]]:
    """Every combination of what every checkpoint chooses, then the rarer fields one by one."""
    runs = []
    for schedule, prediction, spacing, clip in itertools.product(
        SCHEDULES, PREDICTIONS, SPACINGS, (True, False)
    ):
        config = {
            "beta_schedule": schedule,
            "prediction_type": prediction,
            "timestep_spacing": spacing,
            "clip_sample": clip,
        }
        runs += [run("DDIMScheduler", config, eta=eta) for eta in (0.0, 0.7)]
        runs += [
            run("DDPMScheduler", config | {"variance_type": variance})
            for variance in ("fixed_small", "fixed_large", "fixed_small_log")
        ]
    zero_snr = {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    threshold = {"thresholding": True, "sample_max_value": 1.5}
    both = [
        {"clip_sample_range": 0.3},
        {"steps_offset": 1},
        threshold,
        threshold | {"dynamic_thresholding_ratio": 0.6, "sample_max_value": 100.0},
        {"trained_betas": [0.001 + 0.0001 * i for i in range(100)], "num_train_timesteps": 100},
        {
            "beta_start": 0.00085,
            "beta_end": 0.012,
            "beta_schedule": "scaled_linear",
            "num_train_timesteps": 500,
        },
        zero_snr | {"prediction_type": "v_prediction"},
        zero_snr | {"prediction_type": "sample", "clip_sample": False},
    ]
    for config in both:
        runs += [run("DDIMScheduler", config, eta=0.0), run("DDPMScheduler", config)]
    runs.append(run("DDIMScheduler", {"set_alpha_to_one": False}, eta=0.0))
    runs.append(run("DDIMScheduler", {}, eta=1.0))
    for prediction in PREDICTIONS:
        config = {"prediction_type": prediction}
        runs.append(run("DDIMScheduler", config, eta=0.0, use_clipped_model_output=True))
    for variance, prediction, spacing in itertools.product(LEARNED, PREDICTIONS, SPACINGS):
        config = {"variance_type": variance, "prediction_type": prediction, "timestep_spacing": spacing}
        runs.append(run("DDPMScheduler", config))
    return runs


def run(name: str, config: dict[str, Any], **arguments: Any) -> dict[str, Any]:
    return {"scheduler": name, "config": config, "arguments": arguments}


def trajectory(
    case: dict[str, Any], inputs: dict[str, np.ndarray]
) -> tuple[list[int], np.ndarray, np.ndarray]:
    """Walk one run; returns its timesteps, the sample after each step and the last clean sample."""
    scheduler = getattr(diffusers, case["scheduler"])(**case["config"])
    scheduler.set_timesteps(STEPS)
    sample = torch.from_numpy(inputs["sample"])
    samples = []
    for i, t in enumerate(scheduler.timesteps):
        noise = torch.from_numpy(inputs["variance_noise"][i])
        arguments = dict(case["arguments"])
        if arguments.get("eta", 0) > 0:
            arguments["variance_noise"] = noise
        # DDPM's step takes a generator only; this hands it the noise.
        scheduling_ddpm.randn_tensor = lambda *_, noise=noise, **__: noise
        output = inputs["model_outputs"][i]
        if (variance := case["config"].get("variance_type")) in LEARNED:
            output = np.concatenate((output, inputs[f"variances.{variance}"][i]), axis=1)
        out = scheduler.step(torch.from_numpy(output), t, sample, **arguments)
        sample = out.prev_sample
        samples.append(sample.numpy())
    assert np.isfinite(samples).all(), case
    return [int(t) for t in scheduler.timesteps], np.stack(samples), out.pred_original_sample.numpy()


def main(path: Path) -> None:
    rng = np.random.Generator(np.random.PCG64(11))
    inputs = {
        "sample": rng.standard_normal(SHAPE).astype(np.float32),
        "model_outputs": rng.standard_normal((STEPS, *SHAPE)).astype(np.float32),
        "variance_noise": rng.standard_normal((STEPS, *SHAPE)).astype(np.float32),
    }
    between = rng.uniform(-1, 1, (STEPS, *SHAPE))
    inputs["variances.learned_range"] = between.astype(np.float32)
    # A model of this type predicts the variance itself, which is positive.
    inputs["variances.learned"] = (0.0101 + 0.01 * between).astype(np.float32)
    runs = all_runs()
    timesteps, trajectories, clean = zip(*(trajectory(case, inputs) for case in runs), strict=True)
    schedules = [{"beta_schedule": name} for name in SCHEDULES]
    schedules += [{"beta_schedule": name, "rescale_betas_zero_snr": True} for name in SCHEDULES]
    tensors = inputs | {
        "timesteps": np.array(timesteps, np.int64),
        "trajectories": np.stack(trajectories),
        "final_clean": np.stack(clean),
    }
    for i, config in enumerate(schedules):
        tensors[f"alphas_cumprod.{i}"] = diffusers.DDIMScheduler(**config).alphas_cumprod.numpy()
    versions = {
        "torch": torch.__version__,
        "torch_cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "diffusers": diffusers.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    metadata = {
        "runs": json.dumps(runs),
        "schedules": json.dumps(schedules),
        "versions": json.dumps(versions),
    }
    save_file(tensors, path, metadata)
    print(f"{path}: {len(runs)} runs, {path.stat().st_size / 1000:.0f} kB, {versions}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
