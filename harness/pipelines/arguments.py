"""The arguments of a case: plain values as they are, and files read."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.pipelines.errors import PipelineError

_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


class Arguments:
    """The arguments of a case: plain values, and the files that ``{file: PATH}`` names, each read once.

    Paths are relative to ``base``. ``hashes`` has each file's sha256 by ``argument NAME: PATH``. Raises
    :class:`PipelineError` that names the argument for a file that is not there, of another kind, or damaged.
    """

    def __init__(self, arguments: Mapping[str, Any], base: Path) -> None:
        self.hashes: dict[str, str] = {}
        self._given = {name: self._read(name, value, base) for name, value in arguments.items()}
        self.values()  # what is damaged is told at once

    def values(self) -> dict[str, Any]:
        """Return the arguments, files as a new ``PIL.Image`` in RGB or MindSpore tensor in every call."""
        # A pipeline may write into what it is handed.
        return {name: _decoded(value) for name, value in self._given.items()}

    def _read(self, name: str, value: Any, base: Path) -> Any:
        if isinstance(value, list):
            return [self._read(name, item, base) for item in value]
        if not isinstance(value, dict) or set(value) != {"file"}:
            return value
        path = base / str(value["file"])
        where = f"argument {name}: {value['file']}"
        suffix = path.suffix.lower()
        if suffix not in (*_PICTURES, ".npy"):
            raise PipelineError(f"{where}: give a picture ({', '.join(_PICTURES)}) or an array (.npy)")
        try:
            content = path.read_bytes()
        except OSError as error:
            raise PipelineError(
                f"{where}: cannot be read ({error.strerror}); it is looked for at {path}"
            ) from None
        self.hashes[where] = hashlib.sha256(content).hexdigest()
        return _File(where, suffix, content)


@dataclass(frozen=True)
class _File:
    where: str
    suffix: str
    content: bytes

    def decoded(self) -> Any:
        stream = io.BytesIO(self.content)
        try:
            if self.suffix in _PICTURES:
                from PIL import Image

                with Image.open(stream) as image:
                    return image.convert("RGB")
            import mindspore as ms

            # np.load would take what is no .npy at all for a pickle or an archive.
            array = np.lib.format.read_array(stream, allow_pickle=False)  # type: ignore[no-untyped-call]
            return ms.Tensor(array)
        except (OSError, ValueError, EOFError, SyntaxError, TypeError) as error:  # what PIL and numpy raise
            raise PipelineError(f"{self.where}: cannot be read as {self.suffix} ({error})") from None


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    return value.decoded() if isinstance(value, _File) else value
