"""The suites of mindone's classes: their files are what the script makes, and every class has one case."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from safetensors import safe_open

from harness.cases.selection import select

CLASSES = Path(__file__).parents[2] / "suites" / "mindone" / "classes"
CASES = select([str(CLASSES)]).cases
CHECKPOINTS = sorted(path.name for path in (CLASSES / "checkpoints").iterdir())


def files(folder: Path) -> dict[str, bytes]:
    found = [path for name in ("checkpoints", "inputs") for path in (folder / name).rglob("*")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found if path.is_file()}


def test_the_script_makes_the_files_that_are_there_of_numpy_and_safetensors_alone(tmp_path):
    """Anyone can make them: no MindSpore, mindone, torch or transformers is imported."""
    script = CLASSES / "make.py"
    run = (
        f"import runpy, sys; sys.argv = ['make.py', {str(tmp_path)!r}]; "
        f"sys.path.insert(0, {str(CLASSES)!r}); "
        f"runpy.run_path({str(script)!r}, run_name='__main__'); "
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert {"numpy", "safetensors"} <= imported
    assert imported.isdisjoint({"mindspore", "mindone", "torch", "transformers", "diffusers", "harness"})
    there, again = files(CLASSES), files(tmp_path)
    assert sorted(there) == sorted(again)
    assert [name for name in there if there[name] != again[name]] == []


def test_every_file_is_of_use():
    read = {case.checkpoint for case in CASES}
    assert read == {f"checkpoints/{name}" for name in CHECKPOINTS}
    named = {path.name for path in (CLASSES / "inputs").iterdir()}
    suites = "".join(path.read_text() for path in [*CLASSES.glob("*.yaml"), CLASSES.parent / "variants.yaml"])
    assert [name for name in sorted(named) if f"inputs/{name}" not in suites] == []
    used = {
        component
        for entry in json.loads((CLASSES / "checkpoints.json").read_text()).values()
        for component in entry["components"].values()
    }
    assert used - {None} == {path.name for path in (CLASSES / "components").iterdir()}


def test_every_case_is_nightly_and_no_class_has_two():
    assert {case.run for case in CASES} == {"nightly"}
    assert all("classes" in case.tags for case in CASES)
    assert [name for name, count in Counter(case.pipeline for case in CASES).items() if count > 1] == []
    assert len(CASES) == 147


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_a_checkpoint_is_in_the_layout_of_diffusers_with_finite_float32_weights(name):
    folder = CLASSES / "checkpoints" / name
    index = json.loads((folder / "model_index.json").read_text())
    components = {key for key, value in index.items() if isinstance(value, list) and value[1] is not None}
    assert components == {path.name for path in folder.iterdir() if path.is_dir()}
    for path in folder.rglob("*.safetensors"):
        assert (path.parent / "config.json").is_file()
        with safe_open(path, "numpy") as file:
            for parameter in file.keys():  # noqa: SIM118  not a dict
                tensor = file.get_tensor(parameter)
                assert tensor.dtype == "float32", parameter
                assert abs(tensor).max(initial=0) < 100, parameter
