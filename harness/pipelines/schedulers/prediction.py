"""From what the model predicts to the clean sample, and keeping that sample in range."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from mindspore import Tensor, ops

from harness.pipelines.schedulers.config import SchedulerConfig


class SchedulerOutput(NamedTuple):
    """What a step yields: the sample at the previous timestep, and the clean sample it was derived from.

    Both have the shape and dtype of the sample given to the step.
    """

    prev_sample: Tensor
    pred_original_sample: Tensor


@dataclass(frozen=True)
class NoiseLevel:
    """The mix of signal and noise at one timestep: ``x_t = signal * x_0 + noise * epsilon``."""

    alpha_bar: np.float32

    @property
    def beta_bar(self) -> np.float32:
        """The share of the variance that is noise, ``1 - alpha_bar``."""
        return np.float32(1) - self.alpha_bar

    @property
    def signal(self) -> float:
        """The factor of the clean sample."""
        return float(np.sqrt(self.alpha_bar))

    @property
    def noise(self) -> float:
        """The factor of the noise."""
        return float(np.sqrt(self.beta_bar))


def clean_sample(prediction_type: str, level: NoiseLevel, model_output: Tensor, sample: Tensor) -> Tensor:
    """Return the model's idea of x_0, from ``model_output`` at ``level``.

    ``epsilon`` is formula (12) of https://arxiv.org/abs/2010.02502, ``v_prediction`` appendix D of
    https://arxiv.org/abs/2202.00512; for ``sample`` the model predicts x_0 itself.
    """
    if prediction_type == "epsilon":
        return (sample - level.noise * model_output) / level.signal
    if prediction_type == "sample":
        return model_output
    return level.signal * sample - level.noise * model_output


def noise_in(level: NoiseLevel, sample: Tensor, clean: Tensor) -> Tensor:
    """Return the noise that makes ``sample`` out of ``clean`` at ``level``."""
    return (sample - level.signal * clean) / level.noise


def confine(config: SchedulerConfig, clean: Tensor) -> Tensor:
    """Return the float32 ``clean`` thresholded or clipped as ``config`` says; NaN stays NaN."""
    if config.thresholding:
        return _threshold(clean, config.dynamic_thresholding_ratio, config.sample_max_value)
    if config.clip_sample:
        bound = config.clip_sample_range
        return _keep_nan(clean, ops.clamp(clean, -bound, bound))
    return clean


def _keep_nan(before: Tensor, after: Tensor) -> Tensor:
    """Put back the NaN of ``before``: MindSpore's CPU kernels clamp NaN to the lower bound, a black pixel."""
    return ops.select(ops.isnan(before), before, after)


def _threshold(clean: Tensor, ratio: float, max_value: float) -> Tensor:
    """Dynamic thresholding, section 2.3 of https://arxiv.org/abs/2205.11487, for every image by itself."""
    flat = clean.reshape((clean.shape[0], -1))
    ascending, _ = ops.sort(ops.abs(flat), axis=1)
    # The rank in float32 and linear interpolation between neighbours, as torch.quantile has it.
    rank = np.float32(ratio) * np.float32(flat.shape[1] - 1)
    below, above = math.floor(rank), math.ceil(rank)
    low, high = ascending[:, below : below + 1], ascending[:, above : above + 1]
    bound = ops.clamp(low + float(rank - np.float32(below)) * (high - low), 1.0, max_value)
    bounded = ops.maximum(ops.minimum(flat, bound), -bound) / bound
    return _keep_nan(flat, bounded).reshape(clean.shape)
