"""Whether a checkpoint is one for a pipeline class of mindone, before anything heavy is loaded."""

from __future__ import annotations

import inspect
import typing
from pathlib import Path
from typing import Any

from harness.pipelines.errors import CheckpointError
from harness.pipelines.folder import read_json

INDEX = "model_index.json"
# Components of these libraries are models of diffusers' own; tokenizers and the like have many equal classes.
_MODELS = ("diffusers", "mindone.diffusers")
# SDXL calls these optional, for its refiner, whose checkpoint says of one that it is null; with one that a
# checkpoint does not know of at all, no prompt can be read.
_READING_PROMPTS = ("text_encoder", "tokenizer")


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


def class_names(annotation: Any) -> set[str]:
    """Return the names of the classes that ``annotation`` allows; none where it does not tell."""
    if isinstance(annotation, str):
        return {annotation} if annotation.isidentifier() else set()
    if isinstance(annotation, type):
        return set() if annotation is inspect.Parameter.empty else {annotation.__name__}
    return {name for part in typing.get_args(annotation) for name in class_names(part)} - {"NoneType"}
