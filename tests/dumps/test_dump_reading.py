"""Dumps that msprobe wrote are read; what is damaged, hostile or of something else is one clear error."""

import json
import os
import shutil
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from harness.dumps.comparing import DumpComparison, compare_dumps
from harness.dumps.dump import LARGEST_JSON, DumpError, read_dump
from harness.dumps.names import CallName
from harness.dumps.places import DumpNotFound, Place, dumps_in
from harness.errors import HarnessError, UsageError
from harness.operations.judge_dump import judge

DATA = Path(__file__).parents[1] / "data/msprobe"
LINEAR = "Cell.block.linear.Dense.forward.0"


@pytest.fixture
def dump(tmp_path):
    """A copy of the dump of MindSpore: the folder of its files."""
    return Path(shutil.copytree(DATA / "mindspore", tmp_path / "dump")) / "step0/proc1"


def edit(dump, change, name="dump.json"):
    """Let ``change`` alter the JSON of a dump, or return another one."""
    path = dump / name
    content = json.loads(path.read_text())
    changed = change(content)
    path.write_text(json.dumps(content if changed is None else changed))


def tensor(content, call=LINEAR, key="output"):
    return content["data"][call][key][0]


def load(path):
    """Read a dump with all its arrays."""
    (place,) = dumps_in(path)
    found = read_dump(place)
    for call in found.calls:
        for each in (*call.inputs, *call.outputs, *call.parameters):
            found.array(each)
    return found


def refused(path, *told, errors=(DumpError,)):
    with pytest.raises(errors) as raised:
        load(path)
    for text in told:
        assert text in str(raised.value)
    return str(raised.value)


def test_a_dump_of_mindspore():
    found = load(DATA / "mindspore")
    assert found.place == Place(DATA / "mindspore/step0/proc1", 0, "")
    assert (found.framework, found.others, found.unreadable) == ("mindspore", 0, 0)
    assert [str(call.name) for call in found.calls] == [
        LINEAR, "Cell.block.act.SiLU.forward.0", "Cell.block.Block.forward.0", "Cell.out.Dense.forward.0",
    ]  # fmt: skip
    linear, _, block, out = found.calls
    assert linear.parent == block.name == CallName("Cell", "block", "Block", 0)
    assert block.parent is None
    # A tensor, a number by position, a number by name.
    assert [(each.label, each.dtype, each.value) for each in block.inputs] == [
        ("input.0", "float32", None), ("input.1", "float64", 2.0), ("input.shift", "float64", 0.5),
    ]  # fmt: skip
    assert [each.label for each in linear.parameters] == ["weight", "bias"]
    given, weight, bias = (found.array(each) for each in (*out.inputs, *out.parameters))
    assert np.allclose(given @ weight.T + bias, found.array(out.outputs[0]), atol=1e-6)


def test_a_dump_of_torch():
    found = load(DATA / "torch")
    assert found.framework == "pytorch"
    assert [(call.name.prefix, call.name.path) for call in found.calls] == [
        ("Module", "block.narrow"), ("Module", "block.linear"), ("Module", "block.act"), ("Module", "block"),
        ("Module", "out"),
    ]  # fmt: skip
    assert found.calls[0].inputs[0].dtype == "bfloat16"


def test_a_dump_is_found_where_it_is(dump, tmp_path, monkeypatch):
    for path in (tmp_path / "dump", dump.parent, dump, dump / "dump.json"):
        assert dumps_in(path) == (Place(dump, 0, ""),)
    monkeypatch.chdir(dump)
    assert dumps_in(Path())[0].step == 0
    shutil.copytree(dump, tmp_path / "dump/step12/rank3")
    shutil.copytree(dump, tmp_path / "dump/reference/step0/rank0")
    assert [(each.step, each.rank) for each in dumps_in(tmp_path / "dump")] == [(0, ""), (12, "rank3")]
    shutil.copytree(dump, tmp_path / "renamed")
    assert dumps_in(tmp_path / "renamed") == (Place(tmp_path / "renamed", None, ""),)


def test_where_there_is_no_dump(tmp_path):
    (tmp_path / "file").write_text("")
    for path, told in (
        (tmp_path, "there is no dump.json in it, nor in step<N>/rank<M> below it"),
        (tmp_path / "file", "Not a directory"),
        (tmp_path / "nowhere", "No such file"),
    ):
        refused(path, str(path), told, "name a folder", errors=DumpNotFound)


