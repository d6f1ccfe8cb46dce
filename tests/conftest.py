"""Tests that import MindSpore in their own process do it under the profile that workers have."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from harness.execution.profile import Profile, claim_core

_OTHER_PYTHON = "HARNESS_OTHER_PYTHON"
_AARCH64_PYTHON = "HARNESS_AARCH64_PYTHON"
# pytest, rich and the harness print more, less or in colour for these. Tests read what processes print, so
# these are unset wherever the tests run; the test of such a variable sets it.
_VARIABLES = (
    *("CI", "BUILD_NUMBER", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"),
    *("FORCE_COLOR", "NO_COLOR", "PY_COLORS", "PYTEST_ADDOPTS"),
    # mutmut changes the code of this process: what it starts runs the code as it is.
    "MUTANT_UNDER_TEST",
)


@pytest.fixture(scope="session", autouse=True)
def plain_output() -> Iterator[None]:
    """Let every test, and what it starts, print the same in CI and on a developer's machine."""
    with pytest.MonkeyPatch.context() as patch:
        for name in _VARIABLES:
            patch.delenv(name, raising=False)
        yield


@pytest.fixture
def all_cores() -> Iterator[None]:
    """Let processes that start now run on all cores that there are: another test may have pinned this one."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    yield
    os.sched_setaffinity(0, before)


@pytest.fixture(scope="session")
def other_python() -> str:
    """The interpreter of an environment with another MindSpore release, for what is marked `releases`."""
    given = os.environ.get(_OTHER_PYTHON)
    if not given:
        pytest.fail(f"set {_OTHER_PYTHON} to the python of an environment with another MindSpore release")
    # Not resolved: a virtual environment's python is a link.
    return str(Path(given).absolute())


@pytest.fixture(scope="session")
def aarch64_python() -> str:
    """An interpreter for aarch64, for what is marked `emulation`."""
    given = os.environ.get(_AARCH64_PYTHON)
    if not given:
        pytest.fail(f"set {_AARCH64_PYTHON} to the python that tools/aarch64/make_interpreter.sh makes")
    return str(Path(given).absolute())


@pytest.fixture(scope="session")
def other_release(other_python: str) -> str:
    """The MindSpore release that ``other_python`` has."""
    code = "from importlib.metadata import version; print(version('mindspore'))"
    done = subprocess.run([other_python, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture(scope="session")
def other_bits(other_release: str) -> bool:
    """Whether ``other_release`` has other bits than the one that tests run under: see docs/matrix.md."""
    earlier = ("2.7", "2.8")
    return other_release.startswith(earlier) != version("mindspore").startswith(earlier)


@pytest.fixture(scope="session")
def mindspore():
    """MindSpore, imported once in this process with the ISA and one core pinned."""
    claim = claim_core()
    profile = Profile(core=claim.core)
    profile.apply_before_import()
    import mindspore as ms

    profile.apply_after_import()
    yield ms
    claim.release()
