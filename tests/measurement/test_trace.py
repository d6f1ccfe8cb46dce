"""The per-step trace: what it notes of each step, and that it changes nothing."""

import re

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.measurement.measurement import array_sha256
from harness.measurement.statistics import moments
from harness.measurement.trace import StepTrace


def latents(value=0.0, dtype=np.float32):
    return np.full((1, 3, 2, 2), value, dtype)


def test_each_step_is_recorded_in_order():
    trace = StepTrace()
    for step, timestep in enumerate((999, 500, 0)):
        assert trace(None, step, timestep, {"latents": latents(step)}) == {}
    assert [(record.step, record.timestep) for record in trace.records] == [(0, 999), (1, 500), (2, 0)]
    for value, record in enumerate(trace.records):
        assert record.sha256 == array_sha256(latents(value))
        assert record.statistics == moments(latents(value))
    assert trace.latents is None


def test_kept_latents_are_those_of_the_step_whatever_becomes_of_them():
    trace = StepTrace(keep=True)
    array = latents(1, np.float16)
    trace(None, 0, 999, {"latents": array})
    array *= 2
    trace(None, 1, 500, {"latents": array})
    assert trace.latents.dtype == np.float16
    assert trace.latents.shape == (2, 1, 3, 2, 2)
    assert [float(step.max()) for step in trace.latents] == [1.0, 2.0]


def test_latents_of_stages_of_different_shapes_lie_flat_beside_zeros():
    trace = StepTrace(keep=True)
    small, large = np.full((1, 5), 2.0, np.float32), np.ones((1, 3, 2, 2), np.float32)
    trace(None, 0, 999, {"latents": small})
    trace(None, 1, 500, {"latents": large})
    assert trace.latents.dtype == np.float32
    assert trace.latents.tolist() == [[2.0] * 5 + [0.0] * 7, [1.0] * 12]


def test_latents_of_two_dtypes_are_told_in_words():
    trace = StepTrace(keep=True)
    trace(None, 0, 999, {"latents": latents()})
    trace(None, 1, 500, {"latents": latents(dtype=np.float64)})
    form = re.escape("step 1 (timestep 500) are float64, those of the first step float32")
    with pytest.raises(HarnessError, match=form):
        _ = trace.latents
    assert len(trace.records) == 2


def test_without_a_step_there_are_no_latents():
    assert StepTrace(keep=True).latents is None
    assert StepTrace(keep=True).records == ()


@pytest.mark.parametrize(
    ("timestep", "noted"),
    [
        (999, 999),
        (999.0, 999),
        (0.25, 0.25),
        (-1.5, -1.5),
        (np.int64(7), 7),
        (np.float32(0.1), float(np.float32(0.1))),
        (np.array(3), 3),
        (np.array([986.75], np.float32), 986.75),
    ],
    ids=repr,
)
def test_a_timestep_is_an_int_where_it_is_whole_and_keeps_its_fraction_elsewhere(timestep, noted):
    trace = StepTrace()
    trace(None, np.int64(0), timestep, {"latents": latents()})
    (record,) = trace.records
    assert record.timestep == noted
    assert type(record.timestep) is type(noted)
    assert type(record.step) is int


def test_tensors_are_recorded_as_arrays_are(mindspore):
    trace, of_arrays = StepTrace(keep=True), StepTrace(keep=True)
    for step, (timestep, number) in enumerate(
        [
            (mindspore.Tensor(999), 999),
            (mindspore.Tensor([0.25], mindspore.float32), 0.25),
            (mindspore.Tensor(3, mindspore.int64), 3),
        ]
    ):
        trace(None, step, timestep, {"latents": mindspore.Tensor(latents(step))})
        of_arrays(None, step, number, {"latents": latents(step)})
    assert trace.records == of_arrays.records
    assert np.array_equal(trace.latents, of_arrays.latents)
