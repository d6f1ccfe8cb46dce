"""Losses, which some pipelines use as guidance; sums are held in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
from mindspore import Tensor
from numpy.typing import NDArray

from harness.kernels.arrays import to_numpy, to_tensor
from harness.kernels.registry import kernel

# MindSpore hands the reduction over as a name or as its number.
_NONE, _MEAN, _BATCHMEAN = ("none", 2), ("mean", 1), ("batchmean", 3)


def _pair(input: Tensor, target: Tensor) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return to_numpy(input).astype(np.float64), to_numpy(target).astype(np.float64)


def _reduced(loss: NDArray[np.float64], reduction: Any, dtype: Any) -> Tensor:
    if reduction in _NONE:
        return to_tensor(loss, dtype)
    if reduction in _BATCHMEAN:
        return to_tensor(loss.sum() / loss.shape[0], dtype)
    return to_tensor(loss.mean() if reduction in _MEAN else loss.sum(), dtype)


@kernel("MSELossExt", serves=("mint.nn.functional.mse_loss", "mint.nn.MSELoss"))
def mse_loss(input: Tensor, target: Tensor, reduction: Any = "mean") -> Tensor:
    """Squares in float64."""
    x, y = _pair(input, target)
    return _reduced((x - y) ** 2, reduction, input.dtype)


@kernel("L1LossExt", serves=("mint.nn.functional.l1_loss", "mint.nn.L1Loss"))
def l1_loss(input: Tensor, target: Tensor, reduction: Any = "mean") -> Tensor:
    """Absolute differences in float64."""
    x, y = _pair(input, target)
    return _reduced(np.abs(x - y), reduction, input.dtype)


@kernel("KLDiv", serves=("mint.nn.functional.kl_div", "mint.nn.KLDivLoss"))
def kl_div(input: Tensor, target: Tensor, reduction: Any = "mean", log_target: bool = False) -> Tensor:
    """`target * (log(target) - x)` in float64; 0 where the target is 0."""
    x, y = _pair(input, target)
    if log_target:
        return _reduced(np.exp(y) * (y - x), reduction, input.dtype)
    loss = np.where(y > 0, y * np.log(y) - y * x, np.where(y == 0, 0.0, np.nan))
    return _reduced(loss, reduction, input.dtype)
