"""What both schedulers stand on: the noise schedule of a configuration, and the timesteps of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from harness.pipelines.schedulers.betas import cumulative_alphas, make_betas
from harness.pipelines.schedulers.config import SchedulerConfig
from harness.pipelines.schedulers.timesteps import check_signal, spaced_timesteps

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
        check_signal(self.config, timesteps[0], self.alphas_cumprod)
        self.timesteps = timesteps
