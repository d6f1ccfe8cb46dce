"""Losses, which some pipelines use as guidance; sums are held in float64."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.kernels.arrays import Array, float64
from harness.kernels.registry import kernel

# MindSpore passes the reduction as a name or as its number.
_NONE, _MEAN, _BATCHMEAN = ("none", 2), ("mean", 1), ("batchmean", 3)


def _reduced(loss: Array, reduction: Any) -> Any:
    if reduction in _NONE:
        return loss
    if reduction in _BATCHMEAN:
        return loss.sum() / loss.shape[0]
    return loss.mean() if reduction in _MEAN else loss.sum()


@kernel(
    "MSELossExt", serves=("mint.nn.functional.mse_loss", "mint.nn.MSELoss"), on=float64, mixes=("x", "target")
)
def mse_loss(x: Array, target: Array, reduction: Any = "mean") -> Any:
    """Squares in float64."""
    return _reduced((x - target) ** 2, reduction)


@kernel(
    "L1LossExt", serves=("mint.nn.functional.l1_loss", "mint.nn.L1Loss"), on=float64, mixes=("x", "target")
)
def l1_loss(x: Array, target: Array, reduction: Any = "mean") -> Any:
    """Absolute differences in float64."""
    return _reduced(np.abs(x - target), reduction)


@kernel("KLDiv", serves=("mint.nn.functional.kl_div", "mint.nn.KLDivLoss"), on=float64, mixes=("x", "target"))
def kl_div(x: Array, target: Array, reduction: Any = "mean", log_target: bool = False) -> Any:
    """`target * (log(target) - x)` in float64; 0 where the target is 0."""
    if log_target:
        return _reduced(np.exp(target) * (target - x), reduction)
    loss = target * np.log(target) - target * x
    return _reduced(np.where(target > 0, loss, np.where(target == 0, 0.0, np.nan)), reduction)
