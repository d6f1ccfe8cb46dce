"""Faults of diffusers-like schedulers such as mindone's: a changed configuration, or a wrong step.

A scheduler is recognised by its ``config``, from which ``from_config`` creates another one. Nothing is
imported from mindone.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import mindspore as ms
import numpy as np

from harness.faults.catalogue import FaultNotApplicable
from harness.faults.reconfigured import (
    OTHER_VALUES,
    after_set_timesteps,
    move_eta,
    reconfigure,
    shadow,
    shrink_alpha_of_one_step,
)


def is_diffusers_scheduler(scheduler: Any) -> bool:
    """Return whether ``scheduler`` is a diffusers-like scheduler."""
    return hasattr(scheduler, "config") and hasattr(type(scheduler), "from_config")


def put_into_diffusers_scheduler(name: str, size: float | None, scheduler: Any) -> None:
    """Put the scheduler fault ``name`` into ``scheduler``; the caller must restore its attributes.

    ``size`` is the fault's size, if it has one. Raises :class:`FaultNotApplicable` if the scheduler lacks
    what the fault would change.
    """
    faults = _FAULTS | _OWN.get(type(scheduler).__name__, {})
    faults.get(name, _other_value)(name, scheduler, 0.0 if size is None else size)


def _takes(scheduler: Any, key: str) -> bool:
    # The configuration may hold settings of the scheduler that this one replaced.
    return key in inspect.signature(type(scheduler).__init__).parameters


def _setting(name: str, scheduler: Any, key: str) -> Any:
    if not _takes(scheduler, key):
        raise FaultNotApplicable(f"{type(scheduler).__name__} has no {key}", about=(name,))
    return scheduler.config[key]


def _other_value(name: str, scheduler: Any, _: float) -> None:
    key, other = OTHER_VALUES[name]
    reconfigure(scheduler, **{key: other(_setting(name, scheduler, key))})


def _check_no_betas(name: str, scheduler: Any) -> None:
    if scheduler.config.get("trained_betas") is not None:
        raise FaultNotApplicable("the checkpoint stores its betas", about=(name,))


def _beta_end(name: str, scheduler: Any, size: float) -> None:
    _check_no_betas(name, scheduler)
    if _setting(name, scheduler, "beta_schedule") not in ("linear", "scaled_linear"):
        raise FaultNotApplicable("the checkpoint's noise schedule has no beta_end", about=(name,))
    reconfigure(scheduler, beta_end=_setting(name, scheduler, "beta_end") * (1 + size))


def _beta_schedule(name: str, scheduler: Any, size: float) -> None:
    _check_no_betas(name, scheduler)
    _other_value(name, scheduler, size)


def _betas_half(name: str, scheduler: Any, _: float) -> None:
    _setting(name, scheduler, "trained_betas")
    rounded = scheduler.betas.asnumpy().astype(np.float16).astype(np.float32)
    # Zero terminal SNR is already included in them.
    snr = {"rescale_betas_zero_snr": False} if _takes(scheduler, "rescale_betas_zero_snr") else {}
    reconfigure(scheduler, trained_betas=rounded, **snr)


def _alpha_of_one_step(name: str, scheduler: Any, size: float) -> None:
    # Schedulers with sigmas derive them from it and do not read it again.
    if not hasattr(scheduler, "alphas_cumprod") or hasattr(scheduler, "sigmas"):
        raise FaultNotApplicable(f"{type(scheduler).__name__} steps by no alphas_cumprod", about=(name,))
    shrink_alpha_of_one_step(name, scheduler, size)


def _timestep_off_by_one(name: str, scheduler: Any, _: float) -> None:
    last = _setting(name, scheduler, "num_train_timesteps") - 1

    def change() -> None:
        timesteps = scheduler.timesteps
        # Up if there is room, as steps_offset would do.
        up = float(timesteps.max()) < last
        if not up and float(timesteps.min()) < 1:
            raise FaultNotApplicable("the run visits the first and the last training timestep", about=(name,))
        scheduler.timesteps = timesteps + 1 if up else timesteps - 1

    after_set_timesteps(scheduler, change)


def _eta(name: str, scheduler: Any, size: float) -> None:
    if "eta" not in inspect.signature(scheduler.step).parameters:
        raise FaultNotApplicable(f"{type(scheduler).__name__} takes no eta", about=(name,))
    move_eta(name, scheduler, size)


_FAULTS: dict[str, Callable[[str, Any, float], None]] = {
    "beta-end": _beta_end,
    "beta-schedule": _beta_schedule,
    "betas-half": _betas_half,
    "alpha-of-one-step": _alpha_of_one_step,
    "timestep-off-by-one": _timestep_off_by_one,
    "eta": _eta,
}


# mindone's UnCLIPScheduler has its betas, timesteps and variances written into its code.


def _unclip_beta_schedule(name: str, scheduler: Any, _: float) -> None:
    raise FaultNotApplicable(f"{type(scheduler).__name__} knows one noise schedule", about=(name,))


def _unclip_betas_half(_: str, scheduler: Any, __: float) -> None:
    betas = scheduler.betas.asnumpy().astype(np.float16).astype(np.float32)
    scheduler.betas, scheduler.alphas = ms.Tensor(betas), ms.Tensor(1 - betas)
    scheduler.alphas_cumprod = ms.Tensor(np.cumprod(1 - betas, dtype=np.float32))


def _unclip_timestep_spacing(name: str, scheduler: Any, _: float) -> None:
    def change() -> None:
        # Its own rule runs from the first training timestep to the last. This one is called leading.
        count = len(scheduler.timesteps)
        moved = (np.arange(count) * (scheduler.config.num_train_timesteps // count))[::-1].astype(np.int64)
        if np.array_equal(moved, scheduler.timesteps.asnumpy()):
            raise FaultNotApplicable(f"{count} timesteps are the same by every rule", about=(name,))
        scheduler.timesteps = ms.Tensor(moved)

    after_set_timesteps(scheduler, change)


def _unclip_variance_type(_: str, scheduler: Any, __: float) -> None:
    """Add noise of variance beta, DDPM's larger choice, instead of the smaller or the learned variance."""

    def variance(t: Any, prev_timestep: Any = None, *_: Any, **__: Any) -> Any:
        before = t - 1 if prev_timestep is None else prev_timestep
        if before == t - 1:
            beta = scheduler.betas[t]
        else:
            beta = 1 - scheduler.alphas_cumprod[t] / scheduler.alphas_cumprod[before]
        # The scheduler uses the standard deviation, or the logarithm of the variance if that is learned.
        return beta.log() if scheduler.variance_type == "learned_range" else beta**0.5

    shadow(scheduler, "_get_variance", variance)


def _unclip_prediction_type(_: str, scheduler: Any, __: float) -> None:
    noise = scheduler.config.prediction_type == "epsilon"
    reconfigure(scheduler, prediction_type="sample" if noise else "epsilon")


_UNCLIP_FAULTS: dict[str, Callable[[str, Any, float], None]] = {
    "beta-schedule": _unclip_beta_schedule,
    "betas-half": _unclip_betas_half,
    "timestep-spacing": _unclip_timestep_spacing,
    "variance-type": _unclip_variance_type,
    "prediction-type": _unclip_prediction_type,
}
# The faults of a scheduler by class, if they differ from those of all other schedulers.
_OWN = {"UnCLIPScheduler": _UNCLIP_FAULTS}
