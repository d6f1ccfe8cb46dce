"""The basis of both schedulers: how much noise each training timestep adds, and a run's timesteps.

The schedule is float32 and rounded where diffusers on torch rounds, so that the coefficients of a step have
the same bits as those with which a checkpoint was trained and published.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.pipelines.errors import PipelineError
from harness.pipelines.schedulers.config import SchedulerConfig

Float32Array = npt.NDArray[np.float32]


class NoiseSchedule:
    """``alphas_cumprod`` is float32 ``[num_train_timesteps]``.

    ``timesteps`` holds the training timesteps to visit in descending order; :meth:`set_timesteps` sets it.
    """

    def __init__(self, config: SchedulerConfig) -> None:
        self.config = config
        self.alphas_cumprod = cumulative_alphas(make_betas(config))
        self.timesteps: tuple[int, ...] = ()

    def set_timesteps(self, num_inference_steps: int) -> None:
        """Choose the timesteps for ``num_inference_steps``; :class:`PipelineError` if that is impossible."""
        timesteps = spaced_timesteps(self.config, num_inference_steps)
        first = timesteps[0]
        if self.config.prediction_type == "epsilon" and self.alphas_cumprod[first] == 0:
            raise PipelineError(
                f"rescale_betas_zero_snr leaves no signal at timestep {first}, and prediction_type epsilon "
                "divides by it: such a checkpoint needs prediction_type v_prediction or sample"
            )
        self.timesteps = timesteps


def spaced_timesteps(config: SchedulerConfig, num_inference_steps: int) -> tuple[int, ...]:
    """Return ``num_inference_steps`` training timesteps in descending order.

    The spacings are those of table 2 of https://arxiv.org/abs/2305.08891: ``leading`` counts up from
    ``steps_offset``, ``trailing`` down from the last timestep, ``linspace`` includes both ends.
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
        # arange with a fractional step can yield one value too many (1000 timesteps in 61 steps), which
        # becomes a timestep of -1 in diffusers; therefore the array is cut.
        steps = np.arange(total, 0, -total / num_inference_steps)[:num_inference_steps].round() - 1
    if steps[0] >= total:
        raise PipelineError(
            f"steps_offset {config.steps_offset} moves the first of {num_inference_steps} timesteps to "
            f"{int(steps[0])}, past the last training timestep {total - 1}: take fewer steps"
        )
    return tuple(int(step) for step in steps)


def make_betas(config: SchedulerConfig) -> Float32Array:
    """Return the betas ``[num_train_timesteps]``, float32, that ``config`` asks for.

    ``linear`` is the schedule of DDPM (https://arxiv.org/abs/2006.11239, section 4), ``scaled_linear`` is
    linear in the square root (latent diffusion), and ``squaredcos_cap_v2`` is the cosine schedule of
    https://arxiv.org/abs/2102.09672, section 3.2. ``rescale_betas_zero_snr`` applies algorithm 1 of
    https://arxiv.org/abs/2305.08891.
    """
    n = config.num_train_timesteps
    if config.trained_betas is not None:
        betas = np.asarray(config.trained_betas, np.float32)
    elif config.beta_schedule == "linear":
        betas = linspace(config.beta_start, config.beta_end, n)
    elif config.beta_schedule == "scaled_linear":
        betas = linspace(config.beta_start**0.5, config.beta_end**0.5, n) ** 2
    else:
        betas = _cosine_betas(n)
    return _rescale_to_zero_terminal_snr(betas) if config.rescale_betas_zero_snr else betas


def cumulative_alphas(betas: Float32Array) -> Float32Array:
    """Return the cumulative product of ``1 - betas``, ``[num_train_timesteps]``, float32.

    On the CPU, torch accumulates a float32 ``cumprod`` in float64 and rounds every entry. A product
    accumulated in float32 would be off by up to 19 ulp.
    """
    alphas = np.float32(1) - betas
    return np.cumprod(alphas, dtype=np.float64).astype(np.float32)


def linspace(start: float, end: float, count: int) -> Float32Array:
    """Return ``count`` float32 values from ``start`` to ``end``, with the bits of ``torch.linspace``.

    torch works inwards from both ends by a float32 step, with one fused multiply-add per value. In float64
    the product of a float32 and a small integer is exact, so one rounding to float32 gives the same bits.
    """
    first, last = np.float32(start), np.float32(end)
    if count == 1:
        return np.array([first], np.float32)
    step = float((last - first) / np.float32(count - 1))
    index = np.arange(count)
    from_start = float(first) + step * index
    from_end = float(last) - step * (count - 1 - index)
    return np.where(index < count // 2, from_start, from_end).astype(np.float32)


def _cosine_betas(count: int) -> Float32Array:
    def alpha_bar(time: float) -> float:
        return math.cos((time + 0.008) / 1.008 * math.pi / 2) ** 2

    # 0.999 caps the last betas, where alpha_bar reaches zero (section 3.2 of the paper).
    return np.array(
        [min(1 - alpha_bar((i + 1) / count) / alpha_bar(i / count), 0.999) for i in range(count)], np.float32
    )


def _rescale_to_zero_terminal_snr(betas: Float32Array) -> Float32Array:
    root = np.sqrt(cumulative_alphas(betas))
    first, last = root[0], root[-1]
    root = (root - last) * (first / (first - last))
    alpha_bar = root**2
    alphas = np.concatenate([alpha_bar[:1], alpha_bar[1:] / alpha_bar[:-1]])
    rescaled: Float32Array = np.float32(1) - alphas
    return rescaled
