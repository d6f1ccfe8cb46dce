"""From the name of a pipeline to something that can be run."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.cases.job import SchedulerChoice
from harness.pipelines import checkpoints
from harness.pipelines.calling import Array, Signature, call_pipeline
from harness.pipelines.errors import CheckpointError, PipelineError
from harness.pipelines.factory import find_factory, is_mindones, make_pipeline
from harness.pipelines.folder import folder_hashes
from harness.pipelines.mindone import PREFIX as MINDONE
from harness.pipelines.steps import StepCallback

# Module and class of each, imported when asked for: they import MindSpore.
_BUILTIN = {
    "ddim": ("harness.pipelines.ddim_pipeline", "DDIMPipeline"),
    "ddpm": ("harness.pipelines.ddpm_pipeline", "DDPMPipeline"),
}
_DTYPES = ("float32", "float16")
_MODES = ("pynative", "graph")
# Which components a checkpoint on the Hub has, and how its scheduler is set.
_DESCRIBING = ("model_index.json", "*scheduler_config.json")


@dataclass(frozen=True)
class Call:
    """How a case calls its pipeline: its own ``arguments``, its number of ``steps``, ``images`` in the batch.

    ``steps`` is None where the case leaves them to its arguments.
    """

    arguments: Mapping[str, Any] = field(default_factory=dict)
    steps: int | None = 1
    images: int = 1


@dataclass(frozen=True)
class LoadedPipeline:
    """A pipeline ready to be called, and which weights it holds.

    ``call`` is the pipeline itself, ``signature`` what it takes. ``checkpoint_files`` has the sha256 of each
    file of the checkpoint by its path in it, and is empty for a user's pipeline that takes no checkpoint;
    ``revision`` is the commit of a checkpoint from the Hub.
    """

    signature: Signature
    call: Callable[..., Any]
    checkpoint_files: dict[str, str]
    revision: str | None

    def run(
        self,
        generators: Sequence[Any],
        *,
        steps: int | None,
        arguments: Mapping[str, Any],
        after_step: StepCallback,
    ) -> Array:
        """Make one image per generator; see :func:`harness.pipelines.calling.call_pipeline`."""
        return call_pipeline(
            self.signature, self.call, generators, steps=steps, arguments=arguments, after_step=after_step
        )

    def check(self, call: Call) -> None:
        """Raise :class:`PipelineError` for a call that the pipeline does not take."""
        self.signature.check(call.arguments, steps=call.steps, images=call.images)


def load(
    pipeline: str,
    checkpoint: str | None,
    *,
    base: Path,
    dtype: str,
    mode: str,
    call: Call | None = None,
    scheduler: SchedulerChoice | None = None,
) -> LoadedPipeline:
    """Load ``pipeline`` with the weights of ``checkpoint``.

    ``pipeline`` is ``ddim``, ``ddpm``, ``package.module:factory`` for a user's own, ``mindone:ClassName`` for
    a class of ``mindone.diffusers``, or ``mindone:package.module:factory`` for a user's own that runs on
    mindone. A factory is called as ``factory(checkpoint, dtype, mode)`` with the checkpoint's folder as a
    string, or None where the case names none, and returns what :mod:`harness.pipelines.calling` calls.
    ``checkpoint`` is as in :func:`harness.pipelines.checkpoints.resolve`, relative to ``base``; ``dtype`` is
    ``float32`` or ``float16``, ``mode`` is ``pynative`` or ``graph``. ``call`` is how the case will call it:
    what the pipeline does not take is refused before any weights are loaded, but for a factory, which must
    make its pipeline first. ``scheduler`` is for pipelines of mindone:
    :func:`harness.pipelines.mindone.load.load_pipeline`.

    Raises :class:`PipelineError` or :class:`CheckpointError`.
    """
    if dtype not in _DTYPES:
        raise PipelineError(f"unknown dtype {dtype!r}; known: {', '.join(_DTYPES)}")
    if mode not in _MODES:
        raise PipelineError(f"unknown mode {mode!r}; known: {', '.join(_MODES)}")
    mindone = pipeline.startswith(MINDONE)
    if scheduler is not None and not mindone:
        raise PipelineError(f"{pipeline}: `scheduler` is for pipelines of mindone; leave it out")
    if mindone and ":" not in pipeline.removeprefix(MINDONE):
        return _load_mindone(pipeline, checkpoint, base, dtype, mode, call, scheduler)
    if pipeline in _BUILTIN:
        return _load_builtin(pipeline, checkpoint, base, dtype, mode, call)
    return _load_own(pipeline, checkpoint, base, dtype, mode, call)


def _checked(signature: Signature, call: Call | None) -> Signature:
    if call is not None:
        signature.check(call.arguments, steps=call.steps, images=call.images)
    return signature


def _load_builtin(
    pipeline: str, checkpoint: str | None, base: Path, dtype: str, mode: str, call: Call | None
) -> LoadedPipeline:
    module, name = _BUILTIN[pipeline]
    kind = getattr(importlib.import_module(module), name)
    signature = _checked(Signature(pipeline, kind.__call__), call)
    if checkpoint is None:
        raise CheckpointError(f"pipeline {pipeline} needs a checkpoint, for example builtin:ddpm-digits")
    found = checkpoints.resolve(checkpoint, base)
    import mindspore as ms

    made = kind.from_checkpoint(found.open(), getattr(ms, dtype))
    if mode == "graph":
        made.compile()
    return LoadedPipeline(signature, made, made.checkpoint_files, found.revision)


def _load_mindone(
    pipeline: str,
    checkpoint: str | None,
    base: Path,
    dtype: str,
    mode: str,
    call: Call | None,
    scheduler: SchedulerChoice | None,
) -> LoadedPipeline:
    from harness.pipelines.mindone.checkpoint import check_checkpoint
    from harness.pipelines.mindone.classes import check_installed, pipeline_class
    from harness.pipelines.mindone.load import load_pipeline
    from harness.pipelines.mindone.scheduler import check_scheduler

    check_installed()
    if mode != "pynative":
        raise PipelineError(f"{pipeline} runs in PyNative only: leave out `mode: {mode}`")
    kind = pipeline_class(pipeline.removeprefix(MINDONE))
    signature = _checked(Signature(pipeline, kind.__call__, closed=True), call)
    if checkpoint is None:
        raise CheckpointError(f"pipeline {pipeline} needs a checkpoint: a folder or hub:owner/name@revision")
    # What is wrong with the case is told before its weights are fetched, let alone read.
    described, _ = _folder(pipeline, checkpoint, base, files=_DESCRIBING)
    check_checkpoint(pipeline, kind, described)
    if scheduler is not None:
        check_scheduler(pipeline, kind, described, scheduler, steps=_plain_steps(call))
    folder, revision = _folder(pipeline, checkpoint, base)
    try:
        made = load_pipeline(pipeline, kind, folder, dtype, scheduler)
    except CheckpointError as error:
        # Offline, the Hub's cache is taken for whole when it is not.
        raise CheckpointError(f"{error}{checkpoints.advice(checkpoint)}") from error
    return LoadedPipeline(signature, made, folder_hashes(folder), revision)


def _plain_steps(call: Call | None) -> int | None:
    """Return how many steps the scheduler will be asked for; None where the case gives a schedule."""
    return None if call is None or {"timesteps", "sigmas"} & set(call.arguments) else call.steps


def _load_own(
    pipeline: str, checkpoint: str | None, base: Path, dtype: str, mode: str, call: Call | None
) -> LoadedPipeline:
    factory = find_factory(pipeline, _known())
    folder, revision = None, None
    if checkpoint is not None:
        folder, revision = _folder(pipeline, checkpoint, base)
    made = make_pipeline(pipeline, factory, None if folder is None else str(folder), dtype, mode)
    signature = _checked(Signature(pipeline, made, closed=is_mindones(made)), call)
    return LoadedPipeline(signature, made, {} if folder is None else folder_hashes(folder), revision)


def _folder(
    pipeline: str, checkpoint: str, base: Path, *, files: tuple[str, ...] | None = None
) -> tuple[Path, str | None]:
    """Return the folder of a checkpoint that is no recipe for seeded weights, and its revision.

    ``files`` are as in :func:`harness.pipelines.checkpoints.resolve`.
    """
    found = checkpoints.resolve(checkpoint, base, files=files)
    if found.folder is None:
        raise CheckpointError(
            f"{checkpoint}: seeded weights lie in no folder that {pipeline} could load; "
            f"they are for {_known()}"
        )
    return found.folder, found.revision


def _known() -> str:
    return ", ".join(_BUILTIN)
