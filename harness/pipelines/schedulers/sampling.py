"""DDIM and DDPM: from the model's prediction to the sample at the previous timestep."""

from __future__ import annotations

import math
from typing import NamedTuple

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops

from harness.pipelines.errors import PipelineError
from harness.pipelines.randn import GeneratorArgument, randn_tensor
from harness.pipelines.schedulers.config import SchedulerConfig, unsupported_variance
from harness.pipelines.schedulers.schedule import NoiseSchedule


class SchedulerOutput(NamedTuple):
    """The result of a step: the sample at the previous timestep, and the clean sample it is derived from.

    Both have the shape and dtype of the sample given to the step.
    """

    prev_sample: Tensor
    pred_original_sample: Tensor


class DDIMScheduler(NoiseSchedule):
    """DDIM (https://arxiv.org/abs/2010.02502) on the noise schedule of ``config``."""

    def __init__(self, config: SchedulerConfig) -> None:
        super().__init__(config)
        self.final_alpha_cumprod = np.float32(1) if config.set_alpha_to_one else self.alphas_cumprod[0]

    def step(
        self,
        model_output: Tensor,
        timestep: int,
        sample: Tensor,
        *,
        eta: float = 0.0,
        use_clipped_model_output: bool = False,
        generator: GeneratorArgument = None,
        variance_noise: Tensor | None = None,
    ) -> SchedulerOutput:
        """Go from ``sample`` ``[n, c, h, w]`` at ``timestep`` to the previous timestep.

        Implements formulas (12) and (16) of the paper. ``eta`` scales the added noise, which is drawn from
        ``generator`` unless ``variance_noise`` is given; with ``eta`` 0 nothing is drawn.
        ``use_clipped_model_output`` derives the noise again from the clipped clean sample. The arithmetic is
        float32 whatever the sample's dtype, with one rounding at the end, so that a float16 run differs only
        because of its model.
        """
        if not self.timesteps:
            raise PipelineError("the scheduler has no timesteps: call set_timesteps first")
        config = self.config
        here = _NoiseLevel(self.alphas_cumprod[timestep])
        # As in diffusers, the distance is that of evenly spaced timesteps, whatever the spacing.
        previous = timestep - config.num_train_timesteps // len(self.timesteps)
        there = _NoiseLevel(self.alphas_cumprod[previous] if previous >= 0 else self.final_alpha_cumprod)

        x_t, output = sample.astype(ms.float32), model_output.astype(ms.float32)
        clean = _clean_sample(config.prediction_type, here, output, x_t)
        if config.prediction_type == "epsilon":
            noise = output
        elif config.prediction_type == "sample":
            noise = _noise_in(here, x_t, clean)
        else:
            noise = here.signal * output + here.noise * x_t
        clean = _confine(config, clean)
        if use_clipped_model_output:
            noise = _noise_in(here, x_t, clean)

        one = np.float32(1)
        variance = there.beta_bar / here.beta_bar * (one - here.alpha_bar / there.alpha_bar)
        sigma = np.float32(eta) * np.sqrt(variance)
        prev_sample = there.signal * clean + float(np.sqrt(there.beta_bar - sigma**2)) * noise
        if eta > 0:
            if variance_noise is None:
                variance_noise = randn_tensor(model_output.shape, generator, model_output.dtype)
            prev_sample = prev_sample + float(sigma) * variance_noise.astype(ms.float32)
        return SchedulerOutput(prev_sample.astype(sample.dtype), clean.astype(sample.dtype))


