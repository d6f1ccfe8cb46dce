"""What both schedulers stand on: the noise schedule of a configuration, and the timesteps of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from harness.pipelines.errors import PipelineError
from harness.pipelines.schedulers.betas import cumulative_alphas, make_betas
from harness.pipelines.schedulers.config import SchedulerConfig

AnySchedule = TypeVar("AnySchedule", bound="NoiseSchedule")


class NoiseSchedule:
    """``alphas_cumprod`` is float32 ``[num_train_timesteps]``.

    ``timesteps`` holds the training timesteps to visit, in falling order; :meth:`set_timesteps` sets it.
    """

    def __init__(self, config: SchedulerConfig) -> None:
        self.config = config
        self.alphas_cumprod = cumulative_alphas(make_betas(config))
        self.timesteps: tuple[int, ...] = ()

    @classmethod
    def from_config(cls: type[AnySchedule], data: Mapping[str, Any], where: str) -> AnySchedule:
        """Read a ``scheduler_config.json``, either scheduler's; ``where`` names the file in errors."""
        return cls(SchedulerConfig.from_dict(data, where))

    def set_timesteps(self, num_inference_steps: int) -> None:
        """Choose the timesteps of a run of ``num_inference_steps``; :class:`PipelineError` if impossible."""
        timesteps = spaced_timesteps(self.config, num_inference_steps)
        first = timesteps[0]
        if self.config.prediction_type == "epsilon" and self.alphas_cumprod[first] == 0:
            raise PipelineError(
                f"rescale_betas_zero_snr leaves no signal at timestep {first}, and prediction_type epsilon "
                "divides by it: such a checkpoint needs prediction_type v_prediction or sample"
            )
        self.timesteps = timesteps


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
