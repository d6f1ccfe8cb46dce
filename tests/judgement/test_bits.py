"""Bits: each part of a measurement that may differ, changed by itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from samples import make_measurement

from harness.judgement import bits
from harness.judgement import reasons as r
from harness.measurement.figures import CheckpointIdentity

MEASURED = make_measurement(timesteps=(500, 250, 0))
FIRST, SECOND, THIRD = MEASURED.trace
OTHER = "f" * 64


def test_the_same_measurement_differs_in_nothing() -> None:
    again = make_measurement(timesteps=(500, 250, 0))
    assert bits.changed_parts(again, MEASURED) == ()
    assert bits.schedule_change(again, MEASURED) is None
    assert bits.checkpoint_change(again, MEASURED) is None
    assert bits.ledger_change(again, MEASURED) is None
    assert bits.changed_operators(again, MEASURED) == ()


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (None, None, True),
        (np.zeros(2), None, False),
        (None, np.zeros(2), False),
        (np.zeros(2), np.zeros(2), True),
        (np.zeros(2), -np.zeros(2), False),
        (np.zeros(2), np.zeros((2, 1)), False),
        (np.zeros(2, np.float32), np.zeros(2, np.int32), False),
        (np.array([np.nan]), np.array([np.nan]), True),
    ],
)
def test_arrays_of_the_same_bits(a: np.ndarray | None, b: np.ndarray | None, same: bool) -> None:
    assert bits.same_bits(a, b) is same


def test_keys_that_one_side_lacks_differ_as_other_values_do() -> None:
    assert bits.differing_keys({"c": 1, "a": 1, "b": 1}, {"b": 1, "c": 2, "d": 1}) == ("a", "c", "d")


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint8"])
def test_values_are_counted_by_their_bytes(dtype: str) -> None:
    a, b = np.zeros((2, 6), dtype), np.zeros((2, 6), dtype)
    b[0, 1] = b[1, 4] = 3
    assert bits.differing_values(a, b) == 2
    assert bits.differing_values(a[:, ::2], b[:, ::2]) == 1


def test_an_output_of_another_form_or_of_other_values() -> None:
    output = MEASURED.output
    form = r.OutputHasAnotherForm()
    assert bits.output_change(output[:, :4], output) == form
    assert bits.output_change(output.astype(np.float64), output) == form
    # Of another dtype all values may be equal, and of another shape the bytes.
    assert bits.output_change(output.reshape(-1), output) == form
    moved = output.copy()
    moved[0, 0, 0, :2] += 1
    assert bits.output_change(moved, output) == r.OutputDiffers(2, output.size, only_sign=False)
    zeros = np.zeros(4, np.float32)
    assert bits.output_change(-zeros, zeros) == r.OutputDiffers(4, 4, only_sign=True)


def test_every_part_that_changed_is_told_in_order() -> None:
    changed = replace(
        MEASURED,
        output=MEASURED.output + 1,
        singles=MEASURED.output,
        statistics={**MEASURED.statistics, "mean": 9.0},
        trace=(FIRST, replace(SECOND, sha256=OTHER), THIRD),
    )
    size = MEASURED.output.size
    assert bits.changed_parts(changed, MEASURED) == (
        r.OutputDiffers(size, size, only_sign=False),
        r.LatentsDiffer(1, 2, 250),
        r.SinglesDiffer(),
        r.StatisticsDiffer(("mean",)),
    )
    assert bits.changed_parts(replace(changed, output=MEASURED.output, singles=None), MEASURED) == (
        r.LatentsDiffer(1, 2, 250),
        r.StatisticsDiffer(("mean",)),
    )


def test_the_first_step_with_other_latents() -> None:
    changed = replace(MEASURED, trace=(FIRST, replace(SECOND, sha256=OTHER), replace(THIRD, sha256=OTHER)))
    assert bits.first_changed_step(changed, MEASURED) == r.LatentsDiffer(1, 2, 250)
    fewer = replace(MEASURED, trace=(replace(FIRST, sha256=OTHER), SECOND))
    # The last step is the baseline's.
    assert bits.first_changed_step(fewer, MEASURED) == r.LatentsDiffer(0, 2, 500)
    assert bits.first_changed_step(MEASURED, fewer) == r.LatentsDiffer(0, 1, 500)


def test_steps_more_or_fewer_are_told_where_the_others_are_the_same() -> None:
    fewer = replace(MEASURED, trace=(FIRST, SECOND))
    assert bits.first_changed_step(fewer, MEASURED) == r.StepsDiffer(2, 3)
    assert bits.first_changed_step(MEASURED, fewer) == r.StepsDiffer(3, 2)


@pytest.mark.parametrize(
    ("recorded", "now", "same"),
    [
        ((999.0, 250.25), (999.0, 250.2505), True),
        ((999.0, 250.25), (999.0, 250.26), False),
        ((999.0, 250.0), (999.0, 250.0001), True),
        ((999.0, 250.0), (999.0, 251.0), False),
        ((999.5, 250.0), (999.5, float("nan")), False),
        ((0.5, 0.25), (0.5, 0.2500001), True),
        ((0.5, 0.25), (0.5, 0.251), False),
    ],
)
def test_timesteps_from_sigmas_may_be_rounded(
    recorded: tuple[float, float], now: tuple[float, float], same: bool
) -> None:
    one, other = (
        replace(
            MEASURED,
            trace=tuple(replace(MEASURED.trace[0], step=i, timestep=each) for i, each in enumerate(values)),
        )
        for values in (now, recorded)
    )
    found = bits.schedule_change(one, other)
    assert (found is None) == same
    if not same:
        assert isinstance(found, r.TimestepDiffers)
        assert found.step == 1


def test_a_schedule_of_other_length_or_other_timesteps() -> None:
    fewer = replace(MEASURED, trace=(FIRST, SECOND))
    assert bits.schedule_change(fewer, MEASURED) == r.ScheduleHasOtherLength(2, 3)
    shifted = replace(MEASURED, trace=(FIRST, replace(SECOND, timestep=249.0), replace(THIRD, timestep=-1.0)))
    assert bits.schedule_change(shifted, MEASURED) == r.TimestepDiffers(1, 249.0, 250)


def test_the_first_file_of_the_weights_that_differs() -> None:
    files = {"a": "1" * 64, "b": "2" * 64, "c": "3" * 64}
    stored = replace(MEASURED, checkpoint=CheckpointIdentity("weights", files))
    ran = replace(MEASURED, checkpoint=CheckpointIdentity("other", {"a": "1" * 64, "b": OTHER}))
    assert bits.checkpoint_change(ran, stored) == r.CheckpointChanged("other", "b", 1, OTHER, "2" * 64)
    more = replace(MEASURED, checkpoint=CheckpointIdentity("weights", {**files, "d": OTHER}))
    assert bits.checkpoint_change(more, stored) == r.CheckpointChanged("weights", "d", 0, OTHER, None)
    assert bits.checkpoint_change(stored, more) == r.CheckpointChanged("weights", "d", 0, None, OTHER)


def test_the_first_draw_that_differs_and_draws_more_or_fewer() -> None:
    (draw,) = MEASURED.ledger
    noise = r.DrawnNoise(draw.generator, draw.method, draw.shape, draw.dtype, draw.site)
    other = replace(draw, sha256=OTHER)
    twice = replace(MEASURED, ledger=(draw, draw))
    changed = replace(MEASURED, ledger=(draw, other))
    assert bits.ledger_change(changed, twice) == r.NoiseChanged(1, noise, noise, 2, 2)
    assert bits.ledger_change(twice, MEASURED) == r.NoiseChanged(1, noise, None, 2, 1)
    assert bits.ledger_change(MEASURED, twice) == r.NoiseChanged(1, None, noise, 1, 2)
    elsewhere = replace(MEASURED, ledger=(replace(draw, site="other.py:1"),))
    assert bits.ledger_change(elsewhere, MEASURED) is None


def test_operators_that_only_one_side_tried_are_no_change() -> None:
    ran = replace(MEASURED, canaries={"conv3x3": OTHER, "exp": "2" * 64, "sin": OTHER})
    assert bits.changed_operators(ran, MEASURED) == ("conv3x3",)
    assert bits.changed_operators(MEASURED, ran) == ("conv3x3",)
