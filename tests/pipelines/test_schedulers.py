"""What the schedulers refuse, and what parity with diffusers cannot show."""

from __future__ import annotations

import itertools
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from harness.pipelines.errors import PipelineError
from harness.pipelines.schedulers.config import SchedulerConfig
from harness.pipelines.schedulers.schedule import spaced_timesteps


def config(**fields: Any) -> SchedulerConfig:
    return SchedulerConfig.from_dict({"_class_name": "DDPMScheduler"} | fields, "scheduler_config.json")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"beta_schedule": "sigmoid"}, "beta_schedule is 'sigmoid': it must be one of linear, scaled_linear"),
        ({"beta_shedule": "linear"}, "unknown field 'beta_shedule'; did you mean beta_schedule?"),
        ({"prediction_type": "flow"}, "prediction_type is 'flow'"),
        ({"timestep_spacing": "leadng"}, "timestep_spacing is 'leadng'"),
        (
            {"num_train_timesteps": 0},
            "num_train_timesteps is 0: it must be a whole number from 1",
        ),
        ({"num_train_timesteps": True}, "num_train_timesteps is True"),
        ({"clip_sample": 1}, "clip_sample is 1: it must be true or false"),
        ({"beta_end": float("nan")}, "beta_end is nan"),
        ({"beta_start": "1e-4"}, "beta_start is '1e-4'"),
        ({"trained_betas": [0.1]}, "trained_betas has 1 values, but num_train_timesteps is 1000"),
        ({"trained_betas": [0.1, 1.0], "num_train_timesteps": 2}, "trained_betas is"),
        ({"variance_type": "fixed_large_log"}, "yields NaN"),
        ({"_class_name": "PNDMScheduler"}, "'PNDMScheduler' is not supported"),
    ],
)
def test_a_field_that_cannot_be_honoured_is_refused_by_name(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(PipelineError) as error:
        config(**fields)
    assert str(error.value).startswith("scheduler_config.json: ")
    assert message in str(error.value)


def test_all_problems_come_at_once() -> None:
    with pytest.raises(PipelineError) as error:
        config(beta_schedule="x", clip_sample="yes", nonsense=1)
    assert all(name in str(error.value) for name in ("beta_schedule", "clip_sample", "nonsense"))


def test_fields_of_the_other_scheduler_do_no_harm(mindspore: Any) -> None:
    from harness.pipelines.schedulers.sampling import DDIMScheduler, DDPMScheduler

    learned = SchedulerConfig.from_dict({"_class_name": "DDIMScheduler", "variance_type": "learned"}, "x")
    DDIMScheduler(learned)
    DDPMScheduler(config(set_alpha_to_one=False))
    tables = SchedulerConfig.from_dict(
        {"_class_name": "DDIMScheduler", "variance_type": "fixed_large_log"}, "x"
    )
    DDIMScheduler(tables)
    with pytest.raises(PipelineError, match="fixed_large_log"):
        DDPMScheduler(tables)


def test_a_learned_variance_needs_twice_the_channels(mindspore: Any) -> None:
    from harness.pipelines.schedulers.sampling import DDPMScheduler

    scheduler = DDPMScheduler(config(variance_type="learned_range"))
    scheduler.set_timesteps(10)
    sample = mindspore.Tensor(np.zeros((1, 3, 4, 4), np.float32))
    with pytest.raises(PipelineError, match="gives 6 channels for 3; this one gives 3"):
        scheduler.step(sample, scheduler.timesteps[0], sample)


@pytest.mark.parametrize("spacing", ["leading", "linspace", "trailing"])
def test_every_number_of_steps_yields_that_many_falling_timesteps(spacing: str) -> None:
    """Including 61 trailing steps, of which numpy's arange makes 62 and diffusers runs them all."""
    settings = config(timestep_spacing=spacing)
    for count in range(1, 1001):
        timesteps = spaced_timesteps(settings, count)
        assert len(timesteps) == count
        assert all(later < earlier for earlier, later in itertools.pairwise(timesteps))
        assert 0 <= timesteps[-1] <= timesteps[0] <= 999


@pytest.mark.parametrize("count", [-1, 0, 1001])
def test_an_impossible_number_of_steps_is_refused(count: int) -> None:
    with pytest.raises(PipelineError, match=f"num_inference_steps is {count}: give 1 to 1000"):
        spaced_timesteps(config(), count)


def test_an_offset_past_the_last_timestep_is_refused() -> None:
    assert spaced_timesteps(config(steps_offset=1), 500)[0] == 999
    with pytest.raises(PipelineError, match="steps_offset 1 moves the first of 1000 timesteps to 1000"):
        spaced_timesteps(config(steps_offset=1), 1000)


def test_zero_terminal_snr_with_epsilon_is_refused_where_it_would_divide_by_zero(mindspore: Any) -> None:
    from harness.pipelines.schedulers.sampling import DDIMScheduler, DDPMScheduler

    for kind in (DDIMScheduler, DDPMScheduler):
        kind(config(rescale_betas_zero_snr=True)).set_timesteps(10)
        with pytest.raises(PipelineError, match="rescale_betas_zero_snr leaves no signal at timestep 999"):
            kind(config(rescale_betas_zero_snr=True, timestep_spacing="trailing")).set_timesteps(10)


def test_a_step_before_set_timesteps_is_refused(mindspore: Any) -> None:
    from harness.pipelines.schedulers.sampling import DDIMScheduler, DDPMScheduler

    sample = mindspore.Tensor(np.zeros((1, 1, 2, 2), np.float32))
    for scheduler in (DDIMScheduler(config()), DDPMScheduler(config())):
        with pytest.raises(PipelineError, match="call set_timesteps first"):
            scheduler.step(sample, 0, sample)


@pytest.mark.parametrize("kind", ["ddim", "ddpm"])
@pytest.mark.parametrize("fields", [{}, {"thresholding": True}, {"clip_sample": False}], ids=str)
def test_nan_from_the_model_stays_nan(mindspore: Any, kind: str, fields: dict[str, Any]) -> None:
    """MindSpore's CPU clamp makes NaN the lower bound, which would pass for a black pixel."""
    scheduler = make(kind, **fields)
    scheduler.set_timesteps(4)
    sample = np.full((2, 1, 2, 2), 0.5, np.float32)
    output = sample.copy()
    output[1, 0, 1, 0] = np.nan
    noise = mindspore.Tensor(np.zeros_like(sample))
    out = scheduler.step(
        mindspore.Tensor(output), scheduler.timesteps[1], mindspore.Tensor(sample), variance_noise=noise
    )
    for tensor in out:
        np.testing.assert_array_equal(np.isnan(tensor.asnumpy()), np.isnan(output))


@pytest.mark.parametrize("kind", ["ddim", "ddpm"])
def test_half_precision_goes_in_and_out_with_one_rounding(mindspore: Any, kind: str) -> None:
    scheduler = make(kind)
    scheduler.set_timesteps(10)
    rng = np.random.Generator(np.random.PCG64(2))
    output, sample, noise = rng.standard_normal((3, 2, 1, 4, 4)).astype(np.float16)
    arguments = {"eta": 0.5} if kind == "ddim" else {}
    results = []
    for dtype in (np.float16, np.float32):
        tensors = [mindspore.Tensor(array.astype(dtype)) for array in (output, sample, noise)]
        step = scheduler.step(
            tensors[0], scheduler.timesteps[3], tensors[1], variance_noise=tensors[2], **arguments
        )
        results.append(step.prev_sample.asnumpy())
    assert results[0].dtype == np.float16
    np.testing.assert_array_equal(results[0], results[1].astype(np.float16))


def test_noise_is_drawn_only_where_it_is_added(mindspore: Any) -> None:
    sample = mindspore.Tensor(np.zeros((1, 1, 2, 2), np.float32))

    def draws(kind: str, timestep: int, **arguments: Any) -> bool:
        scheduler = make(kind)
        scheduler.set_timesteps(10)
        generator = np.random.Generator(np.random.PCG64(0))
        before = generator.bit_generator.state
        scheduler.step(sample, timestep, sample, generator=generator, **arguments)
        return generator.bit_generator.state != before

    assert not draws("ddim", 900)
    assert draws("ddim", 900, eta=0.1)
    assert draws("ddpm", 900)
    assert not draws("ddpm", 0)


def make(kind: str, **fields: Any) -> Any:
    from harness.pipelines.schedulers.sampling import DDIMScheduler, DDPMScheduler

    return {"ddim": DDIMScheduler, "ddpm": DDPMScheduler}[kind](config(**fields))


def test_configurations_and_schedules_need_no_mindspore() -> None:
    code = (
        "import sys; import harness.pipelines, harness.pipelines.schedulers.schedule, "
        "harness.pipelines.checkpoints, harness.pipelines.registry; "
        "sys.exit('mindspore' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
