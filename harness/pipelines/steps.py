"""Seeing the steps of a pipeline: its callback, or else its scheduler at work."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from harness.measurement.guard import replaced

# callback(pipeline, step, timestep, {"latents": latents}) -> latents to go on with, if "latents" is in it.
StepCallback = Callable[[Any, int, Any, dict[str, Any]], Mapping[str, Any]]
_STEP_END = "callback_on_step_end"
# How a pipeline may be looked at by diffusers' older convention.
OLDER_HOOKS = ("callback", "callback_steps")


@contextmanager
def seeing_steps(
    pipeline: Any, takes: Callable[[str], bool], after_step: StepCallback
) -> Iterator[dict[str, Any]]:
    """Yield the arguments with which ``pipeline`` shows its latents to ``after_step`` after each step.

    By diffusers' ``callback_on_step_end`` where ``takes`` says that the pipeline has it, or else by looking
    on at ``step`` of each scheduler that is an attribute of the pipeline: as many calls as there are, in all
    stages, counted from 0. A pipeline without schedulers may have diffusers' older ``callback``, which drops
    what it is given back.
    """
    if takes(_STEP_END):
        yield {_STEP_END: after_step}
        return
    older, every = OLDER_HOOKS
    if takes(older) and not schedulers(pipeline):

        def callback(step: int, timestep: Any, latents: Any) -> None:
            after_step(pipeline, step, timestep, {"latents": latents})

        yield {older: callback, **({every: 1} if takes(every) else {})}
        return
    with ExitStack() as watched:
        steps = itertools.count()
        for scheduler in schedulers(pipeline):
            step = _watched(scheduler.step, pipeline, steps, after_step)
            watched.enter_context(replaced(scheduler, "step", step))
        yield {}


def schedulers(pipeline: Any) -> list[Any]:
    """Return the schedulers among the attributes of ``pipeline``, each once."""
    found = {
        id(value): value
        for value in getattr(pipeline, "__dict__", {}).values()
        if callable(getattr(value, "step", None)) and callable(getattr(value, "set_timesteps", None))
    }
    return list(found.values())


def _watched(
    sound: Callable[..., Any], pipeline: Any, steps: Iterator[int], after_step: StepCallback
) -> Callable[..., Any]:
    # Pipelines ask for the signature of step, to see whether it takes a generator.
    @functools.wraps(sound)
    def step(*args: Any, **kwargs: Any) -> Any:
        result = sound(*args, **kwargs)
        timestep = kwargs["timestep"] if "timestep" in kwargs else args[1]
        latents = result if hasattr(result, "shape") else result[0]
        changed = after_step(pipeline, next(steps), timestep, {"latents": latents})
        return _with_latents(result, changed["latents"]) if "latents" in changed else result

    return step


def _with_latents(result: Any, latents: Any) -> Any:
    if hasattr(result, "shape"):
        return latents
    if isinstance(result, tuple):
        return (latents, *result[1:])
    result.prev_sample = latents
    return result
