"""Collection is instant only if reading suites pulls in nothing heavy."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["harness.cases.load", "harness.cases.schema"])
def test_importing_cases_imports_neither_numpy_nor_mindspore(module: str) -> None:
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "pydantic" in loaded
    assert not {"numpy", "mindspore", "skimage", "pytest", "execnet", "huggingface_hub"} & set(loaded)
