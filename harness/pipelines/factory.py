"""A user's own factory of pipelines: found by its name, called, and what it returned looked at."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable
from typing import Any

from harness.pipelines.errors import PipelineError
from harness.pipelines.mindone import PREFIX as MINDONE

_NAME = r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*)"

Factory = Callable[[str | None, str, str], Any]


def find_factory(pipeline: str, known: str) -> Factory:
    """Return the function that ``pipeline`` names, ``package.module:factory`` with or without ``mindone:``.

    ``known`` are the pipelines that need none, for the error. Raises :class:`PipelineError` where it is not
    there, or takes other parameters than a factory does.
    """
    match = re.fullmatch(_NAME, pipeline.removeprefix(MINDONE))
    if match is None:
        raise PipelineError(
            f"unknown pipeline {pipeline!r}; known: {known}, mindone:ClassName, or package.module:factory"
        )
    module_name, function = match.groups()
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not (module_name + ".").startswith(error.name + "."):
            raise  # the module is there, but something that it imports is not
        raise PipelineError(
            f"{pipeline}: no module {error.name!r}; install it, or start where it can be imported from"
        ) from error
    factory = getattr(module, function, None)
    if not callable(factory):
        raise PipelineError(
            f"{pipeline}: {getattr(module, '__file__', module_name)} has no function {function!r}"
        )
    _check_parameters(pipeline, factory)
    return factory  # type: ignore[no-any-return]


def _check_parameters(pipeline: str, factory: Factory) -> None:
    try:
        signature = inspect.signature(factory)
    except ValueError:  # some functions written in C do not tell
        return
    try:
        signature.bind(None, "float32", "pynative")
    except TypeError:
        code = getattr(inspect.unwrap(factory), "__code__", None)
        place = "" if code is None else f" ({code.co_filename}:{code.co_firstlineno})"
        raise PipelineError(
            f"{pipeline}{place}: a factory takes (checkpoint, dtype, mode), this one {signature}"
        ) from None


def make_pipeline(
    pipeline: str, factory: Factory, folder: str | None, dtype: str, mode: str
) -> Callable[..., Any]:
    """Return what ``factory``, which ``pipeline`` names, makes of a checkpoint's ``folder``.

    Raises :class:`PipelineError` where that cannot be called, or is mindone's and ``pipeline`` does not say.
    """
    made = factory(folder, dtype, mode)
    if not callable(made):
        raise PipelineError(f"{pipeline} returned {type(made).__name__}, which cannot be called")
    if is_mindones(made) and not pipeline.startswith(MINDONE):
        raise PipelineError(
            f"{pipeline} returned mindone's {type(made).__name__}: write `pipeline: {MINDONE}{pipeline}`, "
            "which brings the kernels that it needs on CPU, and mindone's version in the fingerprint"
        )
    return made  # type: ignore[no-any-return]


def is_mindones(made: Any) -> bool:
    """Return whether ``made`` is a pipeline of mindone's own; what a user's factory wraps it in is none."""
    return type(made).__module__.startswith("mindone.")
