"""From the name of a pipeline to a loaded pipeline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.cases.job import Job
from harness.frameworks.framework import current
from harness.measurement.figures import CodeIdentity
from harness.pipelines import checkpoints
from harness.pipelines.calling import SCHEDULES, Signature
from harness.pipelines.compiled import compile_models
from harness.pipelines.constants import Constants
from harness.pipelines.diffusers import DIFFUSERS
from harness.pipelines.errors import CheckpointError, PipelineError
from harness.pipelines.factory import UserCode, find_factory, is_mindones, make_pipeline
from harness.pipelines.folder import folder_hashes
from harness.pipelines.library import Library
from harness.pipelines.mindone import MINDONE
from harness.pipelines.own_code import own_code
from harness.pipelines.own_weights import cell_weights, named_weights

# The name of each one's class in harness.pipelines.unconditional, which imports MindSpore.
_BUILTIN = {"ddim": "DDIMPipeline", "ddpm": "DDPMPipeline"}
_KNOWN = ", ".join(_BUILTIN)
_DTYPES = ("float32", "float16", "bfloat16")
_LIBRARIES = {library.name: library for library in (MINDONE, DIFFUSERS)}
_MODES = ("pynative", "graph")
# The files that list a Hub checkpoint's components and configure its scheduler.
_DESCRIBING = ("model_index.json", "*scheduler_config.json")


@dataclass(frozen=True)
class LoadedPipeline:
    """A pipeline that is ready to be called, and the weights it holds.

    ``call`` is the pipeline itself and ``signature`` describes its parameters. ``checkpoint_files`` maps the
    path of each file in the checkpoint to its sha256; it is empty for a user's pipeline that takes no
    checkpoint. ``revision`` is the commit of a checkpoint from the Hub. ``code`` is the user's own code
    behind the pipeline, and None for a pipeline that is not made by a factory. ``constants`` and
    the facts in them are those before its first call, which may change it.
    """

    signature: Signature
    call: Callable[..., Any]
    checkpoint_files: dict[str, str]
    revision: str | None
    code: CodeIdentity | None = None
    constants: Constants | None = None


def load(job: Job, user_code: UserCode | None = None) -> LoadedPipeline:
    """Load the pipeline of ``job`` with the weights of its checkpoint.

    The pipeline is one of:

    - ``ddim`` or ``ddpm``;
    - ``package.module:factory``, a user's own;
    - ``mindone:ClassName``, a class of ``mindone.diffusers``;
    - ``diffusers:ClassName``, a class of ``diffusers``, on torch;
    - ``mindone:package.module:factory``, a user's own that runs on mindone.

    A factory is called as ``factory(checkpoint, dtype, mode)`` and returns what
    :mod:`harness.pipelines.calling` calls. ``checkpoint`` is the checkpoint's folder as a string, or None if
    the case names no checkpoint. Arguments that the pipeline does not accept are refused before any weights
    are loaded. With a factory this is not possible, because it has to make its pipeline first.
    """
    library, name = _library_of(job.pipeline)
    _check_dtype_and_mode(job, library)
    own = job.pipeline not in _BUILTIN and ":" in name
    if job.jit is not None and (job.mode != "graph" or own):
        raise PipelineError("`jit` is for ddim, ddpm and the classes of mindone, in graph mode")
    if job.mode == "graph" and job.dtype == "bfloat16" and not own:
        _check_bfloat16_in_graph(job.pipeline)
    if job.scheduler is not None and library is None:
        raise PipelineError(f"{job.pipeline}: `scheduler` is for pipelines of mindone; leave it out")
    if library is not None and not own:
        loaded = _load_class(job, library, name)
    elif job.pipeline in _BUILTIN:
        loaded = _load_builtin(job)
    else:
        loaded = _load_own(job, user_code or UserCode())
    return replace(loaded, constants=Constants(loaded.call, job.computed_parameters))


def _library_of(pipeline: str) -> tuple[Library | None, str]:
    """Return the library that ``pipeline`` names, and the rest of the name."""
    prefix, colon, rest = pipeline.partition(":")
    library = _LIBRARIES.get(prefix) if colon else None
    return library, pipeline if library is None else rest


def _check_dtype_and_mode(job: Job, library: Library | None) -> None:
    known = (*_DTYPES, "float64") if library is DIFFUSERS else _DTYPES
    if job.dtype == "float64" != known[-1]:
        raise PipelineError(f"{job.pipeline} does not run in float64, which is for pipelines of diffusers")
    if job.dtype not in known:
        raise PipelineError(f"unknown dtype {job.dtype!r}; known: {', '.join(known)}")
    if job.mode not in _MODES:
        raise PipelineError(f"unknown mode {job.mode!r}; known: {', '.join(_MODES)}")
    if job.mode == "graph" and library is DIFFUSERS:
        raise PipelineError(f"{job.pipeline}: `mode: graph` is for MindSpore; leave it out")


def _checked(signature: Signature, job: Job) -> Signature:
    signature.check(job.arguments, steps=job.steps, images=len(job.seeds))
    return signature


def _check_bfloat16_in_graph(pipeline: str) -> None:
    import mindspore as ms

    if ms.get_context("device_target") == "CPU":
        raise PipelineError(
            f"{pipeline} runs in bfloat16 in PyNative only: MindSpore's CPU has no bfloat16 for most "
            "operators, and a compiled graph does not use the kernels of harness; leave out "
            "`mode: graph`, or run this case on Ascend"
        )


def _load_builtin(job: Job) -> LoadedPipeline:
    import mindspore as ms

    from harness.pipelines import unconditional

    kind = getattr(unconditional, _BUILTIN[job.pipeline])
    signature = _checked(Signature(job.pipeline, kind.__call__), job)
    if job.checkpoint is None:
        raise CheckpointError(f"pipeline {job.pipeline} needs a checkpoint, for example builtin:ddpm-digits")
    found = checkpoints.resolve(job.checkpoint, Path(job.base))
    made = kind.from_checkpoint(found.open(), getattr(ms, job.dtype))
    if job.mode == "graph":
        made.compile(**(job.jit.arguments() if job.jit else {}))
    return LoadedPipeline(signature, made, made.checkpoint_files, found.revision)


def _load_class(job: Job, library: Library, class_name: str) -> LoadedPipeline:
    library.check_installed()
    name = job.pipeline
    kind = library.pipeline_class(class_name)
    signature = _checked(Signature(name, kind.__call__, closed=True), job)
    if job.checkpoint is None:
        raise CheckpointError(f"pipeline {name} needs a checkpoint: a folder or hub:owner/name@revision")
    # Problems with the case are reported before its weights are fetched or read.
    described, _ = _folder(job, files=_DESCRIBING)
    library.check_checkpoint(name, kind, described)
    if job.scheduler is not None:
        # If the case gives a schedule, the scheduler is not asked for a number of steps.
        steps = None if set(SCHEDULES) & set(job.arguments) else job.steps
        library.check_scheduler(name, kind, described, job.scheduler, steps=steps)
    folder, revision = _folder(job)
    # Before the library opens them: anything that is not a regular file is refused here.
    hashes = folder_hashes(folder)
    try:
        made = library.load_pipeline(name, kind, folder, job.dtype, job.scheduler)
    except CheckpointError as error:
        # Offline, an incomplete Hub cache would be taken for a complete one.
        raise CheckpointError(f"{error}{checkpoints.advice(job.checkpoint)}") from error
    if job.mode == "graph":
        compile_models(name, made, job.jit.arguments() if job.jit else {})
    return LoadedPipeline(signature, current().placed(made), hashes, revision)


def _load_own(job: Job, user_code: UserCode) -> LoadedPipeline:
    factory = find_factory(job.pipeline, _KNOWN, user_code)
    folder, revision = (None, None) if job.checkpoint is None else _folder(job)
    made = make_pipeline(job.pipeline, factory, None if folder is None else str(folder), job.dtype, job.mode)
    signature = _checked(Signature(job.pipeline, made, closed=is_mindones(made)), job)
    hashes = {} if folder is None else folder_hashes(folder)
    weights = named_weights(job.pipeline, factory, made)
    if weights is None:
        # The files of a checkpoint are known already. Before the first call, which may change the parameters.
        weights = {} if hashes else cell_weights(made)
    code = CodeIdentity(own_code(factory.__module__, user_code.folders), weights)
    return LoadedPipeline(signature, made, hashes, revision, code)


def _folder(job: Job, *, files: tuple[str, ...] | None = None) -> tuple[Path, str | None]:
    """Return the folder and the revision of a checkpoint that is not a recipe for seeded weights."""
    assert job.checkpoint is not None
    found = checkpoints.resolve(job.checkpoint, Path(job.base), files=files)
    if found.folder is None:
        raise CheckpointError(
            f"{job.checkpoint}: seeded weights lie in no folder that {job.pipeline} could load; "
            f"they are for {_KNOWN}"
        )
    return found.folder, found.revision
