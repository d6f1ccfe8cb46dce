"""What a checkpoint is for, read from its configuration and from mindone's source, which is not imported."""

from __future__ import annotations

import ast
import importlib.util
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.pipelines.errors import CheckpointError, PipelineError
from harness.pipelines.folder import INDEX, read_json
from harness.pipelines.models.config import UNet2DConfig
from harness.pipelines.schedulers.config import SchedulerConfig

# diffusers' classes that are built in, with the number of steps that they take there by default.
BUILTIN = {"DDIMPipeline": ("ddim", 50), "DDPMPipeline": ("ddpm", 1000)}
# All that init reads of a repository.
DESCRIBING = ("model_index.json", "*config.json")


def pipeline_of(folder: Path) -> str:
    """Return the name of the pipeline class that the checkpoint in ``folder`` is for."""
    name = read_json(folder / INDEX).get("_class_name")
    if not isinstance(name, str) or not name.isidentifier():
        raise CheckpointError(f"{folder / INDEX}: `_class_name` is not the name of a class")
    return name


def runs_builtin(folder: Path) -> bool:
    """Return whether a built-in pipeline supports everything that the checkpoint's configuration asks for."""
    nested = (folder / "unet").is_dir()
    unet = folder / "unet" / "config.json" if nested else folder / "config.json"
    scheduler = folder / ("scheduler" if nested else "") / "scheduler_config.json"
    try:
        UNet2DConfig.from_dict(read_json(unet), str(unet))
        SchedulerConfig.from_dict(read_json(scheduler), str(scheduler))
    except (CheckpointError, PipelineError):
        return False
    return True


def called_as(name: str) -> Callable[..., Any] | None:
    """Return a function with the parameters and defaults of mindone's pipeline class ``name``, or None.

    mindone must be installed. Defaults that are no literals count as None, and annotations are texts.
    """
    spec = importlib.util.find_spec("mindone")
    assert spec is not None
    places = [Path(root, "diffusers", "pipelines") for root in spec.submodule_search_locations or ()]
    sources = [path.read_text("utf-8") for place in places for path in sorted(place.rglob("pipeline_*.py"))]
    while name:
        defined = _class_in(sources, name)
        if defined is None:
            return None
        for item in defined.body:
            if isinstance(item, ast.FunctionDef) and item.name == "__call__":
                return _stub(item.args)
        name = next((base.id for base in defined.bases if isinstance(base, ast.Name)), "")
    return None


def _class_in(sources: list[str], name: str) -> ast.ClassDef | None:
    for source in sources:
        if f"class {name}(" in source:
            for item in ast.parse(source).body:
                if isinstance(item, ast.ClassDef) and item.name == name:
                    return item
    return None


def _stub(arguments: ast.arguments) -> Callable[..., Any]:
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
    defaults += arguments.defaults
    given = [*zip(positional, defaults, strict=True)]
    given += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    parameters = [
        inspect.Parameter(
            each.arg,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if default is None else _literal(default),
            annotation="" if each.annotation is None else ast.unparse(each.annotation),
        )
        for each, default in given
    ]

    def stub(**_: Any) -> None: ...

    vars(stub)["__signature__"] = inspect.Signature(parameters)
    return stub


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None
