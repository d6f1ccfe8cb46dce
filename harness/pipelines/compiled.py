"""Graph mode for a pipeline of mindone: its denoising models are compiled, and the rest runs in PyNative."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

from harness.errors import FailureCause, HarnessError
from harness.frameworks.framework import current
from harness.pipelines.constants import TIMESTEP
from harness.pipelines.errors import PipelineError
from harness.pipelines.held import cells_of

# What tells a model of the step it runs in, beside the timestep by its usual names: those of StableCascade,
# UniDiffuser, Wuerstchen and the music decoder. aMUSEd's transformer gets none: its conditions tell it.
_OF_STEP = frozenset({*TIMESTEP, "timestep_ratio", "timestep_img", "r", "decoder_noise_time", "micro_conds"})
# How MindSpore's compiler names the statement that it is at.
_PLACE = re.compile(r"In file (?P<file>[^\n:]+):(?P<line>\d+)")


class NotCompiled(PipelineError):
    """The compiler refuses a model: ``part`` of the pipeline, a ``kind``, because of ``reason``."""

    cause = FailureCause.NOT_COMPILED

    def __init__(self, part: str, kind: str, reason: str, *, on_cpu: bool) -> None:
        ascend = ", or run this case on Ascend" if on_cpu else ""
        super().__init__(f"{part}, a {kind}, cannot be compiled: {reason}; leave out `mode: graph`{ascend}")
        self.part, self.kind, self.reason = part, kind, reason


def compile_models(name: str, pipeline: Any, settings: Mapping[str, Any]) -> None:
    """Have ``mindspore.jit`` compile each denoising model of ``pipeline`` at its first call.

    These are the models that take a timestep, by any of the names that mindone's have for it.
    ``settings`` are those of ``mindspore.jit``. On CPU, operators without a kernel are replaced in the graphs
    (:mod:`harness.kernels.graph`). Raises :class:`PipelineError` if there is no such model, or if MindSpore
    does not take the settings.
    """
    models = denoising_models(pipeline)
    if not models:
        raise PipelineError(f"{name} has no model that takes a timestep, so there is nothing to compile")
    for part, cell in models:
        cell.construct = _compiled(part, cell, settings)


def denoising_models(pipeline: Any) -> list[tuple[str, Any]]:
    """Return the models of ``pipeline`` that run once in each step, under the names by which it holds them.

    These take a timestep, by any of the names that mindone's have for it.
    """
    return [(part, cell) for part, cell in cells_of(pipeline) if _runs_in_steps(cell)]


def _runs_in_steps(cell: Any) -> bool:
    # In the class, too: what somebody has compiled need not say what it takes.
    return any(
        not _OF_STEP.isdisjoint(inspect.signature(construct).parameters)
        for construct in (getattr(of, current().method) for of in (cell, type(cell)))
    )


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
    compiled = False

    # Pipelines look at the signature to see what a model takes.
    @functools.wraps(construct)
    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal replaced, compiled
        from harness.kernels.graph import compilable, places_of
        from harness.kernels.missing import missing_kernel

        # At the first call, when all code of the model is imported.
        if replaced is None:
            replaced = places_of(cell) if on_cpu else []
        try:
            with compilable([*replaced, *own]):
                result = graph(*args, **kwargs)
        except (HarnessError, MemoryError):
            raise
        except Exception as error:
            # A graph that has run once can still be compiled anew, for other shapes.
            operator = missing_kernel(error)
            if compiled and operator is None:
                raise
            reason = f"MindSpore has no kernel for the operator {operator}" if operator else _told(error)
            raise NotCompiled(part, type(cell).__name__, reason, on_cpu=on_cpu) from error
        compiled = True
        return result

    return call


def _told(error: Exception) -> str:
    """Return what MindSpore says that it cannot compile, and where."""
    said = (str(error).strip().splitlines() or [type(error).__name__])[0]
    place = _PLACE.search(str(error))
    return f"{said} ({place['file']}:{place['line']})" if place else said
