"""A deep trace as a dump of msprobe: names, order, nesting, arrays and figures."""

import json

import numpy as np
import pytest

from harness.dumps.names import CallName
from harness.dumps.writing import write_dump
from harness.errors import HarnessError, UsageError
from harness.measurement.measurement import array_sha256
from harness.operations.export_dump import check_export, export_traces
from harness.tracing.trace import CellCall, DeepTrace, Value

ARRAYS = {
    "image": np.arange(12, dtype=np.float32).reshape(1, 3, 2, 2) - 4,
    "half": np.array([[1.5, -2.0]], np.float16),
    "wide": np.array([1.0078125], np.float32),
    "time": np.array(7),
    "flag": np.array(True),
    "empty": np.zeros((0, 2), np.float32),
}
DTYPES = {"wide": "bfloat16", "time": "int64", "flag": "bool", "half": "float16"}


def value(name):
    return Value(array_sha256(ARRAYS[name]), DTYPES.get(name, "float32"))


def call(path, operator, inputs, outputs, index=0):
    return CellCall(
        path, index, operator, {}, {"weight": "ab"}, tuple(map(value, inputs)), tuple(map(value, outputs))
    )


def make_trace(*calls, step=3):
    calls = calls or (
        call("unet.conv", "Conv2d 3x3", ["image"], ["half"]),
        call("unet.block.norm", "GroupNorm", ["half"], ["wide"]),
        call("unet.block.norm", "GroupNorm", ["wide"], ["empty"], 1),
        call("unet.block", "Block", ["half", "flag"], ["wide"]),
        call("unet", "Net", ["image", "time"], ["wide"]),
        call("scheduler", "DDIM", ["image"], []),
        call("unet.block", "Block", ["half"], ["wide"], 1),
    )
    arrays = {array_sha256(array): array for array in ARRAYS.values()}
    return DeepTrace("suite/case", step, 999, calls, None, value("image"), arrays, {"device": "CPU"})


def read(path):
    return json.loads(path.read_text())


def test_a_dump_has_every_call_with_its_arrays(tmp_path):
    rank = write_dump(tmp_path / "out", make_trace())
    assert rank == tmp_path / "out/step3/rank0"
    dump = read(rank / "dump.json")
    assert {name: dump[name] for name in ("task", "level", "framework")} == {
        "task": "tensor", "level": "L0", "framework": "mindspore",
    }  # fmt: skip
    assert dump["dump_data_dir"] == str(rank / "dump_tensor_data")
    # In order of completion, without the scheduler, which is no cell.
    assert list(dump["data"]) == [
        "Cell.unet.conv.Conv2d.forward.0", "Cell.unet.block.norm.GroupNorm.forward.0",
        "Cell.unet.block.norm.GroupNorm.forward.1", "Cell.unet.block.Block.forward.0",
        "Cell.unet.Net.forward.0", "Cell.unet.block.Block.forward.1",
    ]  # fmt: skip
    conv = dump["data"]["Cell.unet.conv.Conv2d.forward.0"]
    assert conv["input_kwargs"] == conv["parameters"] == {}
    assert conv["input_args"] == [
        {
            "type": "mindspore.Tensor", "dtype": "Float32", "shape": [1, 3, 2, 2], "Max": 7.0, "Min": -4.0,
            "Mean": 1.5, "Norm": pytest.approx(np.linalg.norm(ARRAYS["image"])),
            "data_name": "Cell.unet.conv.Conv2d.forward.0.input.0.npy",
        }
    ]  # fmt: skip
    block = dump["data"]["Cell.unet.block.Block.forward.0"]
    assert [each["dtype"] for each in [*block["input_args"], *block["output"]]] == [
        "Float16", "Bool", "BFloat16",
    ]  # fmt: skip
    assert dump["data"]["Cell.unet.Net.forward.0"]["input_args"][1]["shape"] == []
    empty = dump["data"]["Cell.unet.block.norm.GroupNorm.forward.1"]["output"][0]
    assert (empty["shape"], empty["Max"]) == ([0, 2], None)
    named = [
        each for found in dump["data"].values() for key in ("input_args", "output") for each in found[key]
    ]
    files = {path.name: np.load(path) for path in (rank / "dump_tensor_data").iterdir()}
    assert sorted(files) == sorted(each["data_name"] for each in named)
    stored = files["Cell.unet.conv.Conv2d.forward.0.input.0.npy"]
    assert stored.tobytes() == ARRAYS["image"].tobytes()
    assert files["Cell.unet.Net.forward.0.input.1.npy"] == 7


