"""Writing and reading back: every bit returns, nothing is written without need, a crash loses nothing."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from samples import FINGERPRINT, make_baseline, make_case, make_measurement

from harness.baselines.baseline import Key, device_key, is_cpu
from harness.baselines.errors import BaselineDamaged, BaselineError, BaselineMissing
from harness.baselines.store import BaselineStore
from harness.foreign_files import read_foreign
from harness.measurement.figures import CodeIdentity
from harness.measurement.measurement import Measurement
from harness.reporting.commands import Invocation, error_text


@pytest.fixture
def store(tmp_path: Path) -> BaselineStore:
    return BaselineStore(tmp_path / "baselines")


def snapshot(root: Path) -> dict[str, tuple[bytes, int, int]]:
    """Every file and folder below ``root`` with content, inode and time of change."""
    return {
        str(path.relative_to(root)): (
            path.read_bytes() if path.is_file() else b"",
            path.stat().st_ino,
            path.stat().st_mtime_ns,
        )
        for path in [root, *sorted(root.rglob("*"))]
    }


def stored_part(measurement: Measurement) -> dict:
    """The measurement as plain data, without the timings, which are not stored."""
    return dataclasses.replace(measurement, timings={}).to_wire()


def test_every_bit_returns(store: BaselineStore) -> None:
    output = make_measurement().output.copy()
    output.flat[:3] = [0.1, -0.0, np.nextafter(np.float32(1), np.float32(0))]
    statistics = {"l2": 0.1 + 0.2, "mean": 1e-300, "q01": -0.0, "q05": 5e-324, "std": 1.7976931348623157e308}
    measurement = make_measurement(output, keep=True, singles=output[:, ::-1], statistics=statistics)
    baseline = make_baseline(
        make_case(arguments={"eta": 0.1, "deep": {"list": [1, {"a": None}]}}), measurement
    )
    written = store.write(baseline)
    loaded = store.load("guide", "two-steps", "cpu")
    assert written.state == "created"
    assert loaded.path == written.path == store.root / "guide" / "two-steps" / "cpu.json"
    assert stored_part(loaded.measurement) == stored_part(measurement)
    assert loaded.provenance == baseline.provenance
    assert loaded.measurement.statistics["q01"].hex() == "-0x0.0p+0"


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint8", "int64", "bool"])
def test_every_dtype_returns(store: BaselineStore, dtype: str) -> None:
    output = (np.arange(24).reshape(1, 2, 3, 4) % 2).astype(dtype)
    store.write(make_baseline(measurement=make_measurement(output)))
    loaded = store.load("guide", "two-steps", "cpu").measurement.output
    assert (loaded.dtype, loaded.shape, loaded.tobytes()) == (output.dtype, output.shape, output.tobytes())


def test_what_is_read_cannot_be_changed_in_memory(store: BaselineStore) -> None:
    store.write(make_baseline())
    with pytest.raises(ValueError, match="read-only"):
        store.load("guide", "two-steps", "cpu").measurement.output[...] = 0


def test_the_json_is_made_for_review(store: BaselineStore) -> None:
    measurement = make_measurement(statistics={"mean": 0.12345678901234568, "l2": 1.0})
    text = store.write(make_baseline(measurement=measurement)).path.read_text()
    lines = text.split("\n")
    assert text.endswith("}\n")
    assert '    "mean": 0.12345678901234568' in lines  # %g would store 0.123457
    assert sum('"timestep": ' in line for line in lines) == 2
    assert sum('"standard_normal"' in line for line in lines) == 1
    assert list(json.loads(text)) == sorted(json.loads(text))
    assert json.loads(text)["format"] == 2
    assert "timings" not in text


def test_the_json_names_the_hash_of_its_arrays(store: BaselineStore) -> None:
    path = store.write(make_baseline()).path
    digest = hashlib.sha256(path.with_suffix(".safetensors").read_bytes()).hexdigest()
    assert json.loads(path.read_text())["arrays"]["sha256"] == digest


def test_the_same_again_touches_no_file(store: BaselineStore) -> None:
    first = make_baseline()
    store.write(first)
    before = snapshot(store.root)
    again = dataclasses.replace(
        first,
        measurement=dataclasses.replace(first.measurement, timings={"run": 9.0}),
        provenance=dataclasses.replace(
            first.provenance,
            date="2031-01-01",
            reason="again",
            git_commit=None,
            harness_version="9",
            replaced="x",
        ),
    )
    assert store.write(again).state == "unchanged"
    assert snapshot(store.root) == before


def test_moved_code_is_no_change_of_what_came_out(store: BaselineStore) -> None:
    first = make_baseline()
    store.write(first)
    draws = tuple(dataclasses.replace(draw, site="elsewhere.py:1") for draw in first.measurement.ledger)
    moved = dataclasses.replace(first.measurement, ledger=draws)
    assert store.write(dataclasses.replace(first, measurement=moved)).state == "unchanged"


CODE = CodeIdentity({"my_pkg/pipe.py": "1" * 64}, {"unet": "2" * 64}, "3" * 40 + "-dirty")


@pytest.mark.parametrize("known", [None, CodeIdentity({"my_pkg/pipe.py": "9" * 64}, {})])
def test_edited_code_is_no_change_of_what_came_out(store: BaselineStore, known: CodeIdentity | None) -> None:
    first = make_baseline(measurement=make_measurement(code=known))
    store.write(first)
    before = snapshot(store.root)
    assert ("my_pkg" in str(before)) is (known is not None)
    assert store.write(make_baseline(measurement=make_measurement(code=CODE))).state == "unchanged"
    assert snapshot(store.root) == before


def test_the_code_is_read_back(store: BaselineStore) -> None:
    store.write(make_baseline(measurement=make_measurement(code=CODE)))
    found = store.load("guide", "two-steps", "cpu").measurement
    assert found.code == CODE
    assert Measurement.from_wire(found.to_wire()).code == CODE


def test_a_measurement_kept_before_the_code_was_known_is_read() -> None:
    measured = make_measurement()
    figures = measured.figures()
    del figures["code"]
    assert Measurement.of(figures, measured.arrays).code is None


@pytest.mark.parametrize(
    "change",
    [
        {"output": make_measurement().output * np.float32(0.5)},
        {"statistics": {**make_measurement().statistics, "mean": 0.25}},
        {"fingerprint": {**FINGERPRINT, "mindspore": "2.9.0"}},
        {"canaries": {"conv3x3": "3" * 64}},
        {"ledger": make_measurement(seed=8).ledger},
        {"trace": make_measurement(seed=8).trace},
        {
            "checkpoint": dataclasses.replace(
                make_measurement().checkpoint, files={"unet/config.json": "cd" * 32}
            )
        },
        {"singles": make_measurement().output},
    ],
    ids=lambda change: next(iter(change)),
)
def test_any_change_of_what_came_out_is_written(store: BaselineStore, change: dict) -> None:
    path = store.write(make_baseline()).path
    old = hashlib.sha256(path.read_bytes()).hexdigest()
    changed = make_measurement(**change) if "output" not in change else make_measurement(change["output"])
    written = store.write(make_baseline(measurement=changed, reason="because"))
    loaded = store.load("guide", "two-steps", "cpu")
    assert (written.state, written.replaced) == ("replaced", old)
    assert loaded.provenance.replaced == old
    assert stored_part(loaded.measurement) == stored_part(changed)
    assert sorted(file.name for file in path.parent.iterdir()) == ["cpu.json", "cpu.safetensors"]


def test_the_sign_of_a_zero_statistic_is_a_change(store: BaselineStore) -> None:
    store.write(make_baseline(measurement=make_measurement(statistics={"mean": 0.0, "l2": 1.0})))
    written = store.write(make_baseline(measurement=make_measurement(statistics={"mean": -0.0, "l2": 1.0})))
    assert written.state == "replaced"


def test_an_edited_case_is_a_change(store: BaselineStore) -> None:
    store.write(make_baseline())
    assert store.write(make_baseline(make_case(steps=3))).state == "replaced"


def test_a_damaged_baseline_is_replaced_by_the_same_measurement(store: BaselineStore) -> None:
    path = store.write(make_baseline()).path
    path.with_suffix(".safetensors").write_bytes(b"damaged")
    assert store.write(make_baseline()).state == "replaced"
    store.load("guide", "two-steps", "cpu")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"output": np.array([[[[np.nan]]]], np.float32)}, "output holds NaN or Inf in 1 of 1"),
        ({"output": np.zeros((0, 8, 8, 3), np.float32)}, "output is empty"),
        ({"output": np.zeros((1, 8, 8, 3), np.complex64)}, "dtype complex64"),
        ({"statistics": {"mean": np.inf}}, "statistics: mean is inf"),
    ],
)
def test_what_no_run_can_be_held_to_is_refused(store: BaselineStore, fields: dict, words: str) -> None:
    measurement = dataclasses.replace(make_measurement(), **fields)
    with pytest.raises(BaselineError, match=words):
        store.write(make_baseline(measurement=measurement))
    assert not store.root.exists()


class Killed(BaseException):
    """Stands for SIGKILL between two system calls: nothing after it runs but what a test looks at."""


@pytest.mark.parametrize("calls_before", range(8))
def test_a_writer_killed_anywhere_leaves_a_whole_baseline(
    store: BaselineStore, monkeypatch: pytest.MonkeyPatch, calls_before: int
) -> None:
    """Stop at the n-th sync, rename or removal of a write: the old pair is read then, or the new one."""
    old = make_baseline()
    new = make_baseline(measurement=make_measurement(old.measurement.output * np.float32(0.5), seed=8))
    store.write(old)
    calls = 0

    def counted(original):
        def call(*args, **kwargs):
            nonlocal calls
            if calls >= calls_before:
                raise Killed
            calls += 1
            return original(*args, **kwargs)

        return call

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", counted(os.fsync))
        patched.setattr(Path, "replace", counted(Path.replace))
        patched.setattr(Path, "unlink", counted(Path.unlink))
        with pytest.raises(Killed):
            store.write(new)
    found = stored_part(store.load("guide", "two-steps", "cpu").measurement)
    assert found in (stored_part(old.measurement), stored_part(new.measurement))
    store.write(new)
    assert stored_part(store.load("guide", "two-steps", "cpu").measurement) == stored_part(new.measurement)
    folder = store.path("guide", "two-steps", "cpu").parent
    assert sorted(file.name for file in folder.iterdir()) == ["cpu.json", "cpu.safetensors"]


def test_what_killed_writers_left_is_swept_and_nothing_else(store: BaselineStore) -> None:
    folder = store.write(make_baseline()).path.parent
    for name in ("cpu.json.77.tmp", f"cpu.safetensors.{'0' * 64}", f"cpu.safetensors.{'0' * 64}.77.tmp"):
        (folder / name).write_text("left")
    kept = ["ascend910b4.json", "ascend910b4.safetensors", "cpu.json", "cpu.md", "cpu.safetensors"]
    for name in kept:
        (folder / name).touch()
    store.write(make_baseline(make_case(steps=3)))
    assert sorted(file.name for file in folder.iterdir()) == kept


def test_a_reader_between_the_two_renames_finds_the_new_arrays(store: BaselineStore, tmp_path: Path) -> None:
    new = make_baseline(measurement=make_measurement(seed=8))
    other = BaselineStore(tmp_path / "other")
    made = other.write(new).path
    path = store.write(make_baseline()).path
    data = made.with_suffix(".safetensors").read_bytes()
    path.with_name(f"cpu.safetensors.{hashlib.sha256(data).hexdigest()}").write_bytes(data)
    path.write_bytes(made.read_bytes())
    loaded = store.load("guide", "two-steps", "cpu").measurement
    assert stored_part(loaded) == stored_part(new.measurement)


def test_a_reader_overtaken_by_a_writer_reads_again(
    store: BaselineStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = make_baseline(measurement=make_measurement(seed=8))
    path = store.write(make_baseline()).path
    overtaken = False

    def read(file: Path, *, limit: int) -> bytes:
        nonlocal overtaken
        data = read_foreign(file, limit=limit)
        if file == path and not overtaken:
            overtaken = True
            store.write(new)
        return data

    monkeypatch.setattr("harness.baselines.store.read_foreign", read)
    assert stored_part(store.load("guide", "two-steps", "cpu").measurement) == stored_part(new.measurement)


def test_a_reader_overtaken_between_the_two_places_of_the_arrays(
    store: BaselineStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer has replaced the JSON; it renames the arrays once the reader has looked in one place."""
    path = store.write(make_baseline()).path
    new = BaselineStore(tmp_path / "other").write(make_baseline(measurement=make_measurement(seed=8))).path
    data = new.with_suffix(".safetensors").read_bytes()
    pending = path.with_name(f"cpu.safetensors.{hashlib.sha256(data).hexdigest()}")
    pending.write_bytes(data)
    path.write_bytes(new.read_bytes())

    def read(file: Path, *, limit: int) -> bytes:
        found = read_foreign(file, limit=limit)
        if "safetensors" in file.name and pending.exists():
            pending.replace(path.with_suffix(".safetensors"))
        return found

    monkeypatch.setattr("harness.baselines.store.read_foreign", read)
    loaded = store.load("guide", "two-steps", "cpu").measurement
    assert stored_part(loaded) == stored_part(make_measurement(seed=8))


