"""What a metric becomes when the difference grows."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.judgement.metrics import METRICS, ORDER, SIMILARITIES, compare, scaled

RANDOM = np.random.default_rng(7)
REFERENCE = RANDOM.uniform(0.1, 0.9, (2, 24, 24, 3))
NOISE = RANDOM.uniform(-1, 1, REFERENCE.shape)


@pytest.mark.parametrize("factor", [0.5, 2.0, 5.0])
@pytest.mark.parametrize("name", METRICS)
def test_it_is_the_metric_of_the_difference_scaled(name: str, factor: float) -> None:
    # Small, so that the leading order is all; and with a part that goes one way, as an error in a model has.
    difference = 1e-6 * (NOISE + 0.5)
    before = compare(REFERENCE + difference, REFERENCE)[name]
    after = compare(REFERENCE + factor * difference, REFERENCE)[name]
    found = scaled(name, before, factor)
    if name in SIMILARITIES:
        assert 1 - found == pytest.approx(1 - after, rel=1e-3, abs=0)
    else:
        assert found == pytest.approx(after, rel=1e-3, abs=0)
    assert found != pytest.approx(before, rel=1e-12, abs=0)


def test_every_metric_but_the_logarithmic_one_has_an_order() -> None:
    assert ORDER.keys() == set(METRICS) - {"psnr"}


def test_no_difference_stays_none() -> None:
    metrics = compare(REFERENCE, REFERENCE)
    assert {name: scaled(name, value, 3) for name, value in metrics.items()} == metrics


def test_by_hand() -> None:
    assert scaled("max_abs", 0.25, 3) == 0.75
    assert scaled("cosine_distance", 0.25, 3) == 2.25
    assert scaled("ssim", 0.75, 2) == 0
    assert scaled("ssim_worst", 0.75, 3) == -1.25
    assert scaled("psnr", 60.0, 10) == 40
    assert scaled("psnr", math.inf, 10) == math.inf
    assert scaled("relative_l2", math.inf, 2) == math.inf


@pytest.mark.parametrize("factor", [0.0, -1.0, math.nan])
def test_a_factor_that_is_none_is_refused(factor: float) -> None:
    with pytest.raises(ValueError, match="times as large"):
        scaled("max_abs", 1.0, factor)


def test_a_name_that_is_no_metric_is_refused() -> None:
    with pytest.raises(KeyError, match="max_abs_"):
        scaled("max_abs_", 1.0, 2)
