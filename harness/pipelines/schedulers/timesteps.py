"""Which of the training timesteps an inference run visits."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from harness.pipelines.errors import PipelineError
from harness.pipelines.schedulers.config import SchedulerConfig


def spaced_timesteps(config: SchedulerConfig, num_inference_steps: int) -> tuple[int, ...]:
    """Return ``num_inference_steps`` training timesteps in falling order.

    The spacings are those of table 2 of https://arxiv.org/abs/2305.08891: ``leading`` counts up from
    ``steps_offset``, ``trailing`` down from the last timestep, ``linspace`` includes both ends.

    Raises :class:`PipelineError` for a number of steps that the training schedule cannot serve.
    """
    total = config.num_train_timesteps
    if not 1 <= num_inference_steps <= total:
        raise PipelineError(
            f"num_inference_steps is {num_inference_steps}: give 1 to {total}, "
            "the num_train_timesteps of the checkpoint's scheduler"
        )
    if config.timestep_spacing == "linspace":
        steps: npt.NDArray[Any] = np.linspace(0, total - 1, num_inference_steps).round()[::-1]
    elif config.timestep_spacing == "leading":
        steps = np.arange(num_inference_steps)[::-1] * (total // num_inference_steps) + config.steps_offset
    else:
        # arange over a fraction can yield one value too many (1000 timesteps in 61 steps), which diffusers
        # turns into a timestep of -1; hence the cut.
        steps = np.arange(total, 0, -total / num_inference_steps)[:num_inference_steps].round() - 1
    if steps[0] >= total:
        raise PipelineError(
            f"steps_offset {config.steps_offset} moves the first of {num_inference_steps} timesteps to "
            f"{int(steps[0])}, past the last training timestep {total - 1}: take fewer steps"
        )
    return tuple(int(step) for step in steps)


def check_signal(config: SchedulerConfig, first: int, alphas_cumprod: npt.NDArray[np.float32]) -> None:
    """Raise :class:`PipelineError` where a run that starts at timestep ``first`` would divide by zero."""
    if config.prediction_type == "epsilon" and alphas_cumprod[first] == 0:
        raise PipelineError(
            f"rescale_betas_zero_snr leaves no signal at timestep {first}, and prediction_type epsilon "
            "divides by it: such a checkpoint needs prediction_type v_prediction or sample"
        )
