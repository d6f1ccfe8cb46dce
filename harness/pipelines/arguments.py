"""The arguments of a case: plain values, which are passed on unchanged, and files, which are read."""

from __future__ import annotations

import hashlib
import io
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.foreign_files import ForeignFileError, ForeignFileMissing, read_foreign, size_text
from harness.frameworks.framework import current
from harness.measurement.measurement import REAL_KINDS
from harness.pipelines.errors import PipelineError

_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
# The formats that these files may have. PIL's other readers, one of which starts Ghostscript, are not used.
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
_COLOURS = "RGB"
_NPY_HEADERS: dict[tuple[int, int], Any] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
# The limit in bytes on the files of a case's arguments together with their values in memory.
LARGEST = 1 << 30


class Arguments:
    """The arguments of a case: plain values, and the files named by ``{file: PATH}``, each read once.

    Paths are relative to ``base``. They may not leave both ``base`` and ``root``, the folder in which harness
    runs, but a link inside these folders may lead outside. ``hashes`` maps ``argument NAME: PATH`` to the
    sha256 of each file. Raises :class:`PipelineError`, naming the argument, if a file lies outside these
    folders, is missing, is of an unsupported kind, or is damaged.
    """

    def __init__(self, arguments: Mapping[str, Any], base: Path, root: Path) -> None:
        self.hashes: dict[str, str] = {}
        self._roots = (root, base)
        self._size = 0
        self._given = {name: self._read(name, value, base) for name, value in arguments.items()}
        self.values()  # reports damage at once

    def values(self) -> dict[str, Any]:
        """Return the arguments; each call makes a new RGB ``PIL.Image`` or tensor for each file."""
        # A pipeline may modify its arguments.
        return {name: _decoded(value) for name, value in self._given.items()}

    def _read(self, name: str, value: Any, base: Path) -> Any:
        if isinstance(value, list):
            return [self._read(name, item, base) for item in value]
        if not isinstance(value, dict) or set(value) != {"file"}:
            return value
        path = base / str(value["file"])
        where = f"argument {name}: {value['file']}"
        # Links are not resolved: by putting a link into the project, its owner allows the file to be read.
        place = Path(os.path.normpath(path))
        if Path(str(value["file"])).is_absolute() or not any(map(place.is_relative_to, self._roots)):
            raise PipelineError(
                f"{where}: lies outside the project; give a path relative to the suite file that stays in "
                f"the folder in which harness runs ({self._roots[0]}), or put a link to the file there"
            )
        suffix = path.suffix.lower()
        if suffix not in (*_PICTURES, ".npy"):
            raise PipelineError(f"{where}: give a picture ({', '.join(_PICTURES)}) or an array (.npy)")
        try:
            content = read_foreign(path, limit=LARGEST)
        except ForeignFileMissing:
            raise PipelineError(f"{where}: no such file; it is looked for at {path}") from None
        except ForeignFileError as error:
            raise PipelineError(f"{where}: {error.reason}") from None
        self.hashes[where] = hashlib.sha256(content).hexdigest()
        file = _File(where, suffix, content)
        self._size += len(content) + file.decoded_size()
        if self._size > LARGEST:
            raise PipelineError(
                f"{where}: the files of the case's arguments have, with their values in memory, more than "
                f"{size_text(LARGEST)}, which is the limit; make them smaller"
            )
        return file


@dataclass(frozen=True)
class _File:
    where: str
    suffix: str
    content: bytes

    def decoded_size(self) -> int:
        """Return the size of the decoded value in bytes according to the file's header; decodes nothing."""
        with self._reading() as stream:
            if self.suffix in _PICTURES:
                with _open_picture(stream) as image:
                    return int(image.width * image.height * len(_COLOURS))
            read_header = _NPY_HEADERS.get(np.lib.format.read_magic(stream))  # type: ignore[no-untyped-call]
            if read_header is None:
                raise ValueError("its version is neither 1.0 nor 2.0")
            shape, _, dtype = read_header(stream)
            # Object arrays are pickles, and text cannot be put into a tensor.
            if dtype.kind not in (*REAL_KINDS, "c"):
                raise ValueError(f"it has dtype {dtype}, not numbers")
            size = math.prod(shape) * dtype.itemsize
            if min(shape, default=0) < 0 or size != len(self.content) - stream.tell():
                raise ValueError(f"it has not the {size_text(size)} of values that its shape {shape} needs")
            return int(size)

    def decoded(self) -> Any:
        with self._reading() as stream:
            if self.suffix in _PICTURES:
                with _open_picture(stream) as image:
                    return image.convert(_COLOURS)
            # np.load would treat a file that is not .npy as a pickle or an archive.
            array = np.lib.format.read_array(stream, allow_pickle=False)  # type: ignore[no-untyped-call]
            return current().tensor_of(array)

    @contextmanager
    def _reading(self) -> Iterator[io.BytesIO]:
        try:
            yield io.BytesIO(self.content)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001  whatever PIL, numpy and what they parse with raise
            raise PipelineError(f"{self.where}: cannot be read as {self.suffix} ({error})") from None


def _open_picture(stream: io.BytesIO) -> Any:
    """Open a picture to learn its size; only the formats that belong to the file's suffix are tried."""
    from PIL import Image

    try:
        return Image.open(stream, formats=_FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(error) from None


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    return value.decoded() if isinstance(value, _File) else value
