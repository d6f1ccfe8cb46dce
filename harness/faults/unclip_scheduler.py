"""Faults of UnCLIP's scheduler, which has its betas, timesteps and variances written into its code.

It is mindone's ``UnCLIPScheduler``, as of diffusers; nothing of mindone is imported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mindspore as ms
import numpy as np

from harness.faults.catalogue import FaultNotApplicable
from harness.faults.reconfigured import after_set_timesteps, reconfigure, shadow

CLASS = "UnCLIPScheduler"


def _beta_schedule(name: str, scheduler: Any, _: float) -> None:
    raise FaultNotApplicable(f"{name}: {type(scheduler).__name__} knows one noise schedule")


def _betas_half(_: str, scheduler: Any, __: float) -> None:
    betas = scheduler.betas.asnumpy().astype(np.float16).astype(np.float32)
    scheduler.betas, scheduler.alphas = ms.Tensor(betas), ms.Tensor(1 - betas)
    scheduler.alphas_cumprod = ms.Tensor(np.cumprod(1 - betas, dtype=np.float32))


def _timestep_spacing(name: str, scheduler: Any, _: float) -> None:
    def change() -> None:
        # Its own rule goes from the first training timestep to the last; this is the one called leading.
        count = len(scheduler.timesteps)
        moved = (np.arange(count) * (scheduler.config.num_train_timesteps // count))[::-1].astype(np.int64)
        if np.array_equal(moved, scheduler.timesteps.asnumpy()):
            raise FaultNotApplicable(f"{name}: {count} timesteps are the same by every rule")
        scheduler.timesteps = ms.Tensor(moved)

    after_set_timesteps(scheduler, change)


def _variance_type(_: str, scheduler: Any, __: float) -> None:
    """Add noise of variance beta, DDPM's larger choice, in place of the smaller or the learned one."""

    def variance(t: Any, prev_timestep: Any = None, *_: Any, **__: Any) -> Any:
        before = t - 1 if prev_timestep is None else prev_timestep
        if before == t - 1:
            beta = scheduler.betas[t]
        else:
            beta = 1 - scheduler.alphas_cumprod[t] / scheduler.alphas_cumprod[before]
        # What the scheduler adds is the deviation, or the logarithm of the variance where that is learned.
        return beta.log() if scheduler.variance_type == "learned_range" else beta**0.5

    shadow(scheduler, "_get_variance", variance)


def _prediction_type(_: str, scheduler: Any, __: float) -> None:
    noise = scheduler.config.prediction_type == "epsilon"
    reconfigure(scheduler, prediction_type="sample" if noise else "epsilon")


FAULTS: dict[str, Callable[[str, Any, float], None]] = {
    "beta-schedule": _beta_schedule,
    "betas-half": _betas_half,
    "timestep-spacing": _timestep_spacing,
    "variance-type": _variance_type,
    "prediction-type": _prediction_type,
}
