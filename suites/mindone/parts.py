"""A pipeline of schedulers alone, with a function in place of their model.

A step of it takes a hundredth of what a step of a pipeline takes, so there can be many settings.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

# Of a sample: channels, height, width. What MindSpore makes of the values beyond the last eight depends on
# what has run before, so rows, tables and samples here are multiples of eight.
_SHAPE = (3, 6, 12)
_BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def scheduler(_checkpoint: str | None, dtype: str, _mode: str) -> Callable[..., Any]:
    """Return a pipeline that samples with one scheduler after the other; their samples are its channels.

    Each of ``runs`` has the class of a scheduler, ``kind``, and ``settings`` that it is made with beside
    Stable Diffusion's betas; ``schedule`` and ``step`` are further arguments of ``set_timesteps`` and
    ``step``. In place of a model's prediction a scheduler gets most of the input that a model would get, and
    a picture that grows with the timestep. With ``begin``, a picture with noise enters there, as in image to
    image. ``stop`` leaves out the timesteps from there on. With ``velocity``, the prediction is the
    scheduler's own velocity. With ``learned``, a variance is predicted, too. With ``noised``, two more steps
    are the picture with the noise of the first two timesteps. With ``batched``, two more are what a parallel
    scheduler makes of two timesteps at once. With ``vector``, a step takes a timestep for each image.
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
            # A schedule is compared exactly, and rounding decides timesteps that come from sigmas.
            callback_on_step_end(None, next(steps), round(float(timestep), 2), {"latents": latents})

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
    noised: bool = False,
    batched: bool = False,
    vector: bool = False,
) -> Any:
    """Return the sample of one run, [1, channels, height, width]."""
    import mindspore as ms
    from mindone.diffusers.utils.mindspore_utils import randn_tensor

    scheduler = _scheduler(kind, settings or {}, {"num_inference_steps": steps}, schedule or {})
    picture = ms.Tensor(_picture(), precision)
    noise = randn_tensor((1, *_SHAPE), generator=generator, dtype=precision)
    left = list(scheduler.timesteps[begin:stop])
    if begin:
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(begin)
        latents = _noised(scheduler, picture, noise, left[0])
    else:
        latents = noise * getattr(scheduler, "init_noise_sigma", 1.0)
    if hasattr(scheduler, "noise_sampler"):  # its own would seed numpy's global generator
        scheduler.noise_sampler = lambda *_: randn_tensor((1, *_SHAPE), generator=generator, dtype=precision)
    move = scheduler.step if hasattr(scheduler, "step") else scheduler.step_pred
    given = {"generator": generator, "original_image": picture, "mask": (picture > 0).to(precision)}
    given |= {"old_pred_original_sample": None, "timestep_back": None}
    taken = given.keys() & inspect.signature(move).parameters.keys()
    further = {name: ms.Tensor(it) if isinstance(it, list) else it for name, it in (step or {}).items()}
    back = None
    for timestep in left:
        if back is not None and hasattr(scheduler, "undo_step") and timestep > back:
            latents, back = scheduler.undo_step(latents, back, generator), timestep
            continue
        entering = latents
        if hasattr(scheduler, "scale_model_input"):
            entering = scheduler.scale_model_input(latents, timestep)
        predicted = 0.9 * entering + 0.2 * (1 + timestep / 1000) * picture
        if velocity:
            predicted = scheduler.get_velocity(entering, predicted, timestep.reshape(1))
        if learned:
            predicted = ms.mint.cat([predicted, 0.5 * picture.abs()], dim=1)
        predicted = predicted.to(precision)
        if hasattr(scheduler, "step_correct"):
            latents = scheduler.step_correct(predicted, latents, generator=generator)[0]
        given["timestep_back"] = back
        moment = timestep.reshape(1) if vector else timestep
        more = {**{name: given[name] for name in taken}, **further}
        result = move(model_output=predicted, timestep=moment, sample=latents, **more)
        given["old_pred_original_sample"], back = result[-1], timestep
        latents = (result[0] if isinstance(result, tuple) else result.prev_sample).to(precision)
        after(timestep, latents)
    for timestep in scheduler.timesteps[:2] if noised else ():
        after(timestep, _noised(scheduler, picture, noise, timestep))
    if batched:
        # Not the last timestep: in MindSpore its step overwrites the scheduler's own table.
        two = scheduler.timesteps[-3:-1]
        predicted, samples = ms.mint.cat([picture, noise]), ms.mint.cat([noise, picture])
        both = scheduler.batch_step_no_noise(predicted, two, samples)
        for index in range(2):
            after(two[index], both[index : index + 1])
    return latents


def _scheduler(kind: str, settings: dict[str, Any], steps: dict[str, int], schedule: dict[str, Any]) -> Any:
    """Return a scheduler whose timesteps are set."""
    import mindspore as ms
    from mindone.diffusers import schedulers

    made = getattr(schedulers, kind)
    betas = {name: value for name, value in _BETAS.items() if name in inspect.signature(made).parameters}
    scheduler = made(**{**betas, **settings})
    if kind == "EDMEulerScheduler" and "sigmas" in schedule:
        schedule = {**schedule, "sigmas": ms.Tensor(schedule["sigmas"])}  # it takes no list
    own = {"timesteps", "sigmas"} & schedule.keys()
    scheduler.set_timesteps(**{**({} if own else steps), **schedule})
    if hasattr(scheduler, "set_sigmas"):
        scheduler.set_sigmas(len(scheduler.timesteps))
    return scheduler


def _noised(scheduler: Any, picture: Any, noise: Any, timestep: Any) -> Any:
    timesteps = timestep.reshape(1)
    if hasattr(scheduler, "scale_noise"):
        return scheduler.scale_noise(picture, timesteps, noise)
    return scheduler.add_noise(picture, noise, timesteps)


def _picture() -> Any:
    """Return a picture that does not depend on the case's noise, [1, channels, height, width]."""
    return np.random.Generator(np.random.PCG64(3)).standard_normal((1, *_SHAPE)).astype(np.float32)
