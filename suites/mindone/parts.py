"""A pipeline of schedulers alone, with a function in place of their model.

A step of it takes a hundredth of what a step of a pipeline takes, so there can be many settings.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

_SHAPE = (3, 6, 10)  # of a sample: channels, height, width
_BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def scheduler(_checkpoint: str | None, dtype: str, _mode: str) -> Callable[..., Any]:
    """Return a pipeline that samples with one scheduler after the other; their samples are its channels.

    Each of ``runs`` has the class of a scheduler, ``kind``, and ``settings`` that it is made with beside
    Stable Diffusion's betas; ``schedule`` and ``step`` are further arguments of ``set_timesteps`` and
    ``step``. In place of a model's prediction a scheduler gets most of the input that a model would get, and
    a picture that grows with the timestep. With ``begin``, a picture with noise enters there, as in image to
    image. ``stop`` leaves out the timesteps from there on. With ``velocity``, the prediction is the
    scheduler's own velocity. With ``learned``, a variance is predicted, too.
    """
    import mindspore as ms
    import scipy.stats  # noqa: F401  draws while it is imported, which a case may not

    def sample(
        *,
        generator: Any,
        runs: list[dict[str, Any]],
        num_inference_steps: int,
        callback_on_step_end: Callable[..., Any],
    ) -> Any:
        steps = itertools.count()

        def after(timestep: Any, latents: Any) -> None:
            callback_on_step_end(None, next(steps), timestep, {"latents": latents})

        given = {"generator": generator, "precision": getattr(ms, dtype), "after": after}
        samples = [_sample(num_inference_steps, **given, **each) for each in runs]
        return np.concatenate([each.float().asnumpy() for each in samples], axis=1).transpose(0, 2, 3, 1)

    return sample


def _sample(
    steps: int,
    *,
    generator: Any,
    precision: Any,
    after: Callable[[Any, Any], None],
    kind: str,
    settings: dict[str, Any] | None = None,
    schedule: dict[str, Any] | None = None,
    step: dict[str, Any] | None = None,
    begin: int = 0,
    stop: int | None = None,
    velocity: bool = False,
    learned: bool = False,
) -> Any:
    """Return the sample of one run, [1, channels, height, width]."""
    import mindspore as ms
    from mindone.diffusers import schedulers
    from mindone.diffusers.utils.mindspore_utils import randn_tensor

    made = getattr(schedulers, kind)
    betas = {name: value for name, value in _BETAS.items() if name in inspect.signature(made).parameters}
    scheduler = made(**{**betas, **(settings or {})})
    own = {"timesteps", "sigmas"} & set(schedule or {})
    scheduler.set_timesteps(**{**({} if own else {"num_inference_steps": steps}), **(schedule or {})})
    picture = ms.Tensor(_picture(), precision)
    latents = randn_tensor((1, *_SHAPE), generator=generator, dtype=precision)
    left = scheduler.timesteps[begin:stop]
    if begin:
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(begin)
        latents = scheduler.add_noise(picture, latents, left[:1])
    else:
        latents = latents * getattr(scheduler, "init_noise_sigma", 1.0)
    takes = inspect.signature(scheduler.step).parameters
    further = {**({"generator": generator} if "generator" in takes else {}), **(step or {})}
    for timestep in left:
        entering = latents
        if hasattr(scheduler, "scale_model_input"):
            entering = scheduler.scale_model_input(latents, timestep)
        predicted = 0.9 * entering + 0.2 * (1 + timestep / 1000) * picture
        if velocity:
            predicted = scheduler.get_velocity(entering, predicted, timestep.reshape(1))
        if learned:
            predicted = ms.mint.cat([predicted, 0.5 * picture.abs()], dim=1)
        result = scheduler.step(predicted.to(precision), timestep, latents, **further)
        latents = (result[0] if isinstance(result, tuple) else result.prev_sample).to(precision)
        after(timestep, latents)
    return latents


def _picture() -> Any:
    """Return a picture that does not depend on the case's noise, [1, channels, height, width]."""
    return np.random.Generator(np.random.PCG64(3)).standard_normal((1, *_SHAPE)).astype(np.float32)
