"""Faults of the scheduler: its tables, its timesteps and its step, changed while a case runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from harness.faults.catalogue import FaultNotApplicable
from harness.faults.diffusers_scheduler import is_diffusers_scheduler, put_into_diffusers_scheduler
from harness.faults.reconfigured import (
    OTHER_VALUES,
    after_set_timesteps,
    move_eta,
    reconfigure,
    shrink_alpha_of_one_step,
)
from harness.pipelines.schedulers.sampling import DDIMScheduler, DDPMScheduler
from harness.pipelines.schedulers.schedule import NoiseSchedule, make_betas
from harness.pipelines.steps import schedulers


@contextmanager
def faulty_scheduler(name: str, size: float | None, pipeline: Any) -> Iterator[None]:
    """Put the scheduler fault ``name`` into ``pipeline.scheduler``, and take it out at the end.

    A pipeline without an attribute of that name may have one scheduler per stage. The fault is then put into
    all schedulers that have what it changes. ``size`` is the fault's size, if it has one. Raises
    :class:`FaultNotApplicable` for a pipeline without a built-in or diffusers-like scheduler, and if no
    scheduler has what the fault would change.
    """
    one = getattr(pipeline, "scheduler", None)
    found = [each for each in (schedulers(pipeline) if one is None else [one]) if _is_known(each)]
    if not found:
        raise FaultNotApplicable("the pipeline has no scheduler of a known kind", about=(name,))
    # A fault replaces methods of the class by setting attributes of the object for the time being.
    sound = [(scheduler, dict(vars(scheduler))) for scheduler in found]
    # A pipeline may go on with a copy of its scheduler, which keeps the fault.
    attributes_of = getattr(pipeline, "__dict__", {}).items()
    held = {name: value for name, value in attributes_of if any(value is each for each in found)}
    try:
        _put(name, size, found)
        yield
    finally:
        for scheduler, attributes in sound:
            vars(scheduler).clear()
            vars(scheduler).update(attributes)
        for attribute, scheduler in held.items():
            setattr(pipeline, attribute, scheduler)


def _is_known(scheduler: Any) -> bool:
    return isinstance(scheduler, NoiseSchedule) or is_diffusers_scheduler(scheduler)


def _put(name: str, size: float | None, found: list[Any]) -> None:
    refusals = []
    for scheduler in found:
        try:
            if isinstance(scheduler, NoiseSchedule):
                _put_into_own(name, size, scheduler)
            else:
                put_into_diffusers_scheduler(name, size, scheduler)
        except FaultNotApplicable as error:
            refusals.append(error)
    if len(refusals) == len(found):
        raise refusals[0]


def _put_into_own(name: str, size: float | None, scheduler: NoiseSchedule) -> None:
    owner = _OWNERS.get(name, NoiseSchedule)
    if not isinstance(scheduler, owner):
        known = owner.__name__.removesuffix("Scheduler")
        raise FaultNotApplicable(
            f"only {known} has it, the pipeline runs {type(scheduler).__name__}", about=(name,)
        )
    _FAULTS.get(name, _other_value)(name, scheduler, 0.0 if size is None else size)


def _other_value(name: str, scheduler: NoiseSchedule, _: float) -> None:
    key, other = OTHER_VALUES[name]
    reconfigure(scheduler, **{key: other(getattr(scheduler.config, key))})


def _beta_end(name: str, scheduler: NoiseSchedule, size: float) -> None:
    config = scheduler.config
    if config.trained_betas is not None or config.beta_schedule == "squaredcos_cap_v2":
        raise FaultNotApplicable("the checkpoint's noise schedule has no beta_end", about=(name,))
    reconfigure(scheduler, beta_end=config.beta_end * (1 + size))


def _beta_schedule(name: str, scheduler: NoiseSchedule, size: float) -> None:
    if scheduler.config.trained_betas is not None:
        raise FaultNotApplicable("the checkpoint stores its betas", about=(name,))
    _other_value(name, scheduler, size)


def _betas_half(_: str, scheduler: NoiseSchedule, __: float) -> None:
    rounded = make_betas(scheduler.config).astype(np.float16).tolist()
    # Zero terminal SNR is already included in them.
    reconfigure(scheduler, trained_betas=tuple(rounded), rescale_betas_zero_snr=False)


def _timestep_spacing(name: str, scheduler: NoiseSchedule, size: float) -> None:
    sound = type(scheduler)(scheduler.config)
    _other_value(name, scheduler, size)

    def check() -> None:
        sound.set_timesteps(len(scheduler.timesteps))
        if sound.timesteps == scheduler.timesteps:
            raise FaultNotApplicable(
                f"{len(sound.timesteps)} timesteps are the same by every rule", about=(name,)
            )

    after_set_timesteps(scheduler, check)


def _timestep_off_by_one(name: str, scheduler: NoiseSchedule, _: float) -> None:
    last = scheduler.config.num_train_timesteps - 1

    def change() -> None:
        sound = scheduler.timesteps
        # Up if there is room, as steps_offset would do.
        moved = tuple(t + 1 if sound[0] < last else max(t - 1, 0) for t in sound)
        if len(set(moved)) < len(moved):
            raise FaultNotApplicable("the run visits every training timestep", about=(name,))
        scheduler.timesteps = moved

    after_set_timesteps(scheduler, change)


def _clip_sample(name: str, scheduler: NoiseSchedule, size: float) -> None:
    if scheduler.config.thresholding:
        raise FaultNotApplicable("the checkpoint's scheduler thresholds in its place", about=(name,))
    _other_value(name, scheduler, size)


_FAULTS: dict[str, Callable[[str, NoiseSchedule, float], None]] = {
    "beta-end": _beta_end,
    "beta-schedule": _beta_schedule,
    "betas-half": _betas_half,
    "alpha-of-one-step": shrink_alpha_of_one_step,
    "timestep-spacing": _timestep_spacing,
    "timestep-off-by-one": _timestep_off_by_one,
    "eta": move_eta,
    "clip-sample": _clip_sample,
}
# The only scheduler that has what a fault changes.
_OWNERS: dict[str, type[NoiseSchedule]] = {
    "final-alpha": DDIMScheduler,
    "eta": DDIMScheduler,
    "variance-type": DDPMScheduler,
}