class DDPMScheduler(NoiseSchedule):
    """DDPM (https://arxiv.org/abs/2006.11239) on the noise schedule of ``config``."""

    def __init__(self, config: SchedulerConfig) -> None:
        problems = unsupported_variance(config.variance_type)
        if problems:
            raise PipelineError(problems[0])
        super().__init__(config)

    def step(
        self,
        model_output: Tensor,
        timestep: int,
        sample: Tensor,
        *,
        generator: GeneratorArgument = None,
        variance_noise: Tensor | None = None,
    ) -> SchedulerOutput:
        """Go from ``sample`` ``[n, c, h, w]`` at ``timestep`` to the next of :attr:`timesteps`.

        Implements formula (7) of the paper, plus noise drawn from ``generator`` unless ``variance_noise`` is
        given; at timestep 0 nothing is drawn. A model that learns the variance gives ``model_output`` with
        twice the channels of ``sample``. The arithmetic is float32 whatever the sample's dtype, with one
        rounding at the end.
        """
        if timestep not in self.timesteps:
            raise PipelineError(
                f"timestep {timestep} is not one of the scheduler's: call set_timesteps first"
            )
        one = np.float32(1)
        position = self.timesteps.index(timestep) + 1
        here = _NoiseLevel(self.alphas_cumprod[timestep])
        last = position == len(self.timesteps)
        there = _NoiseLevel(one if last else self.alphas_cumprod[self.timesteps[position]])
        alpha = here.alpha_bar / there.alpha_bar
        beta = one - alpha

        x_t, output = sample.astype(ms.float32), model_output.astype(ms.float32)
        learned = None
        if self.config.learns_variance:
            if output.shape[1] != 2 * x_t.shape[1]:
                raise PipelineError(
                    f"variance_type {self.config.variance_type!r} needs a model that gives "
                    f"{2 * x_t.shape[1]} channels for {x_t.shape[1]}; this one gives {output.shape[1]}"
                )
            output, learned = ops.chunk(output, 2, 1)
        clean = _confine(self.config, _clean_sample(self.config.prediction_type, here, output, x_t))
        clean_factor = np.sqrt(there.alpha_bar) * beta / here.beta_bar
        sample_factor = np.sqrt(alpha) * there.beta_bar / here.beta_bar
        prev_sample = float(clean_factor) * clean + float(sample_factor) * x_t
        if timestep > 0:
            if variance_noise is None:
                variance_noise = randn_tensor(sample.shape, generator, model_output.dtype)
            posterior, noise = there.beta_bar / here.beta_bar * beta, variance_noise.astype(ms.float32)
            if learned is None:
                prev_sample = prev_sample + self._sigma(posterior, beta) * noise
            else:
                prev_sample = prev_sample + self._learned_sigma(learned, posterior, beta) * noise
        return SchedulerOutput(prev_sample.astype(sample.dtype), clean.astype(sample.dtype))

    def _sigma(self, posterior_variance: np.float32, beta: np.float32) -> float:
        """Return the standard deviation of the noise; section 3.2 of the paper gives both choices."""
        if self.config.variance_type == "fixed_large":
            return float(np.sqrt(beta))
        # At least 1e-20, so that the logarithm in the other variance types is finite.
        variance = np.maximum(posterior_variance, np.float32(1e-20))
        if self.config.variance_type == "fixed_small_log":
            return float(np.exp(np.float32(0.5) * np.log(variance)))
        return float(np.sqrt(variance))

    def _learned_sigma(self, predicted: Tensor, posterior_variance: np.float32, beta: np.float32) -> Tensor:
        """Return the standard deviation of the noise from what the model ``predicted``.

        ``learned`` predicts the variance itself. ``learned_range`` predicts, from -1 to 1, where its
        logarithm lies between those of the two choices; formula (15) of https://arxiv.org/abs/2102.09672.
        """
        if self.config.variance_type == "learned":
            return ops.sqrt(predicted)
        low = float(np.log(np.maximum(posterior_variance, np.float32(1e-20))))
        share = (predicted + 1) / 2
        return _exp(0.5 * (share * float(np.log(beta)) + (1 - share) * low))


def _exp(x: Tensor) -> Tensor:
    """Return the exponential of the float32 ``x``; MindSpore's CPU kernel in float32 is off by 4e-6."""
    if ms.get_context("device_target") == "Ascend":
        return ops.exp(x)
    return ops.exp(x.astype(ms.float64)).astype(ms.float32)


class _NoiseLevel:
    """The mix of signal and noise at one timestep: ``x_t = signal * x_0 + noise * epsilon``.

    ``beta_bar``, which is ``1 - alpha_bar``, is the noise's share of the variance.
    """

    def __init__(self, alpha_bar: np.float32) -> None:
        self.alpha_bar = alpha_bar
        self.beta_bar = np.float32(1) - alpha_bar
        self.signal = float(np.sqrt(alpha_bar))
        self.noise = float(np.sqrt(self.beta_bar))


def _clean_sample(prediction_type: str, level: _NoiseLevel, model_output: Tensor, sample: Tensor) -> Tensor:
    """Return the model's estimate of x_0, given its ``model_output`` at ``level``.

    ``epsilon`` uses formula (12) of https://arxiv.org/abs/2010.02502 and ``v_prediction`` appendix D of
    https://arxiv.org/abs/2202.00512; with ``sample`` the model predicts x_0 itself.
    """
    if prediction_type == "epsilon":
        return (sample - level.noise * model_output) / level.signal
    if prediction_type == "sample":
        return model_output
    return level.signal * sample - level.noise * model_output


def _noise_in(level: _NoiseLevel, sample: Tensor, clean: Tensor) -> Tensor:
    """Return the noise that turns ``clean`` into ``sample`` at ``level``."""
    return (sample - level.signal * clean) / level.noise


def _confine(config: SchedulerConfig, clean: Tensor) -> Tensor:
    """Return the float32 ``clean`` thresholded or clipped as ``config`` says; NaN stays NaN."""
    if config.thresholding:
        return _threshold(clean, config.dynamic_thresholding_ratio, config.sample_max_value)
    if config.clip_sample:
        bound = config.clip_sample_range
        return _keep_nan(clean, ops.clamp(clean, -bound, bound))
    return clean


def _keep_nan(before: Tensor, after: Tensor) -> Tensor:
    """Restore the NaN of ``before``: MindSpore's CPU kernels clamp NaN to the lower bound, a black pixel."""
    return ops.select(ops.isnan(before), before, after)


def _threshold(clean: Tensor, ratio: float, max_value: float) -> Tensor:
    """Dynamic thresholding, section 2.3 of https://arxiv.org/abs/2205.11487, for each image separately."""
    flat = clean.reshape((clean.shape[0], -1))
    ascending, _ = ops.sort(ops.abs(flat), axis=1)
    # The rank in float32 and linear interpolation between neighbours, as in torch.quantile.
    rank = np.float32(ratio) * np.float32(flat.shape[1] - 1)
    below, above = math.floor(rank), math.ceil(rank)
    low, high = ascending[:, below : below + 1], ascending[:, above : above + 1]
    bound = ops.clamp(low + float(rank - np.float32(below)) * (high - low), 1.0, max_value)
    bounded = ops.maximum(ops.minimum(flat, bound), -bound) / bound
    return _keep_nan(flat, bounded).reshape(clean.shape)
