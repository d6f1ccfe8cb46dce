"""Faults of the scheduler by themselves: what each changes, and that it is taken out again."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest

from harness.faults.catalogue import FAULTS, FaultNotApplicable

SCHEDULER_FAULTS = [known.name for known in FAULTS if known.family == "scheduler"]


@pytest.fixture
def scheduler_of(mindspore):
    from harness.pipelines.schedulers.config import SchedulerConfig
    from harness.pipelines.schedulers.sampling import DDIMScheduler, DDPMScheduler

    def scheduler_of(kind="ddim", **config):
        chosen = {"ddim": DDIMScheduler, "ddpm": DDPMScheduler}[kind]
        return chosen(SchedulerConfig.from_dict({"_class_name": chosen.__name__, **config}, "the test"))

    return scheduler_of


@pytest.fixture
def within(mindspore):
    from harness.faults.scheduler import faulty_scheduler

    return lambda name, scheduler, size=None: faulty_scheduler(
        name, size, SimpleNamespace(scheduler=scheduler)
    )


def timesteps(scheduler, steps=10):
    scheduler.set_timesteps(steps)
    return scheduler.timesteps


def _break_off(scheduler, before):
    assert any(value is not before.get(key) for key, value in vars(scheduler).items())
    raise ZeroDivisionError


@pytest.mark.parametrize("name", SCHEDULER_FAULTS)
def test_afterwards_everything_is_what_it_was(scheduler_of, within, name):
    scheduler = scheduler_of("ddpm" if name == "variance-type" else "ddim")
    before = dict(vars(scheduler))
    with pytest.raises(ZeroDivisionError), within(name, scheduler, 0.1):
        _break_off(scheduler, before)
    assert vars(scheduler).keys() == before.keys()
    assert all(value is before[key] for key, value in vars(scheduler).items())


def test_a_copy_that_the_pipeline_went_on_with_is_taken_out_with_its_fault(scheduler_of, mindspore):
    from harness.faults.scheduler import faulty_scheduler

    pipeline = SimpleNamespace(scheduler=scheduler_of())
    sound = pipeline.scheduler
    with faulty_scheduler("timestep-off-by-one", None, pipeline):
        pipeline.scheduler = copy.copy(sound)
        faulty = timesteps(pipeline.scheduler)
    assert pipeline.scheduler is sound
    assert list(timesteps(sound)) != list(faulty)


@pytest.mark.parametrize(
    ("name", "size", "sound", "field", "value"),
    [
        ("beta-end", 0.5, {}, "beta_end", 0.03),
        ("beta-schedule", None, {}, "beta_schedule", "scaled_linear"),
        ("beta-schedule", None, {"beta_schedule": "scaled_linear"}, "beta_schedule", "linear"),
        ("final-alpha", None, {}, "set_alpha_to_one", False),
        ("clip-sample", None, {"clip_sample": False}, "clip_sample", True),
        ("prediction-type", None, {}, "prediction_type", "v_prediction"),
        ("prediction-type", None, {"prediction_type": "v_prediction"}, "prediction_type", "sample"),
        ("timestep-spacing", None, {"timestep_spacing": "trailing"}, "timestep_spacing", "leading"),
    ],
)
def test_a_field_of_the_configuration(scheduler_of, within, name, size, sound, field, value):
    scheduler = scheduler_of(**sound)
    with within(name, scheduler, size):
        assert getattr(scheduler.config, field) == pytest.approx(value)
        expected = type(scheduler)(scheduler.config)
        np.testing.assert_array_equal(scheduler.alphas_cumprod, expected.alphas_cumprod)
        assert scheduler.final_alpha_cumprod == expected.final_alpha_cumprod


def test_the_variance_is_the_other(scheduler_of, within):
    for sound, other in (("fixed_small", "fixed_large"), ("fixed_large", "fixed_small")):
        scheduler = scheduler_of("ddpm", variance_type=sound)
        with within("variance-type", scheduler):
            assert scheduler.config.variance_type == other


def test_betas_in_half_precision(scheduler_of, within):
    scheduler = scheduler_of(rescale_betas_zero_snr=True, prediction_type="v_prediction")
    sound = scheduler.alphas_cumprod
    with within("betas-half", scheduler):
        apart = np.abs(scheduler.alphas_cumprod - sound).max()
        assert 1e-8 < apart < 1e-3
        assert scheduler.alphas_cumprod[-1] == 0


def test_alpha_of_one_of_the_steps_visited(scheduler_of, within):
    scheduler = scheduler_of()
    sound = scheduler.alphas_cumprod.copy()
    with within("alpha-of-one-step", scheduler, 0.25):
        for _ in range(2):
            assert timesteps(scheduler, 5) == (800, 600, 400, 200, 0)
        assert np.flatnonzero(scheduler.alphas_cumprod != sound).tolist() == [400]
        assert scheduler.alphas_cumprod[400] == sound[400] * np.float32(0.75)
    np.testing.assert_array_equal(scheduler.alphas_cumprod, sound)


@pytest.mark.parametrize(
    ("spacing", "sound", "moved"),
    [
        ("leading", (750, 500, 250, 0), (751, 501, 251, 1)),
        ("trailing", (999, 749, 499, 249), (998, 748, 498, 248)),
        ("linspace", (999, 666, 333, 0), (998, 665, 332, 0)),
    ],
)
def test_timesteps_one_off(scheduler_of, within, spacing, sound, moved):
    scheduler = scheduler_of(timestep_spacing=spacing)
    assert timesteps(scheduler, 4) == sound
    with within("timestep-off-by-one", scheduler):
        assert timesteps(scheduler, 4) == moved
    assert timesteps(scheduler, 4) == sound


def test_a_pipeline_with_another_scheduler(within):
    with pytest.raises(FaultNotApplicable, match="no scheduler of a known kind"), within("eta", object()):
        pass


def test_stored_betas_have_no_end_and_no_schedule(scheduler_of, within):
    scheduler = scheduler_of(num_train_timesteps=2, trained_betas=[0.1, 0.2])
    for name in ("beta-end", "beta-schedule"):
        with pytest.raises(FaultNotApplicable, match="beta"), within(name, scheduler, 0.1):
            pass
