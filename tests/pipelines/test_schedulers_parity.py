"""Both schedulers against diffusers; benchmarks/parity/make_scheduler_reference.py wrote the data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from harness.pipelines.schedulers.config import SchedulerConfig
from harness.pipelines.schedulers.schedule import cumulative_alphas, make_betas

REFERENCE = Path(__file__).parents[1] / "data" / "parity" / "schedulers.safetensors"
TENSORS = load_file(REFERENCE)
with safe_open(REFERENCE, "numpy") as handle:
    METADATA = {key: json.loads(text) for key, text in handle.metadata().items()}


def name_of(run: dict[str, Any]) -> str:
    fields = run["config"] | run["arguments"]
    return run["scheduler"][:4].lower() + "".join(
        f"-{key}={str(value)[:18]}" for key, value in fields.items()
    )


@pytest.mark.parametrize(
    "index", range(len(METADATA["schedules"])), ids=lambda i: str(METADATA["schedules"][i])
)
def test_cumulative_alphas_have_the_bits_of_torch(index: int) -> None:
    settings = METADATA["schedules"][index]
    ours = cumulative_alphas(make_betas(SchedulerConfig.from_dict(settings, "reference")))
    theirs = TENSORS[f"alphas_cumprod.{index}"]
    if settings.get("rescale_betas_zero_snr"):
        # Rescaling subtracts nearly equal square roots, and torch's root is not correctly rounded.
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=0)
    else:
        np.testing.assert_array_equal(ours, theirs)


@pytest.fixture(scope="module", params=METADATA["runs"], ids=name_of)
def reference(request: pytest.FixtureRequest) -> tuple[int, dict[str, Any]]:
    return METADATA["runs"].index(request.param), request.param


def test_trajectory_equals_that_of_diffusers(mindspore: Any, reference: tuple[int, dict[str, Any]]) -> None:
    from harness.pipelines.schedulers.sampling import DDIMScheduler, DDPMScheduler

    index, run = reference
    kind = {"DDIMScheduler": DDIMScheduler, "DDPMScheduler": DDPMScheduler}[run["scheduler"]]
    settings = {"_class_name": run["scheduler"]} | run["config"]
    scheduler = kind(SchedulerConfig.from_dict(settings, "reference"))
    scheduler.set_timesteps(len(TENSORS["model_outputs"]))
    assert list(scheduler.timesteps) == TENSORS["timesteps"][index].tolist()

    tensor = mindspore.Tensor
    sample, samples = tensor(TENSORS["sample"]), []
    for i, timestep in enumerate(scheduler.timesteps):
        output = TENSORS["model_outputs"][i]
        if scheduler.config.learns_variance:
            predicted = TENSORS[f"variances.{scheduler.config.variance_type}"][i]
            output = np.concatenate((output, predicted), axis=1)
        out = scheduler.step(
            tensor(output),
            timestep,
            sample,
            variance_noise=tensor(TENSORS["variance_noise"][i]),
            **run["arguments"],
        )
        sample = out.prev_sample
        samples.append(sample.asnumpy())
    # Both round to float32 after every operation, but torch's `x ** 0.5` is not correctly rounded, which
    # moves coefficients by 1 ulp; 4.7e-7 is the most this comes to.
    for ours, theirs in zip(samples, TENSORS["trajectories"][index], strict=True):
        assert relative_l2(ours, theirs) <= 6e-7
    assert relative_l2(out.pred_original_sample.asnumpy(), TENSORS["final_clean"][index]) <= 6e-7


def relative_l2(ours: np.ndarray, theirs: np.ndarray) -> float:
    difference = ours.astype(np.float64) - theirs
    return float(np.linalg.norm(difference) / np.linalg.norm(theirs))