def test_loading_writes_nothing(store: BaselineStore) -> None:
    store.write(make_baseline())
    before = snapshot(store.root)
    store.load("guide", "two-steps", "cpu")
    with pytest.raises(BaselineMissing):
        store.load("guide", "absent", "cpu")
    assert snapshot(store.root) == before


def test_a_missing_baseline_says_what_to_type(store: BaselineStore) -> None:
    with pytest.raises(BaselineMissing) as caught:
        store.load("guide", "two-steps", "cpu", suite_file=Path("suites/g.yaml"))
    message = error_text(caught.value, Invocation(str(store.root)))
    assert "cpu.json: there is no baseline of guide/two-steps for cpu" in message
    assert f"harness record suites/g.yaml::two-steps --baseline-dir {store.root}" in message


def test_all_that_is_stored_is_listed_sorted(store: BaselineStore) -> None:
    npu = {**FINGERPRINT, "device": "Ascend", "soc": "Ascend910B4"}
    store.write(make_baseline())
    store.write(make_baseline(measurement=make_measurement(fingerprint=npu)))
    store.write(make_baseline(make_case(id="another")))
    (store.root / "stray.json").write_text("{}")
    assert store.stored() == (
        Key("guide", "another", "cpu"),
        Key("guide", "two-steps", "ascend910b4"),
        Key("guide", "two-steps", "cpu"),
    )
    assert store.devices("guide", "two-steps") == ("ascend910b4", "cpu")
    assert store.devices("guide", "absent") == ()
    assert BaselineStore(store.root / "nowhere").stored() == ()


