"""Loading a pipeline of mindone with the weights of a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.cases.job import SchedulerChoice
from harness.pipelines.errors import CheckpointError
from harness.pipelines.mindone.scheduler import put_scheduler

# What mindone raises for files, configurations and classes that it cannot make a component of.
_UNLOADABLE = (OSError, ValueError, KeyError, AttributeError, NotImplementedError)


def load_pipeline(name: str, kind: Any, folder: Path, dtype: str, scheduler: SchedulerChoice | None) -> Any:
    """Return a pipeline of class ``kind``, called ``name``, with the weights in ``folder``.

    The ``scheduler`` takes the place of the checkpoint's, as users of diffusers do it.
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
        put_scheduler(name, pipeline, scheduler)
    # The log of a worker that died is to show why, not a bar of progress.
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
