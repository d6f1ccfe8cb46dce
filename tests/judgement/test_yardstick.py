"""A port is held to its original by how far both are from float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.judgement.yardstick import FACTOR, distances
from harness.tracing.difference import rounding_of

RNG = np.random.default_rng(0)
EXACT = RNG.standard_normal((3, 1, 4, 8, 8))


class _Run:
    """What the yardstick reads of a measurement."""

    def __init__(self, latents: Any, output: Any = None) -> None:
        self.latents = latents
        self.output = latents[-1] if output is None else output


def run(error: float) -> Any:
    return _Run((EXACT * (1 + error * RNG.standard_normal(EXACT.shape))).astype(np.float64))


def test_a_port_that_is_as_near_as_the_original_is_within() -> None:
    found = distances(run(1e-6), run(1e-6), _Run(EXACT), dtype="float32")  # type: ignore[arg-type]
    assert [each.step for each in found] == [0, 1, 2, None]
    assert all(each.within for each in found)
    assert found[0].own == pytest.approx(1e-6, rel=0.3)
    assert found[0].limit == pytest.approx(FACTOR * found[0].own)


def test_a_port_that_is_further_is_beyond() -> None:
    found = distances(run(1e-5), run(1e-6), _Run(EXACT), dtype="float32")  # type: ignore[arg-type]
    assert not any(each.within for each in found)


def test_the_limit_is_no_less_than_rounding() -> None:
    found = distances(run(1e-6), _Run(EXACT), _Run(EXACT), dtype="float32")  # type: ignore[arg-type]
    assert {each.limit for each in found} == {rounding_of("float32")}


@pytest.mark.parametrize("error", [0.5, np.inf])
def test_an_original_that_is_far_off_itself_lets_not_everything_pass(error: float) -> None:
    with np.errstate(invalid="ignore"):
        own = _Run(EXACT * (1 + error))
    found = distances(_Run(np.zeros_like(EXACT)), own, _Run(EXACT), dtype="float16")  # type: ignore[arg-type]
    assert not any(each.within for each in found)
    assert all(each.limit < 1 for each in found)


def test_a_cell_that_rounding_moves_far_is_not_excused_for_zeros() -> None:
    assert pytest.approx(rounding_of("float32", 1e-4)) == 16e-4
    assert rounding_of("float32", 0.9) < 1


def test_nan_is_beyond_every_limit() -> None:
    broken = EXACT.copy()
    broken[0, 0, 0, 0, 0] = np.nan
    found = distances(_Run(broken), run(1e-6), _Run(EXACT), dtype="float32")  # type: ignore[arg-type]
    assert not found[0].within
    assert found[1].within


def test_other_shapes_have_no_distance() -> None:
    found = distances(_Run(EXACT[:, :, :2]), run(1e-6), _Run(EXACT), dtype="float32")  # type: ignore[arg-type]
    assert found == ()


def test_without_latents_the_output_is_compared() -> None:
    port, own, exact = run(1e-6), run(1e-6), _Run(EXACT)
    port.latents = None
    found = distances(port, own, exact, dtype="float32")  # type: ignore[arg-type]
    assert [each.step for each in found] == [None]