def test_removing_leaves_nothing_of_that_baseline_and_all_others(store: BaselineStore) -> None:
    store.write(make_baseline())
    store.write(make_baseline(make_case(id="another")))
    assert store.remove("guide", "two-steps", "cpu")
    assert not store.remove("guide", "two-steps", "cpu")
    assert store.stored() == (Key("guide", "another", "cpu"),)
    assert store.remove("guide", "another", "cpu")
    assert list(store.root.iterdir()) == []


@pytest.mark.parametrize("name", ["..", ".", "", ".hidden", "a/b", "a\\b", "/abs", "a\0b", "a\nb"])
def test_no_name_leads_out_of_the_store(store: BaselineStore, name: str) -> None:
    for place in ((name, "case", "cpu"), ("suite", name, "cpu"), ("suite", "case", name)):
        with pytest.raises(BaselineError, match="cannot name a folder"):
            store.load(*place)


@pytest.mark.parametrize(
    "place", ["guide", "guide/two-steps", "guide/two-steps/cpu.json", "guide/two-steps/cpu.safetensors"]
)
def test_no_symbolic_link_leads_out_of_the_store(store: BaselineStore, tmp_path: Path, place: str) -> None:
    store.write(make_baseline())
    link = store.root / place
    outside = tmp_path / "outside"
    link.rename(outside)
    link.symlink_to(outside)
    for access in (
        lambda: store.load("guide", "two-steps", "cpu"),
        lambda: store.write(make_baseline(make_case(steps=3))),
    ):
        with pytest.raises(BaselineError, match="symbolic link leads out"):
            access()


