"""From the name of a pipeline to something that can be called."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.pipelines import checkpoints
from harness.pipelines.errors import CheckpointError, PipelineError
from harness.pipelines.folder import file_hashes

# Module and class of each, imported when asked for: they import MindSpore.
_BUILTIN = {
    "ddim": ("harness.pipelines.ddim_pipeline", "DDIMPipeline"),
    "ddpm": ("harness.pipelines.ddpm_pipeline", "DDPMPipeline"),
}
_DTYPES = ("float32", "float16")
_MODES = ("pynative", "graph")
# The harness passes these itself; a case sets them by its own fields.
RESERVED_ARGUMENTS = (
    "batch_size",
    "callback_on_step_end",
    "generator",
    "num_inference_steps",
    "output_type",
)


@dataclass(frozen=True)
class LoadedPipeline:
    """A pipeline ready to be called, and which weights it holds.

    ``call(batch_size=, generator=, num_inference_steps=, output_type="np", callback_on_step_end=,
    **arguments)`` returns an object whose ``images`` is a float32 array ``[n, height, width, channels]``.
    ``checkpoint_files`` has the sha256 of each file of the checkpoint by its path in it, and is empty for a
    user's pipeline that takes no checkpoint; ``revision`` is the commit
    of a checkpoint from the Hub.
    """

    call: Callable[..., Any]
    checkpoint_files: dict[str, str]
    revision: str | None


def load(
    pipeline: str,
    checkpoint: str | None,
    *,
    base: Path,
    dtype: str,
    mode: str,
    arguments: Iterable[str] = (),
) -> LoadedPipeline:
    """Load ``pipeline`` with the weights of ``checkpoint``.

    ``pipeline`` is ``ddim``, ``ddpm``, or ``package.module:factory`` for a user's own. A factory is called as
    ``factory(checkpoint, dtype, mode)`` with the checkpoint's folder as a string, or None where the case
    names none, and returns what :class:`LoadedPipeline` calls. ``checkpoint`` is as in
    :func:`harness.pipelines.checkpoints.resolve`, relative to ``base``; ``dtype`` is ``float32`` or
    ``float16``, ``mode`` is ``pynative`` or ``graph``. ``arguments`` are the names of what else it will be
    called with; a built-in pipeline refuses unknown ones before it loads any weights.

    Raises :class:`PipelineError` or :class:`CheckpointError`.
    """
    if dtype not in _DTYPES:
        raise PipelineError(f"unknown dtype {dtype!r}; known: {', '.join(_DTYPES)}")
    if mode not in _MODES:
        raise PipelineError(f"unknown mode {mode!r}; known: {', '.join(_MODES)}")
    if pipeline.startswith("mindone:"):
        raise PipelineError(f"{pipeline}: pipelines of mindone cannot be run yet; known: {_known()}")
    if pipeline not in _BUILTIN:
        loaded = _load_own(pipeline, checkpoint, base, dtype, mode)
        check_arguments(pipeline, loaded.call, arguments)
        return loaded
    kind = _builtin_class(pipeline)
    check_arguments(pipeline, kind.__call__, arguments)
    return _load_builtin(pipeline, kind, checkpoint, base, dtype, mode)


def check_arguments(pipeline: str, call: Callable[..., Any], arguments: Iterable[str]) -> None:
    """Raise :class:`PipelineError` for names that ``call`` does not take or the harness passes itself."""
    given = sorted(arguments)
    reserved = [name for name in given if name in RESERVED_ARGUMENTS]
    if reserved:
        raise PipelineError(
            f"arguments of {pipeline}: the harness passes {', '.join(reserved)} itself; "
            "use the case's own fields (seed, seeds, steps, keep)"
        )
    parameters = inspect.signature(call).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return
    accepted = sorted({parameter.name for parameter in parameters} - {"self", *RESERVED_ARGUMENTS})
    unknown = [name for name in given if name not in accepted]
    if unknown:
        listed = ", ".join(accepted) or "none"
        raise PipelineError(f"{pipeline} takes no argument {', '.join(unknown)}; it takes: {listed}")


def _load_builtin(
    pipeline: str, kind: Any, checkpoint: str | None, base: Path, dtype: str, mode: str
) -> LoadedPipeline:
    if checkpoint is None:
        raise CheckpointError(f"pipeline {pipeline} needs a checkpoint, for example builtin:ddpm-digits")
    found = checkpoints.resolve(checkpoint, base)
    import mindspore as ms

    call = kind.from_checkpoint(found.open(), getattr(ms, dtype))
    if mode == "graph":
        call.compile()
    return LoadedPipeline(call, call.checkpoint_files, found.revision)


def _load_own(pipeline: str, checkpoint: str | None, base: Path, dtype: str, mode: str) -> LoadedPipeline:
    factory = _find_factory(pipeline)
    folder, revision = None, None
    hashes: dict[str, str] = {}
    if checkpoint is not None:
        found = checkpoints.resolve(checkpoint, base)
        if found.folder is None:
            raise CheckpointError(
                f"{checkpoint}: seeded weights lie in no folder that {pipeline} could load; "
                f"they are for {_known()}"
            )
        folder, revision = found.folder, found.revision
        # What a factory reads is its own affair, so every file that may hold weights or settings counts.
        inside = (path for path in folder.rglob("*") if path.is_file())
        files = [path for path in inside if not _hidden(path.relative_to(folder))]
        hashes = file_hashes(folder, files)
    call = factory(None if folder is None else str(folder), dtype, mode)
    if not callable(call):
        raise PipelineError(f"{pipeline} returned {type(call).__name__}, which cannot be called")
    return LoadedPipeline(call, hashes, revision)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _find_factory(pipeline: str) -> Callable[[str | None, str, str], Any]:
    match = re.fullmatch(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*)", pipeline)
    if match is None:
        raise PipelineError(f"unknown pipeline {pipeline!r}; known: {_known()}, or package.module:factory")
    module_name, name = match.groups()
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not (module_name + ".").startswith(error.name + "."):
            raise  # the module is there, but something that it imports is not
        raise PipelineError(
            f"{pipeline}: no module {error.name!r}; install it, or start where it can be imported from"
        ) from error
    factory = getattr(module, name, None)
    if not callable(factory):
        raise PipelineError(
            f"{pipeline}: {getattr(module, '__file__', module_name)} has no function {name!r}"
        )
    return factory  # type: ignore[no-any-return]


def _builtin_class(pipeline: str) -> Any:
    module, name = _BUILTIN[pipeline]
    return getattr(importlib.import_module(module), name)


def _known() -> str:
    return ", ".join(_BUILTIN)
