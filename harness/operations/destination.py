"""Files that the user asks for: known to be writable before anything runs, then written whole."""

from __future__ import annotations

import tempfile
from pathlib import Path

from harness.baselines.files import sweep, write_durably
from harness.errors import HarnessError, UsageError


def check_destination(path: Path, *, appended: bool = False) -> None:
    """Raise :class:`harness.errors.UsageError` where no file can be written as ``path``.

    With ``appended`` one that is there is to be added to, not replaced.
    """
    if path.is_dir():
        raise UsageError(f"{path}: this is a folder; name a file")
    try:
        if appended and path.exists():
            path.open("ab").close()
        else:
            tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}; choose another place") from None


def write_result(path: Path, data: bytes) -> None:
    """Write ``data`` as ``path``, whole or not at all; raises :class:`HarnessError` where it cannot be."""
    sweep(path.parent, path.name)
    try:
        write_durably(path, data)
    except OSError as error:
        raise HarnessError(f"{path}: cannot be written: {error.strerror}") from None


def append_result(path: Path, data: bytes) -> None:
    """Append ``data`` to ``path``; raises :class:`HarnessError` where it cannot be."""
    try:
        with path.open("ab") as file:
            file.write(data)
    except OSError as error:
        raise HarnessError(f"{path}: cannot be written: {error.strerror}") from None
