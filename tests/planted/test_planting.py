"""A fault is in the mindone of the command that planting gives, and nowhere else."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.planted.checking import check
from benchmarks.planted.faults import chosen, load
from benchmarks.planted.planting import NotPlanted, package_of, planted

ROOT = Path(__file__).parents[2]
(FAULT,) = chosen(load(), ["ddim-not-clipped"])


def _venv(folder: Path, text: str) -> Path:
    """Return a command that is this Python with a mindone of two files, one of which holds ``text``."""
    package = folder / "site" / "mindone"
    (package / "diffusers/schedulers").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / FAULT.file).write_text(text)
    command = folder / "python"
    site = f'PYTHONPATH="${{PYTHONPATH:+$PYTHONPATH:}}{folder / "site"}"'
    command.write_text(f'#!/bin/sh\n{site} exec {sys.executable} "$@"\n')
    command.chmod(0o755)
    return command


def _value(command: Path) -> str:
    code = "from mindone.diffusers.schedulers import scheduling_ddim as it; print(it.value)"
    return subprocess.run([command, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def _tree(folder: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def test_the_command_sees_the_fault_and_the_installed_package_keeps_its_files(tmp_path):
    fault = replace(FAULT, old="value = 1", new="value = 2")
    python = _venv(tmp_path, "value = 1\n")
    assert _value(python) == "1"
    before = _tree(tmp_path)
    with planted(fault, python) as command:
        found = package_of(command)
        assert found != tmp_path / "site/mindone"
        assert (found / fault.file).read_text() == "value = 2\n"
        assert (found / "__init__.py").resolve() == tmp_path / "site/mindone/__init__.py"
        # Bytecode comes with the package, but not that of the file without the fault.
        assert list(found.glob("__pycache__/__init__.*.pyc"))
        assert not list((found / fault.file).parent.glob("__pycache__/scheduling_ddim.*"))
        assert _value(command) == "2"
    assert not command.exists()
    assert _tree(tmp_path) == before


def test_what_else_is_on_the_path_stays_there(tmp_path):
    python = _venv(tmp_path, FAULT.old)
    with planted(FAULT, python) as command:
        ran = subprocess.run(
            [command, "-c", "import sys; print(sys.path)"],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": "/somewhere/else"},
        )
    first = str(command.parent / "packages")
    assert ran.stdout.index(first) < ran.stdout.index("/somewhere/else")


@pytest.mark.parametrize(("text", "times"), [("nothing", 0), (f"{FAULT.old}\n{FAULT.old}", 2)])
def test_a_text_that_does_not_stand_there_once_is_refused(tmp_path, text, times):
    python = _venv(tmp_path, text)
    with pytest.raises(NotPlanted, match=f"stands {times} times"), planted(FAULT, python):
        pass


def test_a_file_or_a_package_that_is_not_there_is_refused(tmp_path):
    python = _venv(tmp_path, FAULT.old)
    missing = replace(FAULT, file="diffusers/nothing.py")
    with pytest.raises(NotPlanted, match=r"has no diffusers/nothing\.py"), planted(missing, python):
        pass
    (tmp_path / "site/mindone").rename(tmp_path / "site/other")
    bare = tmp_path / "bare"
    bare.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path / "site"} exec {sys.executable} -S "$@"\n')
    bare.chmod(0o755)
    with pytest.raises(NotPlanted, match="has no mindone"), planted(FAULT, bare):
        pass


@pytest.mark.mindone
def test_a_planted_fault_drifts_and_one_that_changes_nothing_does_not():
    idle = replace(FAULT, name="idle", new=f"{FAULT.old}    # as it is\n")
    found = {each.fault.name: each for each in check([FAULT, idle], sys.executable, ROOT)}
    assert found["ddim-not-clipped"].good, found["ddim-not-clipped"]
    assert found["ddim-not-clipped"].step == 0
    assert found["ddim-not-clipped"].distance > 1e-2
    assert not found["idle"].good
    assert found["idle"].distance == 0
