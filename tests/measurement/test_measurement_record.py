"""A measurement crosses the process boundary bit for bit, through execnet's own serialiser."""

import dataclasses
import math

import execnet
import numpy as np
import pytest

from harness.measurement.facts import PROJECTIONS, Facts, LargeTable, Sketch
from harness.measurement.figures import (
    CheckpointIdentity,
    CodeIdentity,
    DecoderDeviation,
    Draw,
    HostProcessing,
    StepRecord,
)
from harness.measurement.measurement import Measurement, array_from_wire, array_sha256, array_to_wire
from harness.measurement.second_call import Outcome, SecondCall

NAN_WITH_PAYLOAD = np.array([0x7FC00001, 0xFFC12345, 0x7F800001], np.uint32).view(np.float32)
ARRAYS = {
    "image": np.linspace(0, 1, 24, dtype=np.float32).reshape(1, 2, 4, 3),
    "negative zero": np.array([-0.0, 0.0], np.float32),
    "nan payloads": NAN_WITH_PAYLOAD,
    "infinities": np.array([np.inf, -np.inf]),
    "float16": np.array([[65504, 6e-8]], np.float16),
    "big-endian": np.arange(6, dtype=">f4").reshape(2, 3),
    "fortran order": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "strided backwards": np.arange(12.0)[::-2],
    "broadcast": np.broadcast_to(np.float32(1), (2, 2)),
    "bytes": np.array([0, 255], np.uint8),
    "booleans": np.array([[True], [False]]),
    "no axes": np.array(3.0, np.float32),
    "empty": np.zeros((0, 4, 4, 3), np.float32),
}


def through_execnet(data):
    return execnet.loads(execnet.dumps(data))


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_an_array_arrives_with_its_dtype_its_shape_and_its_bytes(array):
    arrived = array_from_wire(through_execnet(array_to_wire(array)))
    assert (arrived.dtype.str, arrived.shape) == (array.dtype.str, array.shape)
    assert arrived.tobytes() == array.tobytes()
    assert not arrived.flags.writeable


@pytest.mark.parametrize(
    "array",
    [
        np.array([object()]),
        np.array([1 + 2j]),
        np.array(["text"]),
        np.zeros(2, [("mean", "<f4")]),
        np.zeros(2, "V2"),
    ],
    ids=lambda array: array.dtype.name,
)
def test_an_array_whose_bytes_would_lose_their_meaning_is_refused(array):
    with pytest.raises(TypeError, match="cannot be measured"):
        array_to_wire(array)


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_the_hash_is_of_the_values_not_of_how_they_lie_in_memory(array):
    assert array_sha256(array) == array_sha256(array.copy(order="C"))


@pytest.mark.parametrize(
    "other",
    [
        np.array([0.0, -0.0], np.float32),
        np.array([0.0, 0.0], np.float64),
        np.array([0.0, 0.0], ">f4"),
        np.array([[0.0, 0.0]], np.float32),
        np.array([0, 0], np.int32),
    ],
    ids=["sign of zero", "dtype", "byte order", "shape", "kind"],
)
def test_the_hash_tells_apart_what_compares_equal(other):
    zeros = np.zeros(2, np.float32)
    assert np.array_equal(zeros, other.reshape(2))
    assert array_sha256(zeros) != array_sha256(other)


FULL = Measurement(
    output=ARRAYS["image"],
    statistics={"mean": 0.1, "min": -0.0, "max": math.inf, "std": math.nan},
    trace=(
        StepRecord(0, 999, "aa", {"mean": 0.1}),
        StepRecord(1, 0.5, "bb", {}),
    ),
    ledger=(
        Draw(0, "standard_normal", (1, 3, 8, 8), "<f4", "cc", "pipeline.py:12"),
        Draw(1, "random", (), "<f8", "dd", "naïve.py:3"),
    ),
    fingerprint={"device": "CPU", "cpu_model": "a processor"},
    checkpoint=CheckpointIdentity("hub:org/name@v1", {"model.safetensors": "ee"}, "f" * 40),
    canaries={"matmul": "11"},
    timings={"run": 0.25},
    peak_memory=5 * 2**30,
    latents=np.zeros((2, 1, 3, 8, 8), np.float16),
    singles=ARRAYS["image"][:, ::-1],
    code=CodeIdentity({"my_pkg/pipe.py": "77"}, {"unet": "88"}, "9" * 40),
    output_dtype="bfloat16",
    facts=Facts(
        {"unet/a": "01234567"},
        ("unet/b",),
        {"scheduler.betas": "float32"},
        {"unet/table": LargeTable("float64", (9, 9999), "89abcdef", {"mean": 0.1})},
        {"unet/*.eps": ("norm1", "norm2")},
        {"unet/a": Sketch("float64", (2, 3), (0.1,) * PROJECTIONS, (-1e-18,) * PROJECTIONS, 0.3, 1e-16)},
    ),
    constants={"scheduler.betas": np.array([math.inf, 0.1], np.float32)},
    host=HostProcessing("vae.decode", {"channels last, not clamped": 1e-8, "not clamped": 0.5}),
    decoder_input=np.zeros((1, 4, 2, 2), np.float16),
    decoder=DecoderDeviation(None, 1e-7, 2e-7),
    second_call=SecondCall(Outcome.FAILED, "step", 1, "Traceback: …"),
)


def plain(measurement):
    """Every field in a form that `==` compares bit for bit: repr tells -0.0 from 0.0, and NaN is NaN."""
    values = {field.name: getattr(measurement, field.name) for field in dataclasses.fields(measurement)}
    for name in ("output", "latents", "singles", "decoder_input"):
        array = values[name]
        values[name] = None if array is None else (array.dtype.str, array.shape, array.tobytes())
    values["constants"] = {
        name: (each.dtype.str, each.tobytes()) for name, each in measurement.constants.items()
    }
    return {name: repr(value) for name, value in values.items()}


def test_every_field_of_a_measurement_arrives():
    defaults = {f.name: f.default for f in dataclasses.fields(FULL) if f.default is not dataclasses.MISSING}
    # The answer of the worker has the one, the runner knows the other, and nothing that is stored has either.
    del defaults["changes"], defaults["after"]
    assert all(getattr(FULL, name) is not default for name, default in defaults.items())
    assert FULL.constants
    assert plain(Measurement.from_wire(through_execnet(FULL.to_wire()))) == plain(FULL)


def test_a_measurement_without_the_optional_parts_arrives():
    bare = Measurement(
        output=np.array(1.0, np.float32),
        statistics={},
        trace=(),
        ledger=(),
        fingerprint={},
        checkpoint=CheckpointIdentity(None, {}),
    )
    assert plain(Measurement.from_wire(through_execnet(bare.to_wire()))) == plain(bare)


def test_facts_that_were_kept_before_there_were_sketches_arrive():
    wire = FULL.to_wire()
    del wire["figures"]["facts"]["sketches"], wire["figures"]["facts"]["places"]
    assert Measurement.from_wire(wire).facts == dataclasses.replace(FULL.facts, places={}, sketches={})


def test_what_arrived_does_not_share_memory_with_what_was_sent():
    wire = FULL.to_wire()
    wire["figures"]["statistics"]["mean"] = 9.0
    wire["figures"]["trace"][0]["statistics"]["mean"] = 9.0
    assert FULL.statistics["mean"] == FULL.trace[0].statistics["mean"] == 0.1
