"""Workers on torch, for the tests of cases of diffusers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from torch_interpreter import torch_interpreter

from harness.execution.runner import Runner


@pytest.fixture(scope="session")
def torch_python() -> str:
    """The interpreter with torch and diffusers; the test is skipped without one."""
    return torch_interpreter()


@pytest.fixture(scope="package")
def on_torch(torch_python: str) -> Iterator[Runner]:
    """A runner whose workers have torch."""
    with Runner(python=torch_python) as runner:
        yield runner


@pytest.fixture(scope="package")
def on_mindspore() -> Iterator[Runner]:
    """A runner whose workers are those of mindone."""
    with Runner() as runner:
        yield runner
