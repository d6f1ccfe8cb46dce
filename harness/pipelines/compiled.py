"""Graph mode for a pipeline of mindone: its denoising models are compiled, and the rest runs in PyNative."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

from harness.errors import FailureCause, HarnessError
from harness.pipelines.constants import timestep_of
from harness.pipelines.errors import PipelineError
from harness.pipelines.held import cells_of

# What pipelines call the models that run once in each step.
_NAMES = ("unet", "transformer", "prior", "decoder")
# How MindSpore's compiler names the statement that it is at.
_PLACE = re.compile(r"In file (?P<file>[^\n:]+):(?P<line>\d+)")


class NotCompiled(PipelineError):
    """A model cannot be compiled; the text names it and the first operator or statement that cannot be."""

    cause = FailureCause.NOT_COMPILED


def compile_models(name: str, pipeline: Any, settings: Mapping[str, Any]) -> None:
    """Have ``mindspore.jit`` compile each denoising model of ``pipeline`` at its first call.

    These are the models that take a timestep, and those called unet, transformer, prior or decoder.
    ``settings`` are those of ``mindspore.jit``. On CPU, operators without a kernel are replaced in the graphs
    (:mod:`harness.kernels.graph`). Raises :class:`PipelineError` if there is no such model, or if MindSpore
    does not take the settings.
    """
    models = [
        (part, cell) for part, cell in cells_of(pipeline) if part in _NAMES or timestep_of(cell) is not None
    ]
    if not models:
        raise PipelineError(f"{name} has no model that takes a timestep, so there is nothing to compile")
    for part, cell in models:
        cell.construct = _compiled(part, cell, settings)


def _compiled(part: str, cell: Any, settings: Mapping[str, Any]) -> Callable[..., Any]:
    import mindspore as ms

    construct = cell.construct
    try:
        graph = ms.jit(construct, **settings)
    except (TypeError, ValueError) as error:
        raise PipelineError(
            f"MindSpore {ms.__version__} does not take the settings {dict(settings)} of jit: {error}"
        ) from None
    on_cpu = ms.get_context("device_target") == "CPU"
    # The compiler looks up what the cell has, and cannot compile the function below.
    own: list[tuple[Any, str, Any]] = [(cell, "construct", graph)]
    replaced: list[tuple[Any, str, Any]] | None = None

    # Pipelines look at the signature to see what a model takes.
    @functools.wraps(construct)
    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal replaced
        from harness.kernels.graph import compilable, places_of

        # At the first call, when all code of the model is imported.
        if replaced is None:
            replaced = places_of(cell) if on_cpu else []
        try:
            with compilable([*replaced, *own]):
                return graph(*args, **kwargs)
        except HarnessError:
            raise
        except Exception as error:
            raise NotCompiled(
                f"{part}, a {type(cell).__name__}, cannot be compiled: {_reason(error)}; "
                "leave out `mode: graph`"
                f"{', or run this case on Ascend' if on_cpu else ''}"
            ) from error

    return call


def _reason(error: Exception) -> str:
    """Return what MindSpore could not compile: the operator without a kernel, or what it says, and where."""
    from harness.kernels.missing import missing_kernel

    if (operator := missing_kernel(error)) is not None:
        return f"MindSpore has no kernel for the operator {operator}"
    said = (str(error).strip().splitlines() or [type(error).__name__])[0]
    place = _PLACE.search(str(error))
    return f"{said} ({place['file']}:{place['line']})" if place else said
