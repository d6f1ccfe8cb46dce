"""Faults of a scheduler of diffusers' kind, as mindone's are: of another configuration, or stepped wrong.

A scheduler is known by its ``config``, from which ``from_config`` makes another; nothing of mindone is
imported.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import mindspore as ms
import numpy as np

from harness.faults import unclip_scheduler
from harness.faults.catalogue import FaultNotApplicable
from harness.faults.reconfigured import after_set_timesteps, reconfigure, shadow


def is_diffusers_scheduler(scheduler: Any) -> bool:
    """Return whether ``scheduler`` is one of diffusers' kind."""
    return hasattr(scheduler, "config") and hasattr(type(scheduler), "from_config")


def put_into_diffusers_scheduler(name: str, size: float | None, scheduler: Any) -> None:
    """Put the scheduler fault ``name`` into ``scheduler``, for the caller to take out of its attributes.

    ``size`` is the fault's size where it has one. Raises :class:`FaultNotApplicable` where the scheduler has
    not got what the fault would change.
    """
    put = _OWN.get(type(scheduler).__name__, {}).get(name, _FAULTS[name])
    put(name, scheduler, 0.0 if size is None else size)


def _setting(name: str, scheduler: Any, key: str) -> Any:
    # The configuration may hold settings of the scheduler that this one took the place of.
    if key not in inspect.signature(type(scheduler).__init__).parameters:
        raise FaultNotApplicable(f"{name}: {type(scheduler).__name__} has no {key}")
    return scheduler.config[key]


def _check_no_betas(name: str, scheduler: Any) -> None:
    if scheduler.config.get("trained_betas") is not None:
        raise FaultNotApplicable(f"{name}: the checkpoint stores its betas")


def _beta_end(name: str, scheduler: Any, size: float) -> None:
    _check_no_betas(name, scheduler)
    if _setting(name, scheduler, "beta_schedule") not in ("linear", "scaled_linear"):
        raise FaultNotApplicable(f"{name}: the checkpoint's noise schedule has no beta_end")
    reconfigure(scheduler, beta_end=_setting(name, scheduler, "beta_end") * (1 + size))


def _beta_schedule(name: str, scheduler: Any, _: float) -> None:
    _check_no_betas(name, scheduler)
    linear = _setting(name, scheduler, "beta_schedule") == "linear"
    reconfigure(scheduler, beta_schedule="scaled_linear" if linear else "linear")


def _betas_half(name: str, scheduler: Any, _: float) -> None:
    _setting(name, scheduler, "trained_betas")
    rounded = scheduler.betas.asnumpy().astype(np.float16).astype(np.float32)
    changes: dict[str, Any] = {"trained_betas": rounded}
    # Zero terminal SNR is in them already.
    if "rescale_betas_zero_snr" in inspect.signature(type(scheduler).__init__).parameters:
        changes["rescale_betas_zero_snr"] = False
    reconfigure(scheduler, **changes)


def _timestep_spacing(name: str, scheduler: Any, _: float) -> None:
    leading = _setting(name, scheduler, "timestep_spacing") == "leading"
    reconfigure(scheduler, timestep_spacing="trailing" if leading else "leading")


def _alpha_of_one_step(name: str, scheduler: Any, size: float) -> None:
    # The others make sigmas of it, and look at it no more.
    if not hasattr(scheduler, "alphas_cumprod") or hasattr(scheduler, "sigmas"):
        raise FaultNotApplicable(f"{name}: {type(scheduler).__name__} steps by no alphas_cumprod")
    sound = scheduler.alphas_cumprod.asnumpy()

    def change() -> None:
        middle = int(scheduler.timesteps[(len(scheduler.timesteps) - 1) // 2])
        changed = sound.copy()
        changed[middle] *= np.float32(1 - size)
        scheduler.alphas_cumprod = ms.Tensor(changed)

    after_set_timesteps(scheduler, change)


def _timestep_off_by_one(name: str, scheduler: Any, _: float) -> None:
    last = _setting(name, scheduler, "num_train_timesteps") - 1

    def change() -> None:
        timesteps = scheduler.timesteps
        # Up where there is room, as a steps_offset would do it.
        up = float(timesteps.max()) < last
        if not up and float(timesteps.min()) < 1:
            raise FaultNotApplicable(f"{name}: the run visits the first and the last training timestep")
        scheduler.timesteps = timesteps + 1 if up else timesteps - 1

    after_set_timesteps(scheduler, change)


def _eta(name: str, scheduler: Any, size: float) -> None:
    sound = scheduler.step
    if "eta" not in inspect.signature(sound).parameters:
        raise FaultNotApplicable(f"{name}: {type(scheduler).__name__} takes no eta")

    def step(*args: Any, eta: float = 0.0, **kwargs: Any) -> Any:
        # The scale ends at 1; from there the fault goes down.
        return sound(*args, eta=eta + size if eta + size <= 1 else eta - size, **kwargs)

    shadow(scheduler, "step", step, sound)


def _flipped(key: str) -> Callable[[str, Any, float], None]:
    def flip(name: str, scheduler: Any, _: float) -> None:
        reconfigure(scheduler, **{key: not _setting(name, scheduler, key)})

    return flip


def _variance_type(name: str, scheduler: Any, _: float) -> None:
    large = _setting(name, scheduler, "variance_type") == "fixed_large"
    reconfigure(scheduler, variance_type="fixed_small" if large else "fixed_large")


def _prediction_type(name: str, scheduler: Any, _: float) -> None:
    # Never epsilon, which a schedule without signal in its first step would divide by.
    velocity = _setting(name, scheduler, "prediction_type") == "v_prediction"
    reconfigure(scheduler, prediction_type="sample" if velocity else "v_prediction")


_FAULTS: dict[str, Callable[[str, Any, float], None]] = {
    "beta-end": _beta_end,
    "beta-schedule": _beta_schedule,
    "betas-half": _betas_half,
    "alpha-of-one-step": _alpha_of_one_step,
    "timestep-spacing": _timestep_spacing,
    "timestep-off-by-one": _timestep_off_by_one,
    "final-alpha": _flipped("set_alpha_to_one"),
    "eta": _eta,
    "variance-type": _variance_type,
    "clip-sample": _flipped("clip_sample"),
    "prediction-type": _prediction_type,
}
# The faults of a scheduler by its class, where they are others than those above.
_OWN = {unclip_scheduler.CLASS: unclip_scheduler.FAULTS}
