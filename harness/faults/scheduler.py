"""Faults of the scheduler: its tables, its timesteps and its step, changed while a case runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from harness.faults.catalogue import FaultNotApplicable
from harness.faults.diffusers_scheduler import is_diffusers_scheduler, put_into_diffusers_scheduler
from harness.pipelines.schedulers.betas import make_betas
from harness.pipelines.schedulers.ddim import DDIMScheduler
from harness.pipelines.schedulers.ddpm import DDPMScheduler
from harness.pipelines.schedulers.schedule import NoiseSchedule
from harness.pipelines.steps import schedulers


@contextmanager
def faulty_scheduler(name: str, size: float | None, pipeline: Any) -> Iterator[None]:
    """Put the scheduler fault ``name`` into ``pipeline.scheduler``, and take it out at the end.

    A pipeline without an attribute of that name may have a scheduler for each of its stages: the fault is put
    into all that have what it changes. ``size`` is the fault's size where it has one. Raises
    :class:`FaultNotApplicable` for a pipeline without a built-in scheduler or one of diffusers' kind, and
    where none has got what the fault would change.
    """
    one = getattr(pipeline, "scheduler", None)
    found = [each for each in (schedulers(pipeline) if one is None else [one]) if _is_known(each)]
    if not found:
        raise FaultNotApplicable(f"{name}: the pipeline has no scheduler of a known kind")
    # Functions of the class that a fault replaces are attributes of the object for the time being.
    sound = [(scheduler, dict(vars(scheduler))) for scheduler in found]
    try:
        _put(name, size, found)
        yield
    finally:
        for scheduler, attributes in sound:
            vars(scheduler).clear()
            vars(scheduler).update(attributes)


def _is_known(scheduler: Any) -> bool:
    return isinstance(scheduler, NoiseSchedule) or is_diffusers_scheduler(scheduler)


def _put(name: str, size: float | None, found: list[Any]) -> None:
    refusals = []
    for scheduler in found:
        try:
            if isinstance(scheduler, NoiseSchedule):
                _FAULTS[name](scheduler, 0.0 if size is None else size)
            else:
                put_into_diffusers_scheduler(name, size, scheduler)
        except FaultNotApplicable as error:
            refusals.append(error)
    if len(refusals) == len(found):
        raise refusals[0]


def _reconfigure(scheduler: NoiseSchedule, **changes: Any) -> None:
    """Make ``scheduler`` one of another configuration."""
    config = dataclasses.replace(scheduler.config, **changes)
    vars(scheduler).update(vars(type(scheduler)(config)))


def _after_set_timesteps(scheduler: NoiseSchedule, change: Callable[[], None]) -> None:
    """Let ``change`` follow the choice of timesteps."""
    sound = scheduler.set_timesteps

    def set_timesteps(num_inference_steps: int) -> None:
        sound(num_inference_steps)
        change()

    vars(scheduler)["set_timesteps"] = set_timesteps


def _ddim(name: str, scheduler: NoiseSchedule) -> None:
    if not isinstance(scheduler, DDIMScheduler):
        raise FaultNotApplicable(f"{name}: only DDIM has it, the pipeline runs {type(scheduler).__name__}")


def _beta_end(scheduler: NoiseSchedule, size: float) -> None:
    config = scheduler.config
    if config.trained_betas is not None or config.beta_schedule == "squaredcos_cap_v2":
        raise FaultNotApplicable("beta-end: the checkpoint's noise schedule has no beta_end")
    _reconfigure(scheduler, beta_end=config.beta_end * (1 + size))


def _beta_schedule(scheduler: NoiseSchedule, _: float) -> None:
    if scheduler.config.trained_betas is not None:
        raise FaultNotApplicable("beta-schedule: the checkpoint stores its betas")
    linear = scheduler.config.beta_schedule == "linear"
    _reconfigure(scheduler, beta_schedule="scaled_linear" if linear else "linear")


def _betas_half(scheduler: NoiseSchedule, _: float) -> None:
    rounded = make_betas(scheduler.config).astype(np.float16).tolist()
    # Zero terminal SNR is in them already.
    _reconfigure(scheduler, trained_betas=tuple(rounded), rescale_betas_zero_snr=False)


def _alpha_of_one_step(scheduler: NoiseSchedule, size: float) -> None:
    sound = scheduler.alphas_cumprod

    def change() -> None:
        middle = scheduler.timesteps[(len(scheduler.timesteps) - 1) // 2]
        scheduler.alphas_cumprod = sound.copy()
        scheduler.alphas_cumprod[middle] *= np.float32(1 - size)

    _after_set_timesteps(scheduler, change)


def _final_alpha(scheduler: NoiseSchedule, _: float) -> None:
    _ddim("final-alpha", scheduler)
    _reconfigure(scheduler, set_alpha_to_one=not scheduler.config.set_alpha_to_one)


def _timestep_spacing(scheduler: NoiseSchedule, _: float) -> None:
    sound = type(scheduler)(scheduler.config)
    other = "trailing" if scheduler.config.timestep_spacing == "leading" else "leading"
    _reconfigure(scheduler, timestep_spacing=other)

    def check() -> None:
        sound.set_timesteps(len(scheduler.timesteps))
        if sound.timesteps == scheduler.timesteps:
            raise FaultNotApplicable(
                f"timestep-spacing: {len(sound.timesteps)} timesteps are the same by every rule"
            )

    _after_set_timesteps(scheduler, check)


def _timestep_off_by_one(scheduler: NoiseSchedule, _: float) -> None:
    last = scheduler.config.num_train_timesteps - 1

    def change() -> None:
        sound = scheduler.timesteps
        # Up where there is room, as a steps_offset would do it.
        moved = tuple(t + 1 if sound[0] < last else max(t - 1, 0) for t in sound)
        if len(set(moved)) < len(moved):
            raise FaultNotApplicable("timestep-off-by-one: the run visits every training timestep")
        scheduler.timesteps = moved

    _after_set_timesteps(scheduler, change)


def _eta(scheduler: NoiseSchedule, size: float) -> None:
    _ddim("eta", scheduler)
    sound = vars(type(scheduler))["step"]

    def step(*args: Any, eta: float = 0.0, **kwargs: Any) -> Any:
        # The scale ends at 1; from there the fault goes down.
        return sound(scheduler, *args, eta=eta + size if eta + size <= 1 else eta - size, **kwargs)

    vars(scheduler)["step"] = step


def _variance_type(scheduler: NoiseSchedule, _: float) -> None:
    if not isinstance(scheduler, DDPMScheduler):
        raise FaultNotApplicable(
            f"variance-type: only DDPM has it, the pipeline runs {type(scheduler).__name__}"
        )
    large = scheduler.config.variance_type == "fixed_large"
    _reconfigure(scheduler, variance_type="fixed_small" if large else "fixed_large")


def _clip_sample(scheduler: NoiseSchedule, _: float) -> None:
    if scheduler.config.thresholding:
        raise FaultNotApplicable("clip-sample: the checkpoint's scheduler thresholds in its place")
    _reconfigure(scheduler, clip_sample=not scheduler.config.clip_sample)


def _prediction_type(scheduler: NoiseSchedule, _: float) -> None:
    # Never epsilon, which a schedule without signal in its first step would divide by.
    velocity = scheduler.config.prediction_type == "v_prediction"
    _reconfigure(scheduler, prediction_type="sample" if velocity else "v_prediction")


_FAULTS: dict[str, Callable[[NoiseSchedule, float], None]] = {
    "beta-end": _beta_end,
    "beta-schedule": _beta_schedule,
    "betas-half": _betas_half,
    "alpha-of-one-step": _alpha_of_one_step,
    "final-alpha": _final_alpha,
    "timestep-spacing": _timestep_spacing,
    "timestep-off-by-one": _timestep_off_by_one,
    "eta": _eta,
    "variance-type": _variance_type,
    "clip-sample": _clip_sample,
    "prediction-type": _prediction_type,
}
