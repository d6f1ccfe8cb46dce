"""Interpreters that stand for other releases: this one, under another name and with something changed."""

from __future__ import annotations

import sys
from pathlib import Path


def interpreter(folder: Path, name: str, *, mindspore: str | None = None, **environment: str) -> str:
    """Return a command that is this Python with ``environment`` set.

    With ``mindspore`` the metadata of that version is installed in it; what is imported stays what it is.
    """
    place = folder / name
    place.mkdir(parents=True)
    if mindspore is not None:
        metadata = place / "packages" / f"mindspore-{mindspore}.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: mindspore\nVersion: {mindspore}\n")
        environment["PYTHONPATH"] = str(place / "packages")
    command = place / "python"
    settings = " ".join(f"{key}='{value}'" for key, value in environment.items())
    command.write_text(f'#!/bin/sh\n{settings} exec {sys.executable} "$@"\n')
    command.chmod(0o755)
    return str(command)
