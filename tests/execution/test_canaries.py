"""Canaries: each tells of its own operator, and of no other."""

import pytest

from harness.execution.canaries import run_canaries

# Baselines hold these names: a renamed or redefined canary would be told as an operator that changed.
NAMES = (
    "conv2d_3x3", "conv2d_3x3_stride2", "conv2d_1x1", "matmul", "batch_matmul", "softmax", "group_norm",
    "layer_norm", "silu", "gelu", "exp", "sin", "sqrt", "interpolate_nearest", "reduce_sum", "reduce_mean",
)  # fmt: skip
# These two are exact by IEEE 754 and by copying, so the same on every processor and under every release.
EXACT = {
    "sqrt": "0e629df36ed722fce44731800ae6bfbc624b77599d3813ed9c50711f34b3eb9d",
    "interpolate_nearest": "7688904b2111cee8194524e48182e6c1aafafed09adc8e8cefe5fc24817609ad",
}


@pytest.fixture(scope="module")
def canaries(mindspore):
    return run_canaries()


def test_names_and_inputs_stay_as_they_are(canaries):
    assert tuple(canaries) == NAMES
    assert {name: canaries[name] for name in EXACT} == EXACT


def test_each_operator_has_a_result_of_its_own(canaries):
    assert len(set(canaries.values())) == len(NAMES)


def test_they_repeat_bit_for_bit(canaries):
    assert run_canaries() == canaries


@pytest.mark.parametrize(
    ("operator", "told"),
    [
        ("Conv2D", {"conv2d_3x3", "conv2d_3x3_stride2", "conv2d_1x1"}),
        ("MatMul", {"matmul"}),
        ("BatchMatMul", {"batch_matmul"}),
        ("Softmax", {"softmax"}),
        ("LayerNorm", {"layer_norm"}),
        ("Sigmoid", {"silu"}),
        ("GeLU", {"gelu"}),
        ("Exp", {"exp"}),
        ("Sin", {"sin"}),
        ("Sqrt", {"sqrt"}),
        ("ResizeNearestNeighbor", {"interpolate_nearest"}),
        ("ReduceSum", {"reduce_sum"}),
        ("ReduceMean", {"reduce_mean", "group_norm"}),
    ],
)
def test_a_changed_operator_is_told_by_its_canaries_alone(mindspore, canaries, monkeypatch, operator, told):
    original = getattr(mindspore.ops, operator)

    def nudged(*args, **kwargs):
        run = original(*args, **kwargs)

        def call(*inputs):
            result = run(*inputs)
            # By a rounding error, no more.
            if isinstance(result, tuple):
                return (result[0] * (1 + 2**-22), *result[1:])
            return result * (1 + 2**-22)

        return call

    monkeypatch.setattr(mindspore.ops, operator, nudged)
    found = run_canaries()
    assert {name for name in NAMES if found[name] != canaries[name]} == told
