"""Tests that import MindSpore in their own process do it under the profile that workers have."""

from __future__ import annotations

import pytest

from harness.execution.cores import claim_core
from harness.execution.profile import Profile


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