def test_other_levels_and_tasks(dump):
    edit(dump, lambda found: found["data"].update({"Mint.add.0.forward": {}, f"{LINEAR[:-9]}backward.0": {}}))
    assert load(dump).others == 2
    edit(dump, lambda found: {**found, "level": "L1", "data": {"Mint.add.0.forward": {}}})
    refused(dump, "dump.json", "no forward call of a cell or module (level L1)", "dump with level L0 or mix")


def test_figures_without_arrays(dump):
    def statistics(found):
        found["task"] = "statistics"
        for call in found["data"].values():
            for each in (*call["input_args"], *call["output"], *call["parameters"].values()):
                each.pop("data_name", None)

    edit(dump, statistics)
    refused(dump, "it has figures, but no arrays (task statistics)", "dump with the task tensor")


def test_numbers_that_numpy_lacks_are_counted(dump):
    edit(dump, lambda found: tensor(found).update(dtype="Complex64"))
    assert load(dump).unreadable == 1


@pytest.mark.parametrize("name", ["dump.json", "construct.json"])
def test_json_that_is_cut_off_or_something_else(dump, name):
    whole = (dump / name).read_bytes()
    for content in (whole[:-1], whole[: len(whole) // 2], b"", b"\xff\xfe\0", b"[" * 100_000, b"[1]", b"1"):
        (dump / name).write_bytes(content)
        refused(dump, str(dump / name), "dump it again")
    nested = b'{"a":' * 100 + b"1" + b"}" * 100
    (dump / name).write_bytes(nested)
    refused(dump, "nested more than 64 levels deep")


def test_json_that_is_huge(dump):
    with (dump / "dump.json").open("ab") as file:
        file.truncate(LARGEST_JSON + 1)
    tracemalloc.start()
    refused(dump, "it is larger than 64 MiB")
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_many_calls_take_little_time(dump):
    def many(found):
        call = found["data"][LINEAR]
        empty = {**call, "input_args": [], "output": [], "parameters": {}}
        found["data"] |= {f"Cell.block.{i}.Dense.forward.0": empty for i in range(20_000)}

    edit(dump, many)
    chain = {
        f"Cell.block.{i}.Dense.forward.0": f"Cell.block.{i // 2}.Dense.forward.0" for i in range(1, 20_000)
    }
    edit(dump, lambda _: chain, "construct.json")
    begun = time.monotonic()
    assert len(load(dump).calls) == 20_004
    assert time.monotonic() - begun < 20


def test_without_a_construct_all_calls_are_outermost(dump):
    (dump / "construct.json").unlink()
    assert {call.parent for call in load(dump).calls} == {None}


def test_calls_that_contain_each_other(dump):
    edit(dump, lambda _: {LINEAR: LINEAR}, "construct.json")
    refused(dump, "nested more than 200 deep")
    block = "Cell.block.Block.forward.0"
    edit(dump, lambda found: {**found, block: LINEAR, LINEAR: block}, "construct.json")
    refused(dump, "nested more than 200 deep")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("../../step0/proc1/dump.json", "is no file of the dump"),
        ("/etc/passwd", "is no file of the dump"),
        ("..", "is no file of the dump"),
        ("", "is no file of the dump"),
        ("a\0b", "is no file of the dump"),
        (7, "is no file of the dump"),
        (f"{LINEAR}.input.0.npy", "is named twice"),
        ("gone.npy", "this array of the dump is missing"),
        ("a" * 300 + ".npy", "File name too long"),
    ],
)
def test_names_of_arrays(dump, name, told):
    edit(dump, lambda found: tensor(found).update(data_name=name))
    refused(dump, told, "dump it again")


@pytest.mark.parametrize(
    "change",
    [
        lambda found: {},
        lambda found: {**found, "data": []},
        lambda found: {**found, "framework": None},
        lambda found: found["data"].update({LINEAR: 7}),
        lambda found: tensor(found).update(shape=[2, -5]),
        lambda found: tensor(found).update(shape="2x5"),
        lambda found: tensor(found).update(shape=[2, 5.0]),
        lambda found: tensor(found).update(shape=[2, True]),
        lambda found: tensor(found).update(shape=[1 << 50]),
        lambda found: tensor(found).update(dtype=None),
        lambda found: tensor(found, "Cell.block.Block.forward.0", "input_args").update(shape=[2, 5]),
        lambda found: found["data"]["Cell.block.Block.forward.0"]["input_args"][1].update(value="2"),
        lambda found: found["data"]["Cell.block.Block.forward.0"]["input_args"][1].update(type="int"),
        lambda found: found["data"]["Cell.block.Block.forward.0"]["input_args"][1].update(
            type="int", value=1 << 70
        ),
    ],
)  # fmt: skip
def test_what_msprobe_does_not_write(dump, change):
    edit(dump, change)
    refused(dump, str(dump))


