"""Observing the steps of a pipeline: through its callback, or through its scheduler."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from harness.pipelines.methods import Call, observed_method

# callback(pipeline, step, timestep, {"latents": latents}); continue with "latents" from its result, if any.
StepCallback = Callable[[Any, int, Any, dict[str, Any]], Mapping[str, Any]]
_STEP_END = "callback_on_step_end"
# The arguments that make a pipeline call a hook in diffusers' older convention.
OLDER_HOOKS = ("callback", "callback_steps")


@contextmanager
def seeing_steps(
    pipeline: Any, takes: Callable[[str], bool], after_step: StepCallback
) -> Iterator[dict[str, Any]]:
    """Yield the arguments that make ``pipeline`` show its latents to ``after_step`` after each step.

    If ``takes`` says that the pipeline accepts diffusers' ``callback_on_step_end``, that is used. Otherwise
    ``step`` of each scheduler among the pipeline's attributes is observed, and its calls are counted from 0
    over all stages. For a pipeline without schedulers, diffusers' older ``callback`` is used if it
    exists; that ignores what ``after_step`` returns.
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
    steps = itertools.count()

    def step(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        result = call.sound(*args, **kwargs)
        timestep = kwargs["timestep"] if "timestep" in kwargs else args[1]
        latents = result if hasattr(result, "shape") else result[0]
        changed = after_step(pipeline, next(steps), timestep, {"latents": latents})
        return _with_latents(result, changed["latents"]) if "latents" in changed else result

    # Pipelines inspect the signature of step to see whether it accepts a generator, which stays as it is.
    with observed_method(schedulers(pipeline), "step", step):
        yield {}


def schedulers(pipeline: Any) -> list[Any]:
    """Return each scheduler among the attributes of ``pipeline`` once."""
    found = {
        id(value): value
        for value in getattr(pipeline, "__dict__", {}).values()
        if callable(getattr(value, "step", None)) and callable(getattr(value, "set_timesteps", None))
    }
    return list(found.values())


def _with_latents(result: Any, latents: Any) -> Any:
    if hasattr(result, "shape"):
        return latents
    if isinstance(result, tuple):
        return (latents, *result[1:])
    result.prev_sample = latents
    return result
