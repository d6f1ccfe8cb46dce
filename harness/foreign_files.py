"""The only way to open a file from an external source: a suite, a baseline, a checkpoint, a certificate.

Its path may lead to a FIFO, which blocks, to a device, which never ends, or to more data than fits in memory.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from harness.errors import HarnessError

_BLOCK = 1 << 20
# Does not wait for the other end of a FIFO, and does not pass the descriptor to a process started meanwhile.
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class ForeignFileError(HarnessError):
    """A file cannot be read or is not allowed to be; ``reason`` says why, without naming ``path``."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class ForeignFileMissing(ForeignFileError):
    """The file does not exist."""


class ForeignFileTooLarge(ForeignFileError):
    """The file is larger than its reader allows."""


@contextmanager
def open_foreign(path: Path, *, limit: int | None = None, root: Path | None = None) -> Iterator[BinaryIO]:
    """Open the regular file ``path`` to read bytes; links are followed, but not out of ``root``.

    Raises :class:`ForeignFileError` for anything but a regular file, for a file of more than ``limit`` bytes,
    and for system errors while it is open; :class:`ForeignFileMissing` if the file does not exist.
    """
    try:
        with open(_descriptor(path, limit, root), "rb") as file:
            yield file
    except FileNotFoundError:
        raise ForeignFileMissing(path, "no such file") from None
    except OSError as error:
        raise ForeignFileError(path, f"cannot be read: {error.strerror or error}") from None


def read_foreign(path: Path, *, limit: int, root: Path | None = None) -> bytes:
    """Return the bytes of the file ``path``, at most ``limit``. Raises the errors of :func:`open_foreign`."""
    with open_foreign(path, limit=limit, root=root) as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(size + 1)
    if len(content) != size:
        raise ForeignFileError(path, "its size changed while it was read")
    return content


def hash_foreign(path: Path, *, limit: int | None = None, root: Path | None = None) -> str:
    """Return the hex sha256 of the file ``path``, read in blocks; raises like :func:`open_foreign`."""
    digest = hashlib.sha256()
    with open_foreign(path, limit=limit, root=root) as file:
        left = os.fstat(file.fileno()).st_size
        # Read no further than the size at opening, because a writer could be faster.
        while left and (block := file.read(min(left, _BLOCK))):
            digest.update(block)
            left -= len(block)
        if left or file.read(1):
            raise ForeignFileError(path, "its size changed while it was read")
    return digest.hexdigest()


def size_text(count: float) -> str:
    """Return a number of bytes in readable form: ``1 MiB``, ``4.5 GiB``."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.3g} {unit}"
        count /= 1024
    return f"{count:.3g} TiB"


def _descriptor(path: Path, limit: int | None, root: Path | None) -> int:
    try:
        place = os.path.realpath(path, strict=True)
    except ValueError:  # a NUL character
        raise ForeignFileError(path, "cannot be read: no file has such a name") from None
    if root is not None and not Path(place).is_relative_to(os.path.realpath(root)):
        raise ForeignFileError(path, f"it is outside the folder {root}")
    _check(path, Path(place).stat(), limit)  # because merely opening a device may have an effect
    descriptor = os.open(place, _FLAGS | os.O_NOFOLLOW)
    try:
        _check(path, os.fstat(descriptor), limit)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _check(path: Path, found: os.stat_result, limit: int | None) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ForeignFileError(
            path, f"it is {_KINDS.get(stat.S_IFMT(found.st_mode), 'something else')}, not a file"
        )
    if limit is not None and found.st_size > limit:
        raise ForeignFileTooLarge(path, f"it is larger than {size_text(limit)}, the limit for such a file")
