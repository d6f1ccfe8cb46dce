"""Denoising diffusion implicit models: the deterministic walk back, with optional noise."""

from __future__ import annotations

import mindspore as ms
import numpy as np
from mindspore import Tensor

from harness.pipelines.errors import PipelineError
from harness.pipelines.randn import GeneratorArgument, randn_tensor
from harness.pipelines.schedulers.config import SchedulerConfig
from harness.pipelines.schedulers.prediction import (
    NoiseLevel,
    SchedulerOutput,
    clean_sample,
    confine,
    noise_in,
)
from harness.pipelines.schedulers.schedule import NoiseSchedule


class DDIMScheduler(NoiseSchedule):
    """DDIM (https://arxiv.org/abs/2010.02502) on the noise schedule of ``config``.

    ``timesteps`` holds the training timesteps to visit, in falling order; :meth:`set_timesteps` sets it.
    """

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

        Formulas (12) and (16) of the paper. ``eta`` scales the noise added, drawn from ``generator`` unless
        ``variance_noise`` gives it; with ``eta`` 0 nothing is drawn. ``use_clipped_model_output`` derives the
        noise again from the clipped clean sample. The arithmetic is float32 whatever the sample's dtype, with
        one rounding at the end: a float16 run then differs by its model only.
        """
        if not self.timesteps:
            raise PipelineError("the scheduler has no timesteps: call set_timesteps first")
        config = self.config
        here = NoiseLevel(self.alphas_cumprod[timestep])
        # The distance is that of evenly spaced timesteps for every spacing, as in diffusers.
        previous = timestep - config.num_train_timesteps // len(self.timesteps)
        there = NoiseLevel(self.alphas_cumprod[previous] if previous >= 0 else self.final_alpha_cumprod)

        x_t, output = sample.astype(ms.float32), model_output.astype(ms.float32)
        clean = clean_sample(config.prediction_type, here, output, x_t)
        if config.prediction_type == "epsilon":
            noise = output
        elif config.prediction_type == "sample":
            noise = noise_in(here, x_t, clean)
        else:
            noise = here.signal * output + here.noise * x_t
        clean = confine(config, clean)
        if use_clipped_model_output:
            noise = noise_in(here, x_t, clean)

        one = np.float32(1)
        variance = there.beta_bar / here.beta_bar * (one - here.alpha_bar / there.alpha_bar)
        sigma = np.float32(eta) * np.sqrt(variance)
        prev_sample = there.signal * clean + float(np.sqrt(there.beta_bar - sigma**2)) * noise
        if eta > 0:
            if variance_noise is None:
                variance_noise = randn_tensor(model_output.shape, generator, model_output.dtype)
            prev_sample = prev_sample + float(sigma) * variance_noise.astype(ms.float32)
        return SchedulerOutput(prev_sample.astype(sample.dtype), clean.astype(sample.dtype))