def test_an_array_of_another_run(dump):
    path = dump / f"dump_tensor_data/{LINEAR}.output.0.npy"
    np.save(path, np.load(path) + np.float32(0.25))
    refused(dump, path.name, "so it is of another run or step", "dump it again")


def test_an_array_with_objects_or_cut_off(dump):
    path = dump / f"dump_tensor_data/{LINEAR}.output.0.npy"
    whole = path.read_bytes()
    np.save(path, np.array([{}], object), allow_pickle=True)
    refused(dump, path.name, "it holds Python objects, which are never read")
    path.write_bytes(whole[:-1])
    refused(dump, path.name, "it is cut off")
    path.unlink()
    refused(dump, path.name, "this array of the dump is missing")


def test_folders_and_pipes_in_the_place_of_files(dump):
    array = dump / f"dump_tensor_data/{LINEAR}.output.0.npy"
    for path in (array, dump / "construct.json", dump / "dump.json"):
        kept = path.read_bytes()
        path.unlink()
        path.mkdir()
        refused(dump, str(path), "it is a folder, not a file")
        path.rmdir()
        os.mkfifo(path)
        refused(dump, str(path), "it is a FIFO, not a file")
        path.unlink()
        path.write_bytes(kept)
    load(dump)


def test_links_out_of_the_dump(dump, tmp_path):
    outside = Path(shutil.move(dump / "dump_tensor_data", tmp_path / "elsewhere"))
    (dump / "dump_tensor_data").symlink_to(outside)
    refused(dump, "it is outside the folder")


def compared(ours, theirs):
    *_, whole = compare_dumps(load(ours), load(theirs))
    assert isinstance(whole, DumpComparison)
    return whole


def test_dumps_of_different_models(dump, tmp_path):
    other = Path(shutil.copytree(dump, tmp_path / "other"))

    def renamed(found):
        found["data"] = {
            name.replace("block", "layer").replace("out", "head"): call
            for name, call in found["data"].items()
        }

    edit(other, renamed)
    with pytest.raises(DumpError, match=r"dumps are of different models: 0 of 4 and 4 calls") as raised:
        compared(dump, other)
    assert str(dump) in str(raised.value)
    assert str(other) in str(raised.value)


def test_a_name_of_the_whole_model_is_left_out(dump, tmp_path):
    other = Path(shutil.copytree(dump, tmp_path / "other"))

    def under(name):
        return name.replace("Cell.", "Cell.unet.")

    edit(other, lambda found: {**found, "data": {under(name): call for name, call in found["data"].items()}})
    edit(
        other,
        lambda found: {under(name): parent and under(parent) for name, parent in found.items()},
        "construct.json",
    )
    for pair in ((dump, other), (other, dump)):
        found = compared(*pair)
        assert [call.path for call in found.calls] == ["block.linear", "block.act", "block", "out"]
        assert [call.parent for call in found.calls] == [("block", 0), ("block", 0), None, None]
        assert (found.missing, found.added) == ((), ())


def test_which_dumps_are_a_pair(dump, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one / "step1/rank0", one / "step2/rank0", two / "step2/rank0", two / "step2/rank1"):
        shutil.copytree(dump, folder)
    found = judge(one, two)
    assert (found.ours.folder, found.theirs.folder) == (one / "step2/rank0", two / "step2/rank0")
    assert judge(one, two, step=2, rank=0).ours == found.ours
    with pytest.raises(DumpError, match=r"is of step 1, .* of step 2: name two dumps of the same step"):
        judge(one / "step1", two / "step2/rank0")
    with pytest.raises(
        UsageError, match=r"it has no dump of that step and rank, but of step 1 rank0, step 2"
    ):
        judge(one, two, step=7)
    with pytest.raises(HarnessError, match="have no step and rank in common"):
        judge(one, _only(two, "rank1"))
    shutil.copytree(dump, two / "step1/rank0")
    with pytest.raises(
        UsageError, match=r"several dumps in common \(step 1 rank0, step 2 rank0\): add --step"
    ):
        judge(one, two)
    shutil.copytree(dump, two / "step1/proc7")
    shutil.copytree(dump, two / "step1/proc8")
    with pytest.raises(UsageError, match="several processes left dumps of one step"):
        judge(one, two, step=1)


def _only(folder, rank):
    kept = folder.with_name("kept")
    shutil.copytree(folder / "step2" / rank, kept / "step2" / rank)
    shutil.copytree(folder / "step2" / rank, kept / "step3" / rank)
    return kept
