"""Change a scheduler in place: its configuration, its methods, its timesteps."""

from __future__ import annotations

import dataclasses
import inspect
import operator
from collections.abc import Callable
from typing import Any

import mindspore as ms
import numpy as np

from harness.pipelines.schedulers.schedule import NoiseSchedule

# The faults that change the value of one setting: its name, and how to compute the wrong value from the sound
# one.
OTHER_VALUES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "beta-schedule": ("beta_schedule", lambda sound: "scaled_linear" if sound == "linear" else "linear"),
    "timestep-spacing": ("timestep_spacing", lambda sound: "trailing" if sound == "leading" else "leading"),
    "final-alpha": ("set_alpha_to_one", operator.not_),
    "variance-type": (
        "variance_type",
        lambda sound: "fixed_small" if sound == "fixed_large" else "fixed_large",
    ),
    "clip-sample": ("clip_sample", operator.not_),
    # Never epsilon: with it, a schedule without signal in its first step would divide by zero.
    "prediction-type": (
        "prediction_type",
        lambda sound: "sample" if sound == "v_prediction" else "v_prediction",
    ),
}


def reconfigure(scheduler: Any, **changes: Any) -> None:
    """Give ``scheduler``, harness's own or diffusers-like, a different configuration."""
    if isinstance(scheduler, NoiseSchedule):
        other = type(scheduler)(dataclasses.replace(scheduler.config, **changes))
    else:
        other = type(scheduler).from_config(scheduler.config, **changes)
    vars(scheduler).update(vars(other))


def shadow(scheduler: Any, name: str, function: Any) -> None:
    """Shadow the method ``name`` with ``function``, and keep the method's signature.

    Pipelines inspect the signature to see what they may pass.
    """
    function.__signature__ = inspect.signature(getattr(scheduler, name))
    vars(scheduler)[name] = function


def after_set_timesteps(scheduler: Any, change: Callable[[], None]) -> None:
    """Call ``change`` each time the timesteps have been set."""
    sound = scheduler.set_timesteps

    def set_timesteps(*args: Any, **kwargs: Any) -> None:
        sound(*args, **kwargs)
        change()

    shadow(scheduler, "set_timesteps", set_timesteps)


def shrink_alpha_of_one_step(_: str, scheduler: Any, size: float) -> None:
    """Reduce alphas_cumprod by the fraction ``size`` at the middle one of the timesteps visited."""
    sound = scheduler.alphas_cumprod

    def change() -> None:
        changed = sound.asnumpy().copy() if isinstance(sound, ms.Tensor) else sound.copy()
        middle = int(scheduler.timesteps[(len(scheduler.timesteps) - 1) // 2])
        changed[middle] *= np.float32(1 - size)
        scheduler.alphas_cumprod = ms.Tensor(changed) if isinstance(sound, ms.Tensor) else changed

    after_set_timesteps(scheduler, change)


def move_eta(_: str, scheduler: Any, size: float) -> None:
    """Add ``size`` to the eta of every step, or subtract it if the sum would exceed 1, the maximum."""
    sound = scheduler.step

    def step(*args: Any, eta: float = 0.0, **kwargs: Any) -> Any:
        return sound(*args, eta=eta + size if eta + size <= 1 else eta - size, **kwargs)

    shadow(scheduler, "step", step)
