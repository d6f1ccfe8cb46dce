"""The guard in a process with torch: what it refuses, what it lets pass, and what is put back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.diffusers
SCRIPT = """
import json, sys
import numpy as np
import torch
from harness.frameworks.framework import choose
from harness.measurement.guard import GlobalGenerators, Guard

choose("torch")
seeded, numpys = torch.Generator().manual_seed(3), np.random.default_rng(0)
layer = torch.nn.Dropout(0.5)
RUNS = {
    "randn": lambda: torch.randn(2),
    "randint": lambda: torch.randint(0, 5, (2,)),
    "method": lambda: torch.zeros(2).normal_(),
    "numpys": lambda: torch.randn(2, generator=numpys),
    "dropout": lambda: layer(torch.ones(8)),
    "seeded": lambda: torch.randn(2, generator=seeded),
    "idle dropout": lambda: layer.eval()(torch.ones(8)),
    "arithmetic": lambda: torch.ones(2) + 1,
}
told, guard, kept = {}, Guard(), GlobalGenerators()
first = torch.random.get_rng_state()
for name, run in RUNS.items():
    try:
        with guard.watching():
            run()
        told[name] = ""
    except Exception as error:
        told[name] = f"{type(error).__name__}: {error}"
moved = not torch.equal(first, torch.random.get_rng_state())
kept.put_back()
told["moved"] = moved
told["put back"] = torch.equal(first, torch.random.get_rng_state())
told["sound again"] = tuple(torch.randn(2).shape) == (2,) and "normal_" not in vars(torch.Tensor)
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(torch_python: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    script = tmp_path_factory.mktemp("guard") / "draws.py"
    script.write_text(SCRIPT)
    command, environment = [torch_python, str(script)], {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("randn", "draws.py:12: torch.randn (torch's global generator) is not decided by the case's seed"),
        ("randint", "draws.py:13: torch.randint (torch's global generator)"),
        ("method", "draws.py:14: torch.Tensor.normal_ (torch's global generator)"),
        (
            "numpys",
            "draws.py:15: what torch.randn draws (it takes generators of torch alone, not the case's)",
        ),
        ("dropout", "the pipeline moved torch's global generator"),
    ],
)
def test_what_no_seed_decides_is_named(told: dict[str, str], name: str, what: str) -> None:
    assert told[name].startswith("UnseededRandomness: ")
    assert what in told[name]


@pytest.mark.parametrize("name", ["seeded", "idle dropout", "arithmetic"])
def test_what_is_decided_passes(told: dict[str, str], name: str) -> None:
    assert told[name] == ""


def test_the_next_case_finds_the_generators_as_they_were(told: dict[str, str]) -> None:
    assert told["moved"]
    assert told["put back"]
    assert told["sound again"]


def test_the_door_imports_no_torch() -> None:
    code = "import sys, harness.cli, harness.execution.runner, harness.pytest_plugin.plugin; "
    code += "print(sorted({'torch', 'diffusers', 'mindspore'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
