"""Files that the user asks for: checked to be writable before anything runs, then written completely."""

from __future__ import annotations

import tempfile
from pathlib import Path

from harness.baselines.files import sweep, write_durably
from harness.errors import HarnessError, UsageError


def check_destination(path: Path, *, appended: bool = False) -> None:
    """Raise :class:`harness.errors.UsageError` if no file can be written to ``path``.

    With ``appended``, an existing file will be appended to, not replaced.
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
    """Write ``data`` to ``path``, completely or not at all; HarnessError if that is not possible."""
    sweep(path.parent, path.name)
    try:
        write_durably(path, data)
    except OSError as error:
        raise HarnessError(f"{path}: cannot be written: {error.strerror}") from None


def append_result(path: Path, data: bytes) -> None:
    """Append ``data`` to ``path``; raises :class:`HarnessError` if that is not possible."""
    try:
        with path.open("ab") as file:
            file.write(data)
    except OSError as error:
        raise HarnessError(f"{path}: cannot be written: {error.strerror}") from None
