"""What the tests of judging share."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def own_draws(request: pytest.FixtureRequest) -> None:
    """Give each test draws of its own from the ``RANDOM`` of its module.

    Else they are what the tests left that ran before it in the same process: under xdist, others every time.
    """
    generator = getattr(request.module, "RANDOM", None)
    if generator is not None:
        generator.bit_generator.state = np.random.PCG64(0).state
