"""The classes that a checkpoint may name as its components. A checkpoint brings no code of its own."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.pipelines.errors import CheckpointError
from harness.pipelines.folder import INDEX

if TYPE_CHECKING:
    from harness.pipelines.library import Library

# The base classes of what prepares a model's inputs.
_PREPARING = ("PreTrainedTokenizerBase", "FeatureExtractionMixin", "ImageProcessingMixin", "ProcessorMixin")


def check_components(entries: Mapping[str, Any], folder: Path, owner: Library) -> None:
    """Raise :class:`CheckpointError` if model_index.json names a component that is not allowed.

    ``entries`` are the entries of that file in ``folder``. The library ``owner`` imports any module that it
    names, and also a Python file next to a component's weights. Library are models and schedulers of that
    library (from `diffusers`, `transformers`, or the folder of a pipeline) and tokenizers and processors of
    transformers. Pipelines are not allowed, because they would bring a model_index.json of their own.
    """
    index = folder / INDEX
    if not isinstance(entries.get("_class_name", ""), str):
        raise CheckpointError(f"{index}: _class_name is not a string: a checkpoint brings no code of its own")
    # If no custom pipeline is requested, the library takes this file for the checkpoint's own pipeline.
    if (folder / "None.py").exists():
        raise CheckpointError(f"{folder}: has a file None.py, and no Python file of a checkpoint is ever run")
    for component, value in entries.items():
        # The library unpacks anything of length two, including a string of two characters.
        is_pair = isinstance(value, list) or (isinstance(value, str) and len(value) == 2)
        if not is_pair or component.startswith("_") or value[:1] == [None]:
            continue
        if not isinstance(value, list) or len(value) != 2 or not all(isinstance(each, str) for each in value):
            raise CheckpointError(f"{index}: {component} is not [library, class]")
        library, name = value
        if (folder / component / f"{library}.py").exists():
            raise CheckpointError(
                f"{index}: {component} is in {component}/{library}.py, and no Python file of a checkpoint is "
                f"ever run; name a class of {owner.name}"
            )
        if not _is_allowed(library, name, owner):
            raise CheckpointError(
                f"{index}: {component} is [{library}, {name}], which is not a model, scheduler, tokenizer or "
                f"processor of {owner.name} or transformers; nothing else is loaded from a checkpoint"
            )


def _is_allowed(library: str, name: str, owner: Library) -> bool:
    import transformers

    diffusers, models = owner.imported(), importlib.import_module(owner.transformers)
    library = library.removeprefix("mindone.")
    of_transformers = list(dict.fromkeys([models, transformers]))
    kinds = (
        diffusers.ModelMixin,
        diffusers.SchedulerMixin,
        getattr(models, owner.model),
        # mindone has its own version of most of these, and uses that of transformers for the others.
        *(getattr(of, each) for of in of_transformers for each in _PREPARING if hasattr(of, each)),
    )
    modules = [diffusers]
    if library == "transformers":
        modules = of_transformers
    elif library != "diffusers":
        place = f"{owner.module}.pipelines.{library}"
        if not library.isidentifier() or importlib.util.find_spec(place) is None:
            return False
        modules = [importlib.import_module(place)]
    # The same lookup as in the library. It reports itself a name that is in none of these modules.
    name = name.removeprefix("Flax")
    found = next((getattr(each, name) for each in modules if hasattr(each, name)), None)
    return found is None or (isinstance(found, type) and issubclass(found, kinds))
