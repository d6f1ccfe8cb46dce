"""Planting a fault in mindone, for one interpreter and without touching what is installed in it.

The planted package is a folder of links to the installed one, in which only the faulty file is a file of its
own. A small script starts the interpreter with this folder before the installed packages. It can stand for an
interpreter of harness (``--harness-python``, ``--python``, :class:`harness.execution.runner.Runner`).
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.planted.faults import Fault

PACKAGE = "mindone"
_FIND = f"import importlib.util as i; print(i.find_spec({PACKAGE!r}).submodule_search_locations[0])"


class NotPlanted(Exception):
    """A fault that does not fit the installed mindone, or an interpreter without mindone."""


@contextmanager
def planted(fault: Fault, python: str | Path) -> Iterator[Path]:
    """Give a command that is ``python`` with ``fault`` in its mindone, for as long as the body runs.

    Raises NotPlanted if the text to replace does not stand exactly once in the installed file.
    """
    installed = package_of(python)
    text = faulty_text(fault, installed)
    with tempfile.TemporaryDirectory(prefix=f"planted-{fault.name}-") as name:
        folder = Path(name)
        copy = folder / "packages" / PACKAGE
        _link(installed, copy)
        place = copy / fault.file
        place.unlink()
        for bytecode in place.parent.glob(f"__pycache__/{place.stem}.*"):
            bytecode.unlink()
        place.write_text(text, encoding="utf-8")
        yield _command(folder, python)


def faulty_text(fault: Fault, installed: Path) -> str:
    """Return the text of the fault's file with the fault in it; ``installed`` is the folder of mindone.

    Raises NotPlanted if the text to replace does not stand there exactly once.
    """
    try:
        text = (installed / fault.file).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotPlanted(f"{fault.name}: the installed {PACKAGE} has no {fault.file}") from None
    if (found := text.count(fault.old)) != 1:
        raise NotPlanted(f"{fault.name}: its old text stands {found} times in {fault.file}, not once")
    return text.replace(fault.old, fault.new)


def package_of(python: str | Path) -> Path:
    """Return the folder of mindone for the interpreter ``python``; raises NotPlanted if it has none."""
    # In a folder of its own, so that nothing in the working directory is taken for the package.
    with tempfile.TemporaryDirectory() as folder:
        found = subprocess.run(
            [str(python), "-c", _FIND], cwd=folder, capture_output=True, text=True, check=False
        )
    if found.returncode:
        raise NotPlanted(f"{python}: has no {PACKAGE}")
    return Path(found.stdout.strip())


def _link(source: Path, target: Path) -> None:
    """Make ``target`` a tree of folders like ``source``, with links to its files.

    Links to bytecode spare compiling everything again. Where Python writes some anew, it replaces the link.
    """
    for folder, _, files in os.walk(source):
        place = target / Path(folder).relative_to(source)
        place.mkdir(parents=True)
        for file in files:
            (place / file).symlink_to(Path(folder) / file)


def _command(folder: Path, python: str | Path) -> Path:
    command = folder / "python"
    # Not resolved: the path by which a virtual environment's Python is called says which environment it is.
    called = shlex.quote(str(Path(shutil.which(python) or python).absolute()))
    first = shlex.quote(str(folder / "packages"))
    command.write_text(
        f'#!/bin/sh\nexport PYTHONPATH={first}"${{PYTHONPATH:+:$PYTHONPATH}}"\nexec {called} "$@"\n',
        encoding="utf-8",
    )
    command.chmod(0o755)
    return command
