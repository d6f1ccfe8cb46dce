"""No public route to a primitive in the table is left that ends in MindSpore's missing kernel.

tests/data/mint/run_routes.py calls every function of mint and ops and every method of Tensor, in a process of
its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / "data" / "mint" / "run_routes.py"

pytestmark = pytest.mark.slow  # 70,000 calls


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    command = [sys.executable, str(SCRIPT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_every_route_to_a_kernel_is_served(told):
    assert told["in_table"] == {}


def test_the_walk_gets_somewhere(told):
    assert told["returned"] > 5000
    assert told["unreached"] == []
    # What the table lacks is named in the same way, so a route that is not served would be seen.
    assert told["others"]
