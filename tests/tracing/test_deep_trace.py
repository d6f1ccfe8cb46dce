"""The deep trace as bytes: the same when read back, and no byte of it can change unseen."""

import hashlib
import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import safetensors.numpy

from harness.measurement.measurement import array_sha256
from harness.tracing.trace import CellCall, DeepTrace, TraceDamaged, Value


def make_trace():
    arrays = [np.arange(6, dtype=np.float32).reshape(2, 3), np.array(7), np.zeros((0, 2), np.float16)]
    named = {array_sha256(array): array for array in arrays}
    x, number, empty = (Value(name, str(named[name].dtype)) for name in named)
    calls = (
        CellCall(
            "unet.a", 0, "Conv2d 3x3", {"stride": [1, 1], "eps": 1e-5}, {"weight": "ab"}, (x,), (empty,)
        ),
        CellCall("unet", 0, "Net", {}, {}, (x, number), (x,)),
    )
    return DeepTrace("suite/case", 1, 999.5, calls, x, x, named, {"device": "CPU"}, "cd")


def content(trace):
    arrays = {name: (array.dtype, array.shape, array.tobytes()) for name, array in trace.arrays.items()}
    return replace(trace, arrays={}), arrays


def test_a_trace_comes_back_as_it_was():
    trace = make_trace()
    again = DeepTrace.from_bytes(trace.to_bytes())
    assert content(again) == content(trace)
    assert again.nbytes == trace.nbytes == 6 * 4 + 8


def test_no_byte_can_change_unseen():
    data = make_trace().to_bytes()
    unseen = []
    for position in range(0, len(data), 5):
        changed = bytearray(data)
        changed[position] ^= 1
        try:
            read = DeepTrace.from_bytes(bytes(changed))
        except TraceDamaged:
            continue
        if content(read) != content(make_trace()):
            unseen.append(position)
    assert unseen == []


@pytest.mark.parametrize("data", [b"", b"\0" * 8, b"no safetensors file at all", b"\xff" * 64])
def test_something_else_is_no_trace(data):
    with pytest.raises(TraceDamaged, match="not a deep trace"):
        DeepTrace.from_bytes(data)


@pytest.mark.parametrize("length", [10, 500, -1, -9])
def test_a_truncated_trace(length):
    with pytest.raises(TraceDamaged):
        DeepTrace.from_bytes(make_trace().to_bytes()[:length])


def test_a_safetensors_file_of_something_else():
    data = safetensors.numpy.save({"output": np.ones(3, np.float32)})
    with pytest.raises(TraceDamaged, match="not a deep trace"):
        DeepTrace.from_bytes(data)


def edited(**changes):
    """The trace with its metadata edited, as by hand."""
    data = make_trace().to_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"].update(changes)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def test_an_edited_description():
    with pytest.raises(TraceDamaged, match="its description is not what was recorded"):
        DeepTrace.from_bytes(edited(trace="{}"))


def test_another_format():
    with pytest.raises(TraceDamaged, match="its format is 'harness deep trace 9', this version"):
        DeepTrace.from_bytes(edited(format="harness deep trace 9"))


def test_a_trace_of_an_earlier_version_has_no_labels_and_no_rounding():
    described = asdict(replace(make_trace(), arrays={}))
    del described["arrays"]
    for call in described["calls"]:
        del call["labels"]
        for value in (*call["inputs"], *call["outputs"]):
            value.pop("rounding", None)
    for name in ("before", "after"):
        described[name].pop("rounding", None)
    text = json.dumps(described)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    read = DeepTrace.from_bytes(edited(format="harness deep trace 1", trace=text, sha256=sha256))
    assert content(read) == content(make_trace())


def test_labels_and_rounding_come_back():
    trace = make_trace()
    moved = replace(trace.after, rounding=2e-7)
    call = replace(trace.calls[0], labels=("hidden_states",), inputs=(moved,))
    with_both = replace(trace, calls=(call, *trace.calls[1:]), after=moved)
    assert content(DeepTrace.from_bytes(with_both.to_bytes())) == content(with_both)


def test_a_description_that_lacks_something():
    sha256 = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"  # of "{}"
    with pytest.raises(TraceDamaged, match="its description lacks something"):
        DeepTrace.from_bytes(edited(trace="{}", sha256=sha256))


def test_an_array_that_is_not_there():
    trace = make_trace()
    name = trace.calls[1].inputs[1].sha256
    arrays = {key: array for key, array in trace.arrays.items() if key != name}
    with pytest.raises(TraceDamaged, match=f"the array {name[:16]}… is missing"):
        DeepTrace.from_bytes(replace(trace, arrays=arrays).to_bytes())


def test_an_array_that_is_another():
    trace = make_trace()
    name = trace.before.sha256
    arrays = {**trace.arrays, name: trace.arrays[name] + np.float32(1)}
    with pytest.raises(TraceDamaged, match="is not what was recorded"):
        DeepTrace.from_bytes(replace(trace, arrays=arrays).to_bytes())
