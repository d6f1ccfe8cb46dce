"""A checkpoint for a pipeline class of mindone: whether it is one, and the pipeline with its weights."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from harness.cases.job import SchedulerChoice
from harness.pipelines.errors import CheckpointError
from harness.pipelines.folder import INDEX, read_json
from harness.pipelines.mindone.classes import class_names
from harness.pipelines.mindone.scheduler import put_scheduler

# Components of these libraries are models of diffusers' own; tokenizers and the like have many equal classes.
_MODELS = ("diffusers", "mindone.diffusers")
# SDXL calls these optional, for its refiner, whose checkpoint says of one that it is null; with one that a
# checkpoint does not know of at all, no prompt can be read.
_READING_PROMPTS = ("text_encoder", "tokenizer")
# What mindone raises for files, configurations and classes that it cannot make a component of.
_UNLOADABLE = (OSError, ValueError, KeyError, AttributeError, NotImplementedError)


def check_checkpoint(name: str, kind: Any, folder: Path) -> None:
    """Raise :class:`CheckpointError` unless the checkpoint in ``folder`` has what ``kind`` is made of.

    ``kind`` is the pipeline class ``name``. A checkpoint of another class will do where it has every
    component that ``kind`` cannot do without, of a class that ``kind`` names: Stable Diffusion's for image to
    image.
    """
    index = folder / INDEX
    entries = read_json(index)
    made_for = entries.get("_class_name")
    if made_for == kind.__name__:
        return
    components = {
        key: value
        for key, value in entries.items()
        if isinstance(value, list) and len(value) == 2 and value[1] is not None
    }
    problems = []
    for component, parameter in inspect.signature(kind.__init__).parameters.items():
        if component == "self" or parameter.default is not parameter.empty:
            continue
        if component not in components:
            optional = component in kind._optional_components
            if not optional or (component not in entries and component.startswith(_READING_PROMPTS)):
                problems.append(f"it has no {component}")
            continue
        library, given = components[component]
        expected = class_names(parameter.annotation)
        if library in _MODELS and not component.endswith("scheduler") and expected and given not in expected:
            problems.append(f"its {component} is a {given}, not a {' or '.join(sorted(expected))}")
    if problems:
        raise CheckpointError(
            f"{index}: this is a checkpoint of {made_for or 'no known class'}, which {name} cannot run: "
            f"{'; '.join(problems)}"
        )


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