def test_a_store_that_is_itself_behind_a_link_is_fine(store: BaselineStore, tmp_path: Path) -> None:
    store.write(make_baseline())
    (tmp_path / "link").symlink_to(store.root)
    BaselineStore(tmp_path / "link").load("guide", "two-steps", "cpu")


def test_what_cannot_be_written_is_one_message(store: BaselineStore) -> None:
    store.root.mkdir()
    (store.root / "guide").write_text("a file in the way")
    with pytest.raises(BaselineError, match="cannot be written"):
        store.write(make_baseline())
    with pytest.raises(BaselineDamaged, match="cannot be read: Not a directory"):
        store.load("guide", "two-steps", "cpu")


def test_a_device_has_one_name() -> None:
    assert device_key(FINGERPRINT) == "cpu"
    assert device_key({**FINGERPRINT, "arch": "AMD64"}) == "cpu"
    assert device_key({**FINGERPRINT, "arch": "aarch64"}) == "cpu-aarch64"
    assert [is_cpu(name) for name in ("cpu", "cpu-aarch64", "ascend910b4")] == [True, True, False]
    assert device_key({"device": "Ascend", "soc": "Ascend910B4"}) == "ascend910b4"
    for nameless in ({}, {"device": "Ascend"}, {"device": "Ascend", "soc": "../x"}):
        with pytest.raises(BaselineError, match="harness doctor"):
            device_key(nameless)
