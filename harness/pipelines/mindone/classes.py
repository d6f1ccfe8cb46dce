"""mindone's classes, by name; and mindone itself: whether it is there, and which code it is."""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
import inspect
import sys
import typing
from importlib import metadata
from pathlib import Path
from typing import Any

from harness.pipelines.errors import PackageMissing, PipelineError

PREFIX = "mindone:"
# What pipelines run on; the rest of mindone is for training.
_CODE = ("diffusers", "models", "peft", "safetensors", "transformers", "utils")
_DIGITS = 8


def check_installed() -> None:
    """Raise :class:`PackageMissing` with the command to install mindone where it is not installed."""
    for name in ("mindone", "transformers"):
        if importlib.util.find_spec(name) is None:
            raise PackageMissing(
                f"{name} is not installed for {sys.executable}: install the extra there, "
                "`pip install 'determinism-harness[mindone]'` (in a clone `pip install -e '.[mindone]'`), or "
                'leave these cases out (pytest: -m "not mindone"; harness matrix: --without-tag mindone)'
            )


def code_version() -> str:
    """Return mindone's version and a hash of its code, which tells an edited one from the release.

    The hash is over the paths and contents of its Python files, as far as pipelines run on them.
    """
    spec = importlib.util.find_spec("mindone")
    assert spec is not None
    digest = hashlib.sha256()
    for root in map(Path, spec.submodule_search_locations or ()):
        files = (path for part in _CODE for path in (root / part).rglob("*.py"))
        for name, path in sorted((path.relative_to(root).as_posix(), path) for path in files):
            digest.update(f"{name}\0".encode())
            digest.update(path.read_bytes())
    try:
        version = metadata.version("mindone")
    except metadata.PackageNotFoundError:
        version = "not installed by pip"
    return f"{version} ({digest.hexdigest()[:_DIGITS]})"


def pipeline_class(name: str) -> Any:
    """Return mindone's pipeline class ``name``; raises :class:`PipelineError` with the names most like it."""
    return _class(name, "DiffusionPipeline", "Pipeline")


def scheduler_class(name: str) -> Any:
    """Return mindone's scheduler class ``name``; raises as :func:`pipeline_class` does."""
    return _class(name, "SchedulerMixin", "Scheduler")


def names_ending_in(ending: str) -> list[str]:
    """Return the names in ``mindone.diffusers`` that end so; nothing is imported for them."""
    import mindone.diffusers as library

    return [each for each in dir(library) if each.endswith(ending)]


def _class(name: str, base: str, ending: str) -> Any:
    import mindone.diffusers as library

    # Names are looked up first: importing them all would take minutes.
    found = getattr(library, name, None) if name in dir(library) else None
    if isinstance(found, type) and issubclass(found, getattr(library, base)):
        return found
    nearest = difflib.get_close_matches(name, names_ending_in(ending), n=3)
    hint = f"; the nearest: {', '.join(nearest)}" if nearest else ""
    raise PipelineError(f"mindone {metadata.version('mindone')} has no {ending.lower()} {name!r}{hint}")


def class_names(annotation: Any) -> set[str]:
    """Return the names of the classes that ``annotation`` allows; none where it does not tell."""
    if isinstance(annotation, str):
        return {annotation} if annotation.isidentifier() else set()
    if isinstance(annotation, type):
        return set() if annotation is inspect.Parameter.empty else {annotation.__name__}
    return {name for part in typing.get_args(annotation) for name in class_names(part)} - {"NoneType"}
