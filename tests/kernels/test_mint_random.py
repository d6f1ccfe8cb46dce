"""mint's random functions on CPU: decided by MindSpore's seeds alone, and seen by the guard of a run.

tests/data/mint/run_random.py draws 20,000 numbers from each in a process of its own, which has the kernels.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / "data" / "mint" / "run_random.py"
COUNT = 20_000

# mean, standard deviation, and the closed range that all values lie in
DISTRIBUTIONS = {
    "randn": (0, 1, -math.inf, math.inf),
    "randn_like": (0, 1, -math.inf, math.inf),
    "rand": (0.5, 12**-0.5, 0, 1),
    "rand_like": (0.5, 12**-0.5, 0, 1),
    "randint": (5.5, (35 / 12) ** 0.5, 3, 8),
    "randint_like": (5.5, (35 / 12) ** 0.5, 3, 8),
    "randperm": ((COUNT - 1) / 2, ((COUNT**2 - 1) / 12) ** 0.5, 0, COUNT - 1),
    "normal of numbers": (2, 0.5, -math.inf, math.inf),
    "normal of tensors": (2, 0.5, -math.inf, math.inf),
    "normal of a tensor and a number": (2, 0.5, -math.inf, math.inf),
    "normal of a number and a tensor": (2, 0.5, -math.inf, math.inf),
    "normal_": (2, 0.5, -math.inf, math.inf),
    "uniform_": (1, 4 * 12**-0.5, -1, 3),
    "uniform": (1, 4 * 12**-0.5, -1, 3),
    "random_": (5.5, (35 / 12) ** 0.5, 3, 8),
    "exponential_": (0.5, 0.5, 0, math.inf),
    "bernoulli": (0.1, 0.3, 0, 1),
    "multinomial": (1.75, 0.1875**0.5, 1, 2),  # of odds 0 : 1 : 3
    "multinomial without replacement": (1.5, 0.5, 1, 2),  # both that have odds, in either order
    "dropout": (1, 3**-0.5, 0, 4 / 3),
    "dropout2d": (1, 3**-0.5, 0, 4 / 3),
}
INTEGERS = {"randint", "randperm", "multinomial", "multinomial without replacement"}


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(SCRIPT)], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_every_random_kernel_was_drawn_from(told, mindspore):
    from harness.kernels import KERNELS

    assert set(told["used"]) == {name for name, kernel in KERNELS.items() if kernel.family == "random"}
    assert set(told["draws"]) == set(DISTRIBUTIONS)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_distribution(name, told):
    mean, std, low, high = DISTRIBUTIONS[name]
    drawn = told["draws"][name]
    count = COUNT / 4 if name == "dropout2d" else COUNT  # whole channels of four
    # Five standard errors; of the standard deviation too, the fourth moments here being at most 9 std^4.
    assert drawn["mean"] == pytest.approx(mean, abs=5 * std / math.sqrt(count))
    assert drawn["std"] == pytest.approx(std, abs=5 * std * math.sqrt(2 / count))
    assert low <= drawn["min"] < drawn["max"] <= high * (1 + 1e-7)
    assert drawn["dtype"] == ("Int64" if name in INTEGERS else "Float32")


def test_draws_without_replacement_differ(told):
    assert told["draws"]["randperm"]["distinct"] == COUNT
    assert told["draws"]["multinomial without replacement"]["rows_distinct"]


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_mindspores_seed_decides(name, told):
    first, next_draw, same_seed, other_seed = told["draws"][name]["hashes"]
    assert first == same_seed
    assert len({first, next_draw, other_seed}) == 3


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_generator_decides(name, told):
    if "generator" not in told["draws"][name]:
        assert name in {"randn_like", "rand_like", "randint_like", "dropout", "dropout2d"}
        return
    first, same, other = told["draws"][name]["generator"]
    assert first == same != other


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_the_guard_still_sees_the_default_generator(name, told):
    drawn = told["draws"][name]
    assert "MindSpore's global generator is not decided by the case's seed" in drawn["guard"]
    assert drawn.get("guard_with_generator") is None
