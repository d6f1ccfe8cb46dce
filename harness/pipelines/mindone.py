"""mindone, the port of diffusers to MindSpore: whether it is there, and which code it has."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from importlib import metadata
from pathlib import Path

from harness.pipelines.errors import PackageMissing
from harness.pipelines.library import Library

# The parts that pipelines run on; the rest of mindone is for training.
_CODE = ("diffusers", "models", "peft", "safetensors", "transformers", "utils")


def check_installed() -> None:
    """Raise :class:`PackageMissing`, with the command to install mindone, if it is not installed."""
    for name in ("mindone", "transformers"):
        if importlib.util.find_spec(name) is None:
            raise PackageMissing(
                f"{name} is not installed for {sys.executable}: install the extra there, "
                "`pip install 'determinism-harness[mindone]'` (in a clone `pip install -e '.[mindone]'`), or "
                'leave these cases out (pytest: -m "not mindone"; harness matrix: --without-tag mindone)'
            )


def code_version() -> str:
    """Return mindone's version and a hash of its code, which reveals edits."""
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
    return f"{version} ({digest.hexdigest()[:8]})"


MINDONE = Library(
    name="mindone",
    module="mindone.diffusers",
    framework="mindspore",
    dtype_argument="mindspore_dtype",
    transformers="mindone.transformers",
    model="MSPreTrainedModel",
    check_installed=check_installed,
)
PREFIX = MINDONE.prefix
