"""Only what two fresh workers give bit for bit is fit to record; what differs is named, causes first."""

from dataclasses import replace

import numpy as np
import pytest
from samples import refused

from harness.judgement.reasons import OtherPart
from harness.judgement.repetition import NotRepeatableError, check_repeats, first_difference
from harness.measurement.figures import CheckpointIdentity, Draw, StepRecord
from harness.measurement.measurement import Measurement
from harness.reporting.reasons import text_of

BASE = Measurement(
    output=np.zeros((1, 2, 2, 1), np.float32),
    statistics={"mean": 0.0},
    trace=(StepRecord(0, 999, "aa", {"mean": 0.0}), StepRecord(1, 500, "bb", {"mean": 0.0})),
    ledger=(Draw(0, "standard_normal", (1,), "<f8", "cc", "pipeline.py:1"),),
    fingerprint={"device": "CPU"},
    checkpoint=CheckpointIdentity("builtin:x", {"a": "dd"}),
    canaries={"matmul": "ee", "sin": "ff"},
    latents=np.zeros((2, 1), np.float32),
)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"fingerprint": {"device": "Ascend"}}, "the environment (device)"),
        ({"checkpoint": CheckpointIdentity("builtin:x", {"a": "d0"})}, "the checkpoint's hash"),
        ({"canaries": {"matmul": "e0", "sin": "ff"}}, "single operators on fixed inputs (matmul)"),
        ({"ledger": (replace(BASE.ledger[0], sha256="c0"),)}, "draw 0 of the ledger"),
        ({"ledger": ()}, "the number of draws (1 and 0)"),
        (
            {"trace": (BASE.trace[0], replace(BASE.trace[1], sha256="b0"))},
            "the latents after step 1 (timestep 500)",
        ),
        ({"trace": BASE.trace[:1]}, "the number of steps (2 and 1)"),
        ({"output": np.full((1, 2, 2, 1), -0.0, np.float32)}, "the output"),
        ({"latents": np.full((2, 1), -0.0, np.float32)}, "the latents"),
        ({"singles": np.zeros((1, 2, 2, 1), np.float32)}, "the singles"),
        ({"statistics": {"mean": 0.0, "median": 0.0}}, "the statistics"),
        ({"trace": (BASE.trace[0], replace(BASE.trace[1], statistics={}))}, "the statistics"),
    ],
)
def test_each_difference_is_named(change, named):
    assert named in text_of(first_difference(BASE, replace(BASE, **change)))


def test_the_cause_comes_before_its_effects():
    other = replace(
        BASE, ledger=(replace(BASE.ledger[0], sha256="c0"),), output=np.ones((1, 2, 2, 1), np.float32)
    )
    assert "draw 0" in text_of(first_difference(BASE, other))


def test_moved_code_and_timings_are_no_difference():
    moved = replace(BASE, ledger=(replace(BASE.ledger[0], site="other.py:9"),), timings={"run": 3.0})
    assert first_difference(BASE, moved) is None


def test_what_does_not_repeat_is_refused():
    check_repeats("s/c", BASE, replace(BASE, timings={"run": 3.0}))
    other = replace(BASE, output=np.ones((1, 2, 2, 1), np.float32))
    with refused(NotRepeatableError, r"s/c: two runs .* the output"):
        check_repeats("s/c", BASE, other)


def test_the_order_of_statistics_is_no_difference():
    """A baseline read back from disk has them sorted."""
    one = replace(
        BASE, statistics={"mean": 0.0, "l2": 1.0}, trace=(StepRecord(0, 9, "aa", {"b": 1.0, "a": 0.5}),)
    )
    other = replace(
        BASE, statistics={"l2": 1.0, "mean": 0.0}, trace=(StepRecord(0, 9, "aa", {"a": 0.5, "b": 1.0}),)
    )
    assert first_difference(one, other) is None


def test_statistics_are_compared_as_bits():
    nan, zero, negative = (replace(BASE, statistics={"mean": float(text)}) for text in ("nan", "0", "-0"))
    assert first_difference(nan, replace(nan, statistics={"mean": float("nan")})) is None
    assert first_difference(zero, negative) == OtherPart("statistics")
