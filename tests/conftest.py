"""Tests that import MindSpore in their own process do it under the profile that workers have."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.execution.cores import claim_core
from harness.execution.profile import Profile

# pytest, rich and the harness print more, less or in colour for these. Tests read what processes print, so
# these are unset wherever the tests run; the test of such a variable sets it.
_VARIABLES = (
    *("CI", "BUILD_NUMBER", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"),
    *("FORCE_COLOR", "NO_COLOR", "PY_COLORS", "PYTEST_ADDOPTS"),
)


@pytest.fixture(scope="session", autouse=True)
def plain_output() -> Iterator[None]:
    """Let every test, and what it starts, print the same in CI and on a developer's machine."""
    with pytest.MonkeyPatch.context() as patch:
        for name in _VARIABLES:
            patch.delenv(name, raising=False)
        yield


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