def test_calls_are_nested_and_outer_ones_come_first(tmp_path):
    rank = write_dump(tmp_path, make_trace())
    assert list(read(rank / "construct.json").items()) == [
        ("Cell.unet.Net.forward.0", None),
        ("Cell.unet.conv.Conv2d.forward.0", "Cell.unet.Net.forward.0"),
        ("Cell.unet.block.Block.forward.0", "Cell.unet.Net.forward.0"),
        ("Cell.unet.block.norm.GroupNorm.forward.0", "Cell.unet.block.Block.forward.0"),
        ("Cell.unet.block.norm.GroupNorm.forward.1", "Cell.unet.block.Block.forward.0"),
        ("Cell.unet.block.Block.forward.1", None),
    ]
    ((names, _),) = read(rank / "stack.json").values()
    assert names == list(read(rank / "dump.json")["data"])


def test_a_name_comes_back_from_its_text():
    for name in (CallName("Cell", "a.0.b", "Conv2d", 3), CallName("Module", "", "Net", 0)):
        assert CallName.parse(str(name)) == name
    other = (
        "Functional.conv2d.0.forward",
        "Cell.a.Conv2d.backward.0",
        "Cell.a.Conv2d.forward.01",
        "Cell.a",
        "",
    )
    assert [CallName.parse(text) for text in other] == [None] * 5


def test_an_export_has_the_run_and_its_reference(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    found = export_traces(out, make_trace(), make_trace(step=4))
    assert (found.run, found.reference) == (out / "step3", out / "reference/step4")
    for folder in (found.run, found.reference):
        place = read(folder / "rank0/dump.json")["dump_data_dir"]
        assert place == str(folder / "rank0/dump_tensor_data")
    alone = export_traces(tmp_path / "alone", make_trace(), None)
    assert (alone.reference, [each.name for each in (tmp_path / "alone").iterdir()]) == (None, ["step3"])
    assert sorted(each.name for each in tmp_path.iterdir()) == ["alone", "out"]


def test_nothing_is_overwritten(tmp_path):
    full, file, link = tmp_path / "full", tmp_path / "file", tmp_path / "link"
    full.mkdir()
    (full / "mine").write_text("kept")
    file.write_text("kept")
    link.symlink_to(tmp_path / "nowhere")
    told = {
        full: "is not empty",
        file: "is a file",
        link: "is a file",
        tmp_path / "no/where": "cannot be written",
    }
    for place, words in told.items():
        with pytest.raises(UsageError, match=words):
            check_export(place)
        with pytest.raises(UsageError, match=words):
            export_traces(place, make_trace(), None)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "full", "link"]
    assert (file.read_text(), [each.name for each in full.iterdir()]) == ("kept", ["mine"])


def test_a_folder_that_is_filled_meanwhile_stays_as_it_is(tmp_path, monkeypatch):
    out = tmp_path / "out"
    out.mkdir()
    written = write_dump

    def slow(*args, **kwargs):
        (out / "theirs").write_text("kept")
        return written(*args, **kwargs)

    monkeypatch.setattr("harness.operations.export_dump.write_dump", slow)
    with pytest.raises(HarnessError, match="the dump cannot be written"):
        export_traces(out, make_trace(), None)
    assert [each.name for each in tmp_path.rglob("*")] == ["out", "theirs"]


def test_what_cannot_be_exported_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(HarnessError, match="no cell is called in step 3"):
        export_traces(tmp_path / "out", make_trace(call("scheduler", "DDIM", ["image"], [])), None)
    outside = call("unet.../../x", "Conv2d", ["image"], ["half"])
    with pytest.raises(HarnessError, match="cannot be that of a file"):
        export_traces(tmp_path / "out", make_trace(outside), None)
    long = call("unet." + "a" * 300, "Conv2d", ["image"], ["half"])
    with pytest.raises(HarnessError, match="File name too long"):
        export_traces(tmp_path / "out", make_trace(long), None)
    assert list(tmp_path.iterdir()) == []
