"""Writing deep traces as dumps of msprobe: that of a run, and beside it that of its reference."""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from harness.dumps.writing import write_dump
from harness.errors import HarnessError, UsageError
from harness.tracing.trace import DeepTrace

# Below the folder that holds the run's own dump.
REFERENCE = "reference"


@dataclass(frozen=True)
class Exported:
    """Where dumps were written, as folders of a step: of the run, and of its reference if there is one."""

    run: Path
    reference: Path | None


def check_export(folder: Path) -> None:
    """Raise UsageError if no dump can be written to ``folder``: it must not exist, or be empty."""
    try:
        if folder.is_dir() and any(folder.iterdir()):
            raise UsageError(f"{folder}: this folder is not empty; name one that is, or that does not exist")
        if not folder.is_dir() and (folder.exists() or folder.is_symlink()):
            raise UsageError(f"{folder}: this is a file; name a folder that does not exist")
        if not os.access(folder.parent, os.W_OK | os.X_OK):
            raise UsageError(f"{folder.parent}: cannot be written to; choose another place")
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}; choose another place") from None


def export_traces(folder: Path, run: DeepTrace, reference: DeepTrace | None) -> Exported:
    """Write dumps of ``run`` and ``reference`` to ``folder``, completely or not at all.

    Raises :class:`HarnessError` if that is not possible.
    """
    if not any(call.of_cell for call in run.calls):
        raise HarnessError(f"{run.case}: no cell is called in step {run.step}, so there is nothing to export")
    check_export(folder)
    temporary = folder.with_name(f"{folder.name}.{os.getpid()}.{secrets.token_hex(8)}.tmp")
    try:
        written = write_dump(temporary, run, final=folder)
        beside = None
        if reference is not None:
            beside = write_dump(temporary / REFERENCE, reference, final=folder / REFERENCE)
        # Replaces an empty folder, and no other.
        temporary.rename(folder)
    except OSError as error:
        raise HarnessError(f"{folder}: the dump cannot be written: {error.strerror or error}") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return Exported(
        folder / written.relative_to(temporary).parent,
        None if beside is None else folder / beside.relative_to(temporary).parent,
    )
