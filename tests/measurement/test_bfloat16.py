"""bfloat16 beside numpy: the values of MindSpore's, the neighbours, and where arrays come from."""

import numpy as np
import pytest

import harness
from harness.judgement.judgement import Verdict
from harness.judgement.reasons import DtypeDiffers
from harness.measurement.bfloat16 import dtype_of, is_bfloat16, next_bfloat16, to_bfloat16, to_numpy
from harness.measurement.values import OneUlp, array_of, described, output_arrays, with_arrays

VALUES = np.float32([0, -0.0, 1, -1, 1.00390625, 1.01171875, 3.3e38, 1e-40, np.inf, -np.inf, np.nan])


@pytest.fixture
def narrow(mindspore):
    return lambda values=VALUES: mindspore.Tensor(values).astype(mindspore.bfloat16)


def test_rounding_and_widening_are_mindspores(narrow):
    noise = np.random.default_rng(0).standard_normal(4096).astype(np.float32)
    for values in (VALUES, noise, noise * np.float32(1e-38), noise.astype(np.float64)):
        tensor = narrow(values.astype(np.float32))
        np.testing.assert_array_equal(to_bfloat16(values), tensor.float().asnumpy())
        np.testing.assert_array_equal(to_numpy(tensor), tensor.float().asnumpy())
        np.testing.assert_array_equal(to_numpy(tensor.asnumpy()), tensor.float().asnumpy())


def test_neighbours_are_one_unit_away():
    values = to_bfloat16(np.random.default_rng(0).standard_normal(4096).astype(np.float32))
    above = next_bfloat16(values, np.full(values.shape, True))
    below = next_bfloat16(values, np.full(values.shape, False))
    assert (below < values).all()
    assert (values < above).all()
    for moved in (above, below):
        np.testing.assert_array_equal(to_bfloat16(moved), moved)
        step = np.abs(moved.view(np.int32) - values.view(np.int32))
        assert set(step) == {1 << 16}
    smallest = next_bfloat16(np.float32([0, -0.0, 0, -0.0]), np.array([True, True, False, False]))
    assert smallest.view(np.uint32).tolist() == [0x10000, 0x10000, 0x80010000, 0x80010000]
    assert next_bfloat16(smallest, smallest < 0).tolist() == [0, 0, 0, 0]


def test_the_name_of_the_dtype_is_that_of_the_tensor(narrow):
    tensor = narrow()
    assert dtype_of(tensor, to_numpy(tensor)) == "bfloat16"
    assert is_bfloat16(tensor.asnumpy())
    structured = np.zeros(1, [("bfloat16", "f4")])
    for other in (tensor.float(), VALUES, structured, "bfloat16", None, 1.5):
        assert not is_bfloat16(other)


def test_arrays_of_a_function(narrow):
    tensor = narrow(np.float32([[1, 2], [3, 4]]))
    assert array_of(tensor).dtype == np.float32
    ((array, dtype),) = output_arrays(tensor).values()
    assert (array.tolist(), dtype) == ([[1, 2], [3, 4]], "bfloat16")
    assert described((tensor,)) != described((tensor.float(),))
    assert described((tensor,))["input 0"].startswith("bfloat16 [2, 2] ")


def test_inputs_are_moved_by_one_unit_of_their_own_dtype(narrow, mindspore):
    tensor = narrow(np.random.default_rng(0).standard_normal(256).astype(np.float32))
    moved = with_arrays(tensor, OneUlp(1))
    assert moved.dtype == mindspore.bfloat16
    ours, theirs = (to_numpy(each).view(np.int32) for each in (moved, tensor))
    assert set(np.abs(ours - theirs)) == {1 << 16}


def test_torchs_tensors_too():
    torch = pytest.importorskip("torch")
    tensor = torch.tensor([1.0, 2.5, -3.3], dtype=torch.bfloat16, requires_grad=True)
    assert to_numpy(tensor).tolist() == [1.0, 2.5, -3.296875]
    moved = with_arrays(tensor, OneUlp(1))
    assert moved.dtype == torch.bfloat16
    assert not torch.equal(moved, tensor)
    assert harness.compare(tensor, tensor.detach().clone()).passed


def test_comparing_arrays_tells_the_dtypes_apart(narrow):
    tensor = narrow(np.float32([1, 2.5]))
    assert harness.compare(tensor, tensor).passed
    assert harness.compare(tensor.asnumpy(), tensor).passed
    for other in (tensor.float().asnumpy(), np.float32([1, 2.5])):
        found = harness.compare(tensor, other, {"max_abs": 1}).compared.judgement
        assert found.verdict is Verdict.DRIFT
        assert found.reasons == (DtypeDiffers("output", "bfloat16", "float32"),)
