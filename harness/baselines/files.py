"""Durable writes: a file exists complete, under its name, or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

# Earlier versions used only the process ID.
_PENDING_NAME = re.compile(r"(.+?)\.\d+(\.[0-9a-f]{16})?\.tmp", re.DOTALL)


def write_durably(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` through a temporary file in the same folder: synced, then renamed.

    :func:`sweep` removes what a process killed here leaves behind.
    """
    # Threads share a process ID, and so may processes in two containers that share the folder.
    temporary = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(8)}.tmp")
    try:
        with _claimed(temporary) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _claimed(temporary: Path) -> BinaryIO:
    """Return ``temporary`` opened and locked. It counts as in use as long as the lock is held."""
    while True:
        # Never opens an existing file, not even a link.
        file = temporary.open("xb")
        fcntl.flock(file, fcntl.LOCK_EX)
        # It may have been swept between the open and the lock.
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()


def sweep(folder: Path, name: str | None = None) -> None:
    """Remove what killed writers left in ``folder``, for the file ``name`` or for all files.

    Files that are being written stay, and so do files that cannot be removed.
    """
    with contextlib.suppress(OSError):
        for path in list(folder.iterdir()):
            pending = _PENDING_NAME.fullmatch(path.name)
            if pending and name in (None, pending[1]) and path.is_file() and not path.is_symlink():
                with contextlib.suppress(OSError), path.open("rb") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink()


def keep_out_of_git(folder: Path) -> None:
    """Make git ignore everything in ``folder``, unless it already does."""
    ignore = folder / ".gitignore"
    sweep(folder, ignore.name)
    if not ignore.exists():
        write_durably(ignore, b"*\n")


def sync_folder(folder: Path) -> None:
    """Make the renames in ``folder`` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the only writer's lock on ``folder``; waits for a process that holds it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
