"""Named arrays as bytes: one codec for baselines, members, kept measurements and deep traces."""

from __future__ import annotations

import json

import numpy as np
import pytest

from harness.measurement.measurement import ArraysError, decode_arrays, encode_arrays
from harness.measurement.sealed import decode_sealed
from harness.releases.kept import read_measurement
from harness.tracing.trace import DeepTrace, TraceDamaged

IMAGE = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


@pytest.mark.parametrize(
    "array",
    [IMAGE, IMAGE[:, ::-1], IMAGE.T, np.float32(-0.0).reshape(()), np.zeros((0, 3)), np.array([True, False])],
    ids=["dense", "reversed", "transposed", "a number", "empty", "booleans"],
)
def test_arrays_and_texts_come_back_bit_for_bit(array):
    arrays, texts = decode_arrays(encode_arrays({"output": array}, {"key": "naïve"}))
    back = arrays["output"]
    assert (back.dtype, back.shape, back.tobytes()) == (array.dtype, array.shape, array.tobytes())
    assert texts == {"key": "naïve"}
    assert not back.flags.writeable


def test_the_same_arrays_give_the_same_bytes_without_texts():
    data = encode_arrays({"output": IMAGE, "latents": IMAGE})
    assert data == encode_arrays({"latents": IMAGE.copy(order="F"), "output": IMAGE})
    assert decode_arrays(data)[1] == {}


@pytest.mark.parametrize("dtype", ["longdouble", "complex128", "datetime64[s]", object, "S4"])
def test_a_dtype_that_the_format_lacks_is_named(dtype):
    with pytest.raises(ArraysError, match=r"latents has dtype .*, which cannot be stored"):
        encode_arrays({"output": IMAGE, "latents": np.zeros(2, dtype)})


@pytest.mark.parametrize("length", [0, 7, 20, -1])
def test_a_truncated_file(length):
    with pytest.raises(ArraysError, match="not a safetensors file"):
        decode_arrays(encode_arrays({"output": IMAGE})[:length])


@pytest.mark.parametrize("metadata", [None, 1, "a", [], [["facts", "{}"]], {"facts": 1}, {"facts": None}])
def test_metadata_that_are_no_texts_are_damage_to_every_reader(tmp_path, metadata):
    header = json.dumps({"__metadata__": metadata}).encode()
    data = len(header).to_bytes(8, "little") + header
    for decode in (decode_arrays, decode_sealed):
        with pytest.raises(ArraysError, match="not a safetensors file"):
            decode(data)
    with pytest.raises(TraceDamaged, match="not a safetensors file"):
        DeepTrace.from_bytes(data)
    (tmp_path / "a.safetensors").write_bytes(data)
    assert read_measurement(tmp_path / "a.safetensors") is None
