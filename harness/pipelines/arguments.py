"""The arguments of a case: plain values as they are, and files read."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.pipelines.errors import PipelineError

_KEY = "file"
_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
_ARRAYS = (".npy",)


def read_arguments(arguments: Mapping[str, Any], base: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Return ``arguments`` with ``{file: PATH}`` replaced by the file's content, and each file's sha256.

    Paths are relative to ``base``. A picture becomes a ``PIL.Image`` in RGB, a ``.npy`` file a MindSpore
    tensor. The hashes are by ``argument NAME: PATH``. Raises :class:`PipelineError` that names the argument
    for a file that is not there, of another kind, or damaged.
    """
    hashes: dict[str, str] = {}
    read = {name: _read(name, value, base, hashes) for name, value in arguments.items()}
    return read, hashes


def _read(name: str, value: Any, base: Path, hashes: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_read(name, item, base, hashes) for item in value]
    if not isinstance(value, dict) or set(value) != {_KEY}:
        return value
    path = base / str(value[_KEY])
    where = f"argument {name}: {value[_KEY]}"
    suffix = path.suffix.lower()
    if suffix not in _PICTURES + _ARRAYS:
        raise PipelineError(f"{where}: give a picture ({', '.join(_PICTURES)}) or an array (.npy)")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PipelineError(
            f"{where}: cannot be read ({error.strerror}); it is looked for at {path}"
        ) from None
    hashes[where] = hashlib.sha256(content).hexdigest()
    try:
        return _picture(content) if suffix in _PICTURES else _tensor(content)
    except (OSError, ValueError, EOFError, SyntaxError, TypeError) as error:  # what PIL and numpy raise
        raise PipelineError(f"{where}: cannot be read as {suffix} ({error})") from None


def _picture(content: bytes) -> Any:
    from PIL import Image

    with Image.open(io.BytesIO(content)) as image:
        return image.convert("RGB")


def _tensor(content: bytes) -> Any:
    import mindspore as ms

    # np.load would take what is no .npy at all for a pickle or an archive.
    array = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)  # type: ignore[no-untyped-call]
    return ms.Tensor(array)
