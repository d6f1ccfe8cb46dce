"""Interpreters that stand for other releases: this one, under another name and with something changed."""

from __future__ import annotations

import importlib.util
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


def with_version(folder: Path, name: str, **versions: str) -> str:
    """Return a command that is this Python, in which packages say that they are of other ``versions``.

    Everything else of them is linked: it computes what it does here.
    """
    packages = folder / name / "packages"
    for package, version in versions.items():
        found = importlib.util.find_spec(package)
        assert found is not None
        assert found.origin is not None
        original, place = Path(found.origin).parent, packages / package
        place.mkdir(parents=True)
        for each in original.iterdir():
            # Its own cache of bytecode, or the version would come into that of the real package.
            if each.name not in ("__pycache__", "version.py"):
                (place / each.name).symlink_to(each)
        text = (original / "version.py").read_text()
        (place / "version.py").write_text(f"{text}\nversion = __version__ = {version!r}\n")
        libraries = original.with_name(f"{package}.libs")
        if libraries.exists():
            (packages / libraries.name).symlink_to(libraries)
        metadata = packages / f"{package}-{version}.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    command = folder / name / "python"
    command.write_text(f"#!/bin/sh\nPYTHONPATH='{packages}' exec {sys.executable} \"$@\"\n")
    command.chmod(0o755)
    return str(command)
