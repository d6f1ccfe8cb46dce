"""The part of a deep trace that belongs to some images of a batch."""

import numpy as np

from harness.measurement.measurement import array_sha256
from harness.tracing.rows import of_images
from harness.tracing.trace import CellCall, DeepTrace, Value

BATCH = np.arange(12, dtype=np.float32).reshape(3, 4)
GUIDED = np.arange(24, dtype=np.float32).reshape(6, 4)
SHARED = np.arange(4, dtype=np.float32)
NUMBER = np.array(7)


def made(*arrays: np.ndarray) -> DeepTrace:
    values = tuple(Value(array_sha256(each), str(each.dtype)) for each in arrays)
    call = CellCall("model.middle", 0, "Dense", {}, {}, values[:-1], values[-1:])
    named = {value.sha256: array for value, array in zip(values, arrays, strict=True)}
    return DeepTrace("suite/case", 1, 999, (call,), values[0], values[0], named, {})


def test_rows_of_the_images_are_taken_in_their_order() -> None:
    trace = of_images(made(BATCH, GUIDED, SHARED, NUMBER), [2, 0], 3)
    (call,) = trace.calls
    found = [trace.arrays[value.sha256] for value in (*call.inputs, *call.outputs)]
    expected = [BATCH[[2, 0]], GUIDED[[2, 0, 5, 3]], SHARED, NUMBER]
    assert all(np.array_equal(ours, theirs) for ours, theirs in zip(found, expected, strict=True))
    assert trace.before is not None
    assert np.array_equal(trace.arrays[trace.before.sha256], BATCH[[2, 0]])
    # It is a trace like any other.
    assert DeepTrace.from_bytes(trace.to_bytes()).calls == trace.calls


def test_all_images_in_their_order_are_the_trace_itself() -> None:
    trace = made(BATCH, GUIDED)
    assert of_images(trace, [0, 1, 2], 3).calls == trace.calls
