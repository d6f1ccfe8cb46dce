"""An assignment ends the chain of tensors that were taken one from another, where nobody can see it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "data" / "mint" / "run_parents.py"


@pytest.fixture(scope="module")
def told():
    found = {}
    for mode in ("native", "installed"):
        done = subprocess.run(
            [sys.executable, str(SCRIPT), mode], capture_output=True, text=True, check=False, timeout=120
        )
        assert not done.returncode, done.stderr[-2000:]
        found[mode] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_what_can_be_seen_is_as_in_mindspore(told):
    assert told["native"]["seen"] == told["installed"]["seen"]


def test_only_chains_that_nobody_sees_end(told):
    assert set(told["native"]["ended"].values()) == {False}
    assert told["installed"]["ended"] == {
        "loop": True,
        "held parent": False,
        "held grandparent": False,
        "held sibling": False,
        "parameter": False,
        "slice": False,
        "view of the parent": True,
    }
