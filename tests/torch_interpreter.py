"""The interpreter with torch and diffusers, for what is marked `diffusers`, and the jobs of shipped cases."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.cases.case import Case
from harness.cases.load import load_suite

VARIABLE = "HARNESS_TORCH_PYTHON"
SUITES = Path(__file__).parents[1] / "suites" / "mindone"


def torch_interpreter() -> str:
    """Return the interpreter, or skip the test."""
    given = os.environ.get(VARIABLE)
    if not given:
        pytest.skip(f"set {VARIABLE} to the python of an environment with torch, diffusers and transformers")
    # Not resolved: a virtual environment's python is a link.
    return str(Path(given).absolute())


def shipped(suite: str, case_id: str) -> Case:
    """Return a case of a suite in `suites/mindone`."""
    (found,) = (case for case in load_suite(SUITES / f"{suite}.yaml").cases if case.id == case_id)
    return found
