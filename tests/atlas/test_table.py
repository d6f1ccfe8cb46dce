"""The table of entries: its size, unique names, and numbers that depend on names alone."""

import json

import numpy as np
import pytest

from harness.atlas.drawing import SAMPLE, draw, places
from harness.atlas.entry import DTYPES, Entry
from harness.atlas.probe import Probe, ProbeError
from harness.atlas.references import _CELLS, _FUNCTIONS
from harness.atlas.table import entries, selected
from harness.codec import to_json
from harness.errors import UsageError
from harness.operations.atlas import Wanted


def test_there_are_two_hundred_operators_of_mint_ops_and_nn_in_three_dtypes():
    found = entries()
    operators = {each.operator for each in found}
    assert len(operators) >= 200
    for root in ("mint.", "ops.", "nn."):
        assert sum(each.startswith(root) for each in operators) >= 15, root
    assert {each.dtype for each in found} == set(DTYPES)
    assert {each.model.partition("-")[0] for each in found} >= {
        "mindone",
        "sd15",
        "sdxl",
        "sd3",
        "flux",
        "wan",
    }


def test_no_two_entries_share_a_name_or_a_definition():
    found = entries()
    assert len({each.name for each in found}) == len(found) == len({each.definition for each in found})


def test_a_pattern_is_part_of_a_name_and_may_have_wildcards():
    assert {each.name for each in selected(("ops.exp mindone-small",))} == {"ops.exp mindone-small float32"}
    found = selected(("ops.conv2d sd15*3x3",), ("float32",))
    assert found
    assert all(each.operator == "ops.conv2d" and each.model.startswith("sd15") for each in found)
    assert len(selected((), ("float16",))) == sum(each.dtype == "float16" for each in entries())


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Wanted(("no such operator",)), "no operator of the atlas matches"),
        (Wanted(dtypes=("float8",)), "the atlas has float32, float16, bfloat16"),
        (Wanted(runs=0), "runs at least once"),
    ],
)
def test_a_selection_of_nothing_is_wrong_usage(wanted, words):
    with pytest.raises(UsageError, match=words):
        wanted.entries()


def test_numbers_depend_on_the_entry_alone_and_a_larger_batch_has_the_same_first_rows():
    entry = selected(("mint.matmul sd15-text float32",))[0]
    one, two, three = (draw(entry, batch) for batch in (1, 2, 3))
    assert one[0].shape == (1, 77, 768)
    assert one[1].shape == three[1].shape == (768, 320)
    assert (three[0][:2] == two[0]).all()
    assert (two[0][:1] == one[0]).all()
    assert (two[0][1] != two[0][0]).any()
    other = selected(("ops.matmul sd15-text float32",))[0]
    assert (draw(other, 1)[0] != one[0]).any()


def test_of_every_domain_a_larger_batch_has_the_same_first_row():
    seen = set()
    for each in selected(dtypes=("float32",)):
        for place, spec in enumerate(each.drawn):
            if spec.batch and spec.domain not in seen and np.prod(spec.shape) < 1e5:
                seen.add(spec.domain)
                assert (draw(each, 4)[place][:1] == draw(each, 1)[place]).all(), spec.domain
    assert seen >= {"normal", "positive", "unit", "above one", "flags", "index 49408"}


def test_another_dtype_has_the_same_numbers_rounded():
    wide, half, brain = (selected((f"mint.exp mindone-small {dtype}",))[0] for dtype in DTYPES)
    assert (draw(half, 1)[0] == draw(wide, 1)[0].astype(np.float16)).all()
    upper = draw(brain, 1)[0].view(np.uint32) & 0xFFFF
    assert draw(brain, 1)[0].dtype == np.float32
    assert not upper.any()


def test_domains_keep_their_promise():
    for each in entries():
        if each.model == "mindone-small" and "above one" in {spec.domain for spec in each.drawn}:
            assert draw(each, 1)[0].min() > 1
    index = selected(("mint.nn.functional.embedding sd15-text",))[0]
    assert 0 <= draw(index, 1)[0].min() <= draw(index, 1)[0].max() < 49408


def test_a_sample_is_sorted_small_and_of_the_name():
    found = places("a", 10_000)
    assert len(found) == SAMPLE == len(set(found))
    assert (np.sort(found) == found).all()
    assert (places("b", 10_000) != found).any()
    assert places("a", 3).tolist() == [0, 1, 2]


@pytest.mark.parametrize("name", ["ops.cat mindone-small float32", "nn.Conv2d canary", "mint.linspace"])
def test_an_entry_survives_the_way_to_a_worker(name):
    entry = selected((name,))[0]
    probe = Probe(entry, 3, 1.0, blocks=((1, 2), (3,)))
    sent = json.loads(json.dumps(probe.to_wire()))
    assert Probe.from_wire(sent) == probe
    assert Probe.from_wire(sent).entry.definition == entry.definition


@pytest.mark.parametrize(
    "wire", [{"probe": {}}, {"probe": 3}, {"probe": {**to_json(Probe(entries()[0], 1, 1.0)), "x": 1}}]
)
def test_what_is_no_probe_is_refused(wire):
    with pytest.raises(ProbeError, match="no entry of the atlas"):
        Probe.from_wire(wire)


def test_every_reference_belongs_to_an_entry():
    lasts = {each.operator.rpartition(".")[2] for each in entries()} | {each.operator for each in entries()}
    assert set(_FUNCTIONS) <= lasts
    assert set(_CELLS) <= {each.operator for each in entries() if each.made_with}


def test_the_definition_is_of_all_that_is_computed():
    entry = Entry("ops.exp", "m", "float32", (1.0,))
    assert len({entry.definition, Entry("ops.exp", "m", "float32", (1.5,)).definition}) == 2
