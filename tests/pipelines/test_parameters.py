"""Every loaded parameter has a checksum, and any change of any value of one shows in it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.pipelines.errors import PipelineError
from harness.pipelines.held import cells_of
from harness.pipelines.parameters import checksum
from harness.pipelines.parameters import loaded_facts as facts_of_cells

# bfloat16 is tested with MindSpore, below.
DTYPES = ("float32", "float16", "float64", "int8", "int32", "int64", "uint8", "bool")


@given(st.data())
def test_any_other_bits_of_one_element_are_another_checksum(data):
    dtype = np.dtype(data.draw(st.sampled_from(DTYPES)))
    shape = data.draw(st.lists(st.integers(1, 5), max_size=3).map(tuple))
    array = np.random.default_rng(data.draw(st.integers(0, 99))).integers(0, 2, shape).astype(dtype)
    before = checksum(array)
    raw = array.reshape(-1).view(f"u{dtype.itemsize}")
    index = data.draw(st.integers(0, raw.size - 1))
    bits = 1 if dtype.kind == "b" else 8 * dtype.itemsize
    raw[index] ^= data.draw(st.integers(1, 2**bits - 1).map(raw.dtype.type))
    assert checksum(array) != before


def test_order_shape_and_dtype_count_and_memory_layout_does_not():
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    others = [array[::-1], array.T, array.reshape(6), array.view(np.int32), -array]
    assert len({checksum(each) for each in (array, *others)}) == 6
    assert checksum(np.asfortranarray(array)) == checksum(array)
    assert checksum(np.zeros((0, 2))) != checksum(np.zeros((2, 0)))


def loaded_facts(pipeline):
    return facts_of_cells(cells_of(pipeline))


def made(ms, net):
    class Pipeline:
        def __init__(self):
            self._predict = self.unet = net

        def __call__(self):
            raise NotImplementedError

    return Pipeline()


def cell(ms):
    class Inner(ms.nn.Cell):
        def __init__(self):
            super().__init__()
            self.dense = ms.nn.Dense(2, 2)
            self.same = self.dense
            for name in ("float32", "float16", "bfloat16", "int32", "int8"):
                values = ms.Tensor(np.arange(1, 5), getattr(ms, name))
                setattr(self, name, ms.Parameter(values, name=name))

    return Inner()


NAMES = {f"unet/{name}" for name in ("float32", "float16", "bfloat16", "int32", "int8")}


def test_parameters_have_the_public_name_of_their_cell_and_count_once(mindspore):
    facts = loaded_facts(made(mindspore, cell(mindspore)))
    assert set(facts.parameters) == NAMES | {"unet/dense.weight", "unet/dense.bias"}
    assert facts.unreadable == ()


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(sorted(NAMES)), st.integers(0, 3))
def test_the_smallest_change_of_one_element_is_named_in_every_dtype(mindspore, name, index):
    from harness.measurement.bfloat16 import next_bfloat16, to_numpy

    net = cell(mindspore)
    pipeline = made(mindspore, net)
    before = loaded_facts(pipeline).parameters
    parameter = getattr(net, name.removeprefix("unet/"))
    values = to_numpy(parameter)
    if "int" in name:
        values[index] += 1
    elif "bfloat16" in name:
        values[index] = next_bfloat16(values, np.True_)[index]
    else:
        values[index] = np.nextafter(values[index], values.dtype.type(9))
    parameter.set_data(mindspore.Tensor(values, parameter.dtype))
    after = loaded_facts(pipeline).parameters
    assert {each for each in before if before[each] != after[each]} == {name}


def test_what_cannot_be_read_is_listed_and_stops_nothing(mindspore, monkeypatch):
    net = cell(mindspore)
    monkeypatch.setattr(net.int8, "asnumpy", lambda: 1 / 0, raising=False)
    facts = loaded_facts(made(mindspore, net))
    assert facts.unreadable == ("unet/int8",)
    assert "unet/float32" in facts.parameters


@pytest.mark.parametrize("pipeline", [print, object(), {"a": 1}])
def test_a_pipeline_without_cells_has_no_parameters(mindspore, pipeline):
    assert loaded_facts(pipeline).parameters == {}


def computed(mindspore, *patterns):
    return facts_of_cells(cells_of(made(mindspore, cell(mindspore))), patterns)


def test_parameters_that_match_a_pattern_get_a_sketch_and_others_none(mindspore):
    facts = computed(mindspore, "unet/*float16", "*/dense.*", "unet/int8")
    assert set(facts.sketches) == {
        "unet/float16",
        "unet/bfloat16",
        "unet/dense.weight",
        "unet/dense.bias",
        "unet/int8",
    }
    # Rounding cannot change it.
    assert facts.sketches["unet/int8"] is None
    dtypes = {name: sketch.dtype for name, sketch in facts.sketches.items() if sketch is not None}
    assert dtypes["unet/bfloat16"] == "bfloat16"
    assert dtypes["unet/float16"] == "float16"
    assert facts.sketches["unet/bfloat16"].l2 == facts.sketches["unet/float16"].l2 == 30**0.5
    assert computed(mindspore).sketches == {}
    assert computed(mindspore, "*").sketches.keys() == facts.parameters.keys()


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("unet/*.wieght", "the nearest names are unet/dense.weight"),
        ("UNET/float32", "the nearest names are unet/float32"),
        ("???", "no name is near it"),
    ],
)
def test_a_pattern_that_matches_nothing_is_refused_with_the_nearest_names(mindspore, pattern, told):
    with pytest.raises(PipelineError) as caught:
        computed(mindspore, "unet/float32", pattern)
    message = str(caught.value)
    assert message.startswith(f"`computed_parameters`: no parameter matches '{pattern}'; ")
    assert told in message


def test_a_pattern_for_a_pipeline_without_parameters_is_refused(mindspore):
    with pytest.raises(PipelineError, match="the pipeline holds no cell with parameters"):
        facts_of_cells(cells_of(print), ("*",))


def test_a_pattern_may_match_what_cannot_be_read(mindspore, monkeypatch):
    net = cell(mindspore)
    monkeypatch.setattr(net.int8, "asnumpy", lambda: 1 / 0, raising=False)
    facts = facts_of_cells(cells_of(made(mindspore, net)), ("unet/int8",))
    assert (facts.unreadable, facts.sketches) == (("unet/int8",), {})
