"""The checkpoints of the mindone suites are what their script makes, byte for byte."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors import safe_open

CHECKPOINTS = Path(__file__).parents[2] / "suites" / "mindone" / "checkpoints"
NAMES = ("ddim", "stable-diffusion", "unclip")


def files(folder: Path) -> dict[str, bytes]:
    found = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found if path.suffix != ".py"}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints")
    subprocess.run([sys.executable, str(CHECKPOINTS / "make.py"), str(folder)], check=True)
    return folder


def test_the_script_makes_the_files_that_are_there(made):
    there, again = files(CHECKPOINTS), files(made)
    assert sorted(there) == sorted(again)
    assert [name for name in there if there[name] != again[name]] == []


def test_it_needs_numpy_and_safetensors_alone(tmp_path):
    """Anyone can make them: no MindSpore, mindone, torch or transformers is imported."""
    check = (
        "import runpy, sys; sys.argv = ['make.py', sys.argv[1]]; "
        f"sys.path.insert(0, {str(CHECKPOINTS)!r}); runpy.run_path({str(CHECKPOINTS / 'make.py')!r}, "
        "run_name='__main__'); print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", check, str(tmp_path)], capture_output=True, text=True, check=True
    )
    imported = set(done.stdout.split())
    assert {"numpy", "safetensors"} <= imported
    assert imported.isdisjoint({"mindspore", "mindone", "torch", "transformers", "diffusers", "harness"})


def test_they_are_small():
    assert sum(map(len, files(CHECKPOINTS).values())) < 3_000_000


@pytest.mark.parametrize("name", NAMES)
def test_every_component_of_the_index_is_there_with_finite_float32_weights(name):
    index = json.loads((CHECKPOINTS / name / "model_index.json").read_text())
    components = {key for key, value in index.items() if isinstance(value, list) and value[1] is not None}
    assert components == {path.name for path in (CHECKPOINTS / name).iterdir() if path.is_dir()}
    for path in (CHECKPOINTS / name).rglob("*.safetensors"):
        with safe_open(path, "numpy") as file:
            for parameter in file.keys():  # noqa: SIM118  not a dict
                tensor = file.get_tensor(parameter)
                assert tensor.dtype == "float32", parameter
                assert abs(tensor).max() < 100, parameter
