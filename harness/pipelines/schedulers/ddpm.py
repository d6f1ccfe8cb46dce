"""Denoising diffusion probabilistic models: ancestral sampling, noise at every step but the last."""

from __future__ import annotations

import mindspore as ms
import numpy as np
from mindspore import Tensor

from harness.pipelines.errors import PipelineError
from harness.pipelines.randn import GeneratorArgument, randn_tensor
from harness.pipelines.schedulers.config import SchedulerConfig, unsupported_variance
from harness.pipelines.schedulers.prediction import NoiseLevel, SchedulerOutput, clean_sample, confine
from harness.pipelines.schedulers.schedule import NoiseSchedule


class DDPMScheduler(NoiseSchedule):
    """DDPM (https://arxiv.org/abs/2006.11239) on the noise schedule of ``config``.

    ``timesteps`` holds the training timesteps to visit, in falling order; :meth:`set_timesteps` sets it.
    """

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

        Formula (7) of the paper, plus noise drawn from ``generator`` unless ``variance_noise`` gives it; at
        timestep 0 nothing is drawn. The arithmetic is float32 whatever the sample's dtype, with one rounding
        at the end.
        """
        if timestep not in self.timesteps:
            raise PipelineError(
                f"timestep {timestep} is not one of the scheduler's: call set_timesteps first"
            )
        one = np.float32(1)
        position = self.timesteps.index(timestep) + 1
        here = NoiseLevel(self.alphas_cumprod[timestep])
        last = position == len(self.timesteps)
        there = NoiseLevel(one if last else self.alphas_cumprod[self.timesteps[position]])
        alpha = here.alpha_bar / there.alpha_bar
        beta = one - alpha

        x_t, output = sample.astype(ms.float32), model_output.astype(ms.float32)
        clean = confine(self.config, clean_sample(self.config.prediction_type, here, output, x_t))
        clean_factor = np.sqrt(there.alpha_bar) * beta / here.beta_bar
        sample_factor = np.sqrt(alpha) * there.beta_bar / here.beta_bar
        prev_sample = float(clean_factor) * clean + float(sample_factor) * x_t
        if timestep > 0:
            if variance_noise is None:
                variance_noise = randn_tensor(model_output.shape, generator, model_output.dtype)
            sigma = self._sigma(there.beta_bar / here.beta_bar * beta, beta)
            prev_sample = prev_sample + sigma * variance_noise.astype(ms.float32)
        return SchedulerOutput(prev_sample.astype(sample.dtype), clean.astype(sample.dtype))

    def _sigma(self, posterior_variance: np.float32, beta: np.float32) -> float:
        """Return the standard deviation of the noise: section 3.2 of the paper has the two choices."""
        if self.config.variance_type == "fixed_large":
            return float(np.sqrt(beta))
        # Not below 1e-20: the logarithm of the other variance types must be finite.
        variance = np.maximum(posterior_variance, np.float32(1e-20))
        if self.config.variance_type == "fixed_small_log":
            return float(np.exp(np.float32(0.5) * np.log(variance)))
        return float(np.sqrt(variance))
