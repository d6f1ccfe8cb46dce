"""Loading a pipeline of mindone with the weights of a checkpoint."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from harness.pipelines.errors import CheckpointError, PipelineError
from harness.pipelines.mindone.classes import scheduler_class

# What mindone raises for files, configurations and classes that it cannot make a component of.
_UNLOADABLE = (OSError, ValueError, KeyError, AttributeError, NotImplementedError)


def load_pipeline(name: str, kind: Any, folder: Path, dtype: str, scheduler: dict[str, Any] | None) -> Any:
    """Return a pipeline of class ``kind``, called ``name``, with the weights in ``folder``.

    ``scheduler`` is ``{"class": NAME, **settings}``: another scheduler takes the place of the checkpoint's,
    made from its configuration and these settings, as users of diffusers do; NAME None is its own class.
    Weights are read from safetensors only. Raises :class:`PipelineError` or :class:`CheckpointError`.
    """
    import mindspore as ms
    from safetensors import SafetensorError

    try:
        pipeline = kind.from_pretrained(
            str(folder), mindspore_dtype=getattr(ms, dtype), use_safetensors=True, local_files_only=True
        )
    except (*_UNLOADABLE, SafetensorError) as error:
        raise CheckpointError(f"{folder}: {name} cannot be loaded from it: {error}") from error
    if scheduler is not None:
        _replace_scheduler(name, pipeline, scheduler)
    # The log of a worker that died is to show why, not a bar of progress.
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _replace_scheduler(name: str, pipeline: Any, scheduler: dict[str, Any]) -> None:
    current = getattr(pipeline, "scheduler", None)
    if current is None:
        raise PipelineError(f"{name} has no `scheduler` that another could take the place of")
    kind = type(current) if scheduler["class"] is None else scheduler_class(scheduler["class"])
    settings = checked_settings(kind, scheduler)
    try:
        pipeline.scheduler = kind.from_config(current.config, **settings)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise PipelineError(f"{kind.__name__}: {error}") from error


def checked_settings(kind: Any, scheduler: dict[str, Any]) -> dict[str, Any]:
    """Return the settings in ``scheduler``; raises :class:`PipelineError` for what class ``kind`` has not."""
    settings = {key: value for key, value in scheduler.items() if key != "class"}
    unknown = sorted(set(settings) - set(inspect.signature(kind.__init__).parameters))
    if unknown:
        raise PipelineError(f"{kind.__name__} has no setting {', '.join(unknown)}")
    return settings
