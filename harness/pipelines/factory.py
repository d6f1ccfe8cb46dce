"""A user's own pipeline factory: finding it by name, calling it, and checking what it returns."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from importlib.machinery import PathFinder
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from harness.pipelines.errors import PackageMissing, PipelineError
from harness.pipelines.mindone import PREFIX as MINDONE

_NAME = r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*)"
_PARAMETERS = ("checkpoint", "dtype", "mode")
# Installed modules are in one of these folders, even if the environment is inside the user's folder.
_PACKAGES = {"site-packages", "dist-packages"}
# The entry point group under which a package declares its factory modules: `pipelines = "package.module"`.
ENTRY_POINTS = "harness.factories"

Factory = Callable[[str | None, str, str], Any]


@dataclass(frozen=True)
class UserCode:
    """The code that a case may name: modules in the user's own ``folders``, and installed ``modules``.

    ``refused`` means that a case may not name any function, not even one that a package declares.
    """

    folders: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    refused: bool = False


def find_factory(pipeline: str, known: str, allowed: UserCode) -> Factory:
    """Return the function that ``pipeline`` names as ``[mindone:]package.module:factory``.

    ``known`` are the names of pipelines that need no factory, for the error message. Only ``allowed`` modules
    are imported: a suite is data and cannot name a function of Python or of a package that happens to be
    installed. Raises :class:`PipelineError` if the function is not allowed, is not found, or does not have
    the parameters of a factory.
    """
    match = re.fullmatch(_NAME, pipeline.removeprefix(MINDONE))
    if match is None:
        raise PipelineError(
            f"unknown pipeline {pipeline!r}; known: {known}, mindone:ClassName, diffusers:ClassName, "
            "or package.module:factory"
        )
    if allowed.refused:
        raise PipelineError(f"{pipeline} is a user's own code, which --no-user-code refuses")
    module_name, function = match.groups()
    _check_allowed(pipeline, module_name, allowed)
    module = importlib.import_module(module_name)
    factory = getattr(module, function, None)
    if not inspect.isfunction(factory) or factory.__module__ != module_name:
        raise PipelineError(
            f"{pipeline}: {getattr(module, '__file__', module_name)} defines no function {function!r}"
        )
    signature = inspect.signature(factory)
    parameters = signature.parameters.values()
    if tuple(each.name.removeprefix("_") for each in parameters) != _PARAMETERS or any(
        each.kind not in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD) for each in parameters
    ):
        place = f"{factory.__code__.co_filename}:{factory.__code__.co_firstlineno}"
        raise PipelineError(
            f"{pipeline} ({place}): a factory takes ({', '.join(_PARAMETERS)}), but this one takes "
            f"{signature}"
        )
    return factory


def _check_allowed(pipeline: str, module: str, allowed: UserCode) -> None:
    """Raise :class:`PipelineError` unless ``module`` exists and may be imported; does not import it."""
    file = _file_of(pipeline, module)
    declared = (*allowed.modules, *(each.module for each in entry_points(group=ENTRY_POINTS)))
    if any(f"{module}.".startswith(f"{each}.") for each in declared):
        return
    if file is None or not is_users_own(file, allowed.folders):
        advice = (
            f'; allow it in pyproject.toml, `[tool.harness] factories = ["{module}"]`, or by an entry point '
            f"of its package in the group {ENTRY_POINTS}"
        )
        raise PipelineError(
            f"{pipeline}: {module} is not in the folder that harness runs in, so a suite may not call it"
            f"{'' if module.partition('.')[0] in sys.stdlib_module_names else advice}"
        )


def _file_of(pipeline: str, module: str) -> str | None:
    """Return the file that importing ``module`` would run, or None if it would run none."""
    top, *below = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except ValueError:  # a module that was not imported from anywhere, such as __main__
        return None
    name = top
    for part in below:
        if spec is None or spec.submodule_search_locations is None:
            break
        name = f"{name}.{part}"
        # Search for the last part only: given the whole name, PathFinder asks for the parent to be imported
        # if the folder is not a package.
        spec = PathFinder.find_spec(part, spec.submodule_search_locations)
    if spec is None or name != module:
        missing = name if spec is None else f"{name}.{module.removeprefix(name + '.').partition('.')[0]}"
        raise PackageMissing(
            f"{pipeline}: no module {missing!r}; install it, or start where it can be imported from"
        )
    return spec.origin if spec.has_location else None


def is_users_own(file: str, folders: tuple[str, ...]) -> bool:
    """Return whether ``file`` is in one of ``folders`` and not part of Python or an installed package."""
    places = {Path(file).absolute(), Path(file).resolve()}
    python = (Path(sysconfig.get_path(each)).resolve() for each in ("stdlib", "platstdlib"))
    if any(place.is_relative_to(each) for each in python for place in places):
        return False
    return not any(_PACKAGES & set(place.parts) for place in places) and any(
        place.is_relative_to(folder) for folder in folders for place in places
    )


def make_pipeline(
    pipeline: str, factory: Factory, folder: str | None, dtype: str, mode: str
) -> Callable[..., Any]:
    """Return the pipeline that ``factory``, named by ``pipeline``, makes from a checkpoint's ``folder``.

    Raises :class:`PipelineError` if the result cannot be called, or if it is one of mindone's pipelines and
    ``pipeline`` does not start with ``mindone:``.
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
    """Return whether ``made`` is one of mindone's own pipelines; a user's wrapper around one is not."""
    return type(made).__module__.startswith("mindone.")
