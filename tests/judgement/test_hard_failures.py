"""What no tolerance excuses, and how statistics are scaled."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from samples import make_measurement

from harness.judgement import hard
from harness.judgement.hard import hard_failures, value_failures
from harness.judgement.metrics import statistic_deviation
from harness.measurement.measurement import Measurement
from harness.measurement.statistics import summarise
from harness.reporting.reasons import in_words


def with_values(*values: tuple[tuple[int, ...], float]) -> np.ndarray:
    output = make_measurement().output.copy()
    for position, value in values:
        output[position] = value
    return output


def failures(measured: Measurement, baseline: Measurement) -> tuple[str, ...]:
    return in_words(hard_failures(measured, baseline))


def values(array: np.ndarray) -> tuple[str, ...]:
    return in_words(value_failures("output", array))


def test_a_sound_measurement_has_none() -> None:
    assert failures(make_measurement(seed=8), make_measurement()) == ()


def test_nan_is_a_failure_even_where_the_baseline_has_it_too() -> None:
    measurement = make_measurement(with_values(((0, 1, 2, 0), np.nan)))
    reasons = failures(measurement, measurement)
    assert reasons[0] == "output: NaN in 1 of 192 values, at (0, 1, 2, 0)"


def test_counts_and_first_positions() -> None:
    places = [(0, i, i, 0) for i in range(5)]
    output = with_values(*((place, np.nan) for place in places), ((0, 7, 7, 2), -np.inf))
    reasons = failures(make_measurement(output), make_measurement())
    assert reasons[0] == "output: NaN in 5 of 192 values, at (0, 0, 0, 0), (0, 1, 1, 0), (0, 2, 2, 0), …"
    assert reasons[1] == "output: Inf in 1 of 192 values, at (0, 7, 7, 2)"


def test_they_are_found_wherever_they_are_in_a_large_array(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hard, "PIECE", 50)
    places = [(0, 2, 0, 1), (0, 2, 0, 2), (0, 4, 1, 1), (0, 7, 7, 2)]  # 49, 50, 100 and 191 of 192
    output = with_values(*((place, np.inf) for place in places))
    assert values(output) == (
        "output: Inf in 4 of 192 values, at (0, 2, 0, 1), (0, 2, 0, 2), (0, 4, 1, 1), …",
    )
    assert values(output.swapaxes(1, 2)) == (
        "output: Inf in 4 of 192 values, at (0, 0, 2, 1), (0, 0, 2, 2), (0, 1, 4, 1), …",
    )
    assert values(np.array(np.nan)) == ("output: NaN in 1 of 1 values, at ()",)


def test_an_array_of_nothing_but_nan_takes_little_memory_beside_itself() -> None:
    output = np.full((1, 4000, 4000, 1), np.nan, np.float16)
    tracemalloc.start()
    try:
        (reason,) = values(output)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert reason.startswith("output: NaN in 16000000 of 16000000 values, at (0, 0, 0, 0), (0, 0, 1, 0)")
    assert peak < 24 * 2**20


def test_shape_is_not_cut_to_the_shorter_one() -> None:
    output = make_measurement().output
    video = np.stack([output] * 3, axis=1)
    reasons = failures(make_measurement(video[:, :2]), make_measurement(video))
    assert reasons == ("output: shape [1, 2, 8, 8, 3], the baseline's is [1, 3, 8, 8, 3]",)


def test_dtype() -> None:
    output = make_measurement().output
    reasons = failures(make_measurement(output.astype(np.float64)), make_measurement())
    assert reasons == ("output: dtype float64, the baseline's is float32",)


def test_an_empty_output_is_none_that_passes() -> None:
    empty = make_measurement(np.zeros((0, 8, 8, 3), np.float32))
    assert "output: empty (shape [0, 8, 8, 3])" in failures(empty, empty)


def test_a_missing_statistic_is_named_and_a_new_one_is_fine() -> None:
    fewer = {
        name: value for name, value in make_measurement().statistics.items() if name not in ("mean", "q50")
    }
    reasons = failures(make_measurement(statistics=fewer), make_measurement())
    assert reasons == ("statistics missing from the measurement: mean, q50",)
    assert failures(make_measurement(), make_measurement(statistics=fewer)) == ()


def test_a_statistic_that_is_no_number() -> None:
    statistics = {**make_measurement().statistics, "std": math.nan}
    assert failures(make_measurement(statistics=statistics), make_measurement()) == (
        "statistics: std is nan",
    )


def test_latents_that_break_on_the_way_are_named_by_their_first_step() -> None:
    sound = make_measurement()
    trace = make_measurement(seed=8).trace
    for record in trace:
        record.statistics["l2"] = math.inf
    reasons = failures(make_measurement(trace=trace), sound)
    assert reasons == ("the latents of step 0 (timestep 500): l2 is inf",)


def test_sums_are_relative_to_themselves_and_the_rest_to_the_rms() -> None:
    output = np.array([[3.0, 4.0]])
    baseline = summarise(output)
    assert statistic_deviation("l2", 5.5, baseline) == pytest.approx(0.1)
    assert statistic_deviation("abs_sum", 6.3, baseline) == pytest.approx(0.1)
    rms = math.sqrt(12.5)
    for name in ("mean", "std", "min", "max", "q50", "channel1.mean"):
        assert statistic_deviation(name, baseline[name] - 0.5, baseline) == pytest.approx(0.5 / rms), name


def test_a_mean_near_zero_is_not_blown_up() -> None:
    output = np.array([[-1.0, 1.0 + 1e-9]])
    assert statistic_deviation("mean", 1e-7, summarise(output)) < 1e-6


def test_against_an_output_of_zeros() -> None:
    zeros = summarise(np.zeros((1, 4)))
    for name in ("mean", "l2", "abs_sum"):
        assert statistic_deviation(name, 0.0, zeros) == 0
        assert statistic_deviation(name, 1e-30, zeros) == math.inf
