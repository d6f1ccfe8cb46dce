"""Damage: any change of any byte is found, or changes nothing, and is always one readable message."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save
from samples import make_baseline, make_calibration, make_case, make_measurement

from harness.baselines.document import canonical
from harness.baselines.errors import BaselineDamaged, BaselineMissing
from harness.baselines.store import BaselineStore
from harness.measurement.facts import PROJECTIONS, Facts, Sketch
from harness.reporting.commands import Invocation, error_text


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return Pair(tmp_path_factory.mktemp("damage"))


class Pair:
    """One stored baseline whose two files are damaged and put back."""

    def __init__(self, folder: Path, **fields: Any) -> None:
        self.store = BaselineStore(folder / "baselines")
        measurement = make_measurement(keep=True, **fields)
        self.json = self.store.write(make_baseline(measurement=measurement)).path
        self.safetensors = self.json.with_suffix(".safetensors")
        self.original = {path: path.read_bytes() for path in (self.json, self.safetensors)}
        self.loaded = self.load()

    def load(self) -> Any:
        baseline = self.store.load("guide", "two-steps", "cpu", suite_file=Path("suites/guide.yaml"))
        return baseline.measurement.to_wire(), baseline.provenance

    def damage(self, path: Path, data: bytes) -> str | None:
        """Return the error's message with ``data`` in place of a file, None where nothing changed by it."""
        path.write_bytes(data)
        try:
            assert self.load() == self.loaded
        except BaselineDamaged as error:
            message = error_text(error, Invocation())
            assert path.name in message or self.safetensors.name in message
            assert "harness record suites/guide.yaml::two-steps" in message
            assert "--reason" in message
            return message
        finally:
            path.write_bytes(self.original[path])
        return None

    def edit(self, change: Callable[[dict[str, Any]], object], *, sealed: bool = False) -> str:
        """Return the message for a JSON file changed by ``change``, with a seal that fits if ``sealed``."""
        data = json.loads(self.original[self.json])
        change(data)
        if sealed:
            content = {key: value for key, value in data.items() if key != "seal"}
            data["seal"] = hashlib.sha256(canonical(content)).hexdigest()
        message = self.damage(self.json, json.dumps(data).encode())
        assert message is not None
        return message


# Drawing is not slow: the machine may be.
unhurried = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
many = settings(max_examples=60, deadline=None, suppress_health_check=unhurried)


@many
@given(data=st.data())
def test_every_flipped_byte_of_the_json_is_found_or_changes_nothing(pair: Pair, data: st.DataObject) -> None:
    original = pair.original[pair.json]
    position = data.draw(st.integers(0, len(original) - 1))
    byte = data.draw(st.integers(1, 255)) ^ original[position]
    flipped = original[:position] + bytes([byte]) + original[position + 1 :]
    if pair.damage(pair.json, flipped) is None:
        # Spaces between values, and digits beyond a double's precision: the content is the same.
        assert json.loads(flipped) == json.loads(original)


@many
@given(data=st.data())
def test_every_flipped_byte_of_the_arrays_is_found(pair: Pair, data: st.DataObject) -> None:
    original = pair.original[pair.safetensors]
    position = data.draw(st.integers(0, len(original) - 1))
    byte = data.draw(st.integers(1, 255)) ^ original[position]
    flipped = original[:position] + bytes([byte]) + original[position + 1 :]
    assert "sha256" in (pair.damage(pair.safetensors, flipped) or "")


def test_every_single_bit_of_a_json_number_counts(pair: Pair) -> None:
    """Walk over the digits of the statistics: each other digit is another number, and is found."""
    text = pair.original[pair.json].decode()
    start = text.index('"statistics": {\n    "abs_sum"')
    block = text[start : text.index("}", start)]
    digits = [position for position, char in enumerate(block) if char.isdigit()]
    # Every third: the nightly damages thousands of places (campaigns/test_damaged_files.py).
    for position in digits[::3]:
        other = str((int(block[position]) + 5) % 10)
        changed = text[: start + position] + other + text[start + position + 1 :]
        assert pair.damage(pair.json, changed.encode()) is not None, block[position - 20 : position + 1]


@many
@given(data=st.data())
def test_every_truncation_is_found(pair: Pair, data: st.DataObject) -> None:
    for path, original in pair.original.items():
        length = data.draw(st.integers(0, len(original) - 1))
        message = pair.damage(path, original[:length])
        # Without its last newline the JSON says the same.
        assert message is not None or (path == pair.json and length == len(original) - 1)


@many
@example(b"")
@example(b"[" * 100_000)
@example(b"null")
@example(b"\xef\xbb\xbf{}")
@example(b'{"format": 1' + b"0" * 5000 + b"}")
@example(b'{"format": NaN}')
@example(b'{"format": 1e999}')
@example(b'{"format": 1, "format": 1}')
@example(b'{"format": {"\\ud800": []}}')
@given(st.binary(max_size=200))
def test_no_bytes_at_all_give_a_traceback(pair: Pair, data: bytes) -> None:
    for path in pair.original:
        assert pair.damage(path, data) is not None


@many
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    ),
    st.data(),
)
def test_no_value_in_any_place_gives_a_traceback(pair: Pair, value: Any, data: st.DataObject) -> None:
    content = json.loads(pair.original[pair.json])
    content[data.draw(st.sampled_from(sorted(content)))] = value
    pair.damage(pair.json, json.dumps(content).encode())


def test_a_truncated_json_says_where_it_ends(pair: Pair) -> None:
    message = pair.damage(pair.json, pair.original[pair.json][:200]) or ""
    assert re.search(r"line \d+, column \d+: it ends too early", message)


def test_what_is_not_json_says_where(pair: Pair) -> None:
    message = pair.damage(pair.json, b'{\n  "format": one\n}') or ""
    assert "line 2, column 13: it is not JSON" in message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.pop("format"), "the key 'format' is missing"),
        (lambda d: d.update(format=1), "format 1 is unknown; this version of harness reads 2"),
        (lambda d: d.pop("statistics"), "the key 'statistics' is missing"),
        (lambda d: d["trace"][1].pop("sha256"), "the key 'trace.1.sha256' is missing"),
        (lambda d: d["provenance"].pop("reason"), "the key 'provenance.reason' is missing"),
        (lambda d: d.update(extra=1), "the key 'extra' is unknown"),
        (lambda d: d["statistics"].update(mean="high"), "'statistics.mean': Input should be a valid number"),
        (lambda d: d.update(trace={}), "'trace': Input should be a valid list"),
        (
            lambda d: d["ledger"][0].update(shape=[1, "x"]),
            "'ledger.0.shape.1': Input should be a valid integer",
        ),
        (lambda d: d["statistics"].update(mean=d["statistics"]["mean"] + 1e-9), "edited by hand"),
        (lambda d: d["provenance"].update(reason="a better one"), "edited by hand"),
        (lambda d: d["ledger"][0].update(note="hello"), "'ledger.0.note': Unexpected keyword argument"),
        (lambda d: d.update(seal="0" * 64), "edited by hand"),
    ],
)
def test_each_kind_of_edit_is_named(
    pair: Pair, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    message = pair.edit(change)
    assert words in message
    assert str(pair.json) in message


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"device": "cpu",', '"device": "npu", "device": "cpu",', "the key 'device' occurs twice"),
        ('    "abs_sum": ', '    "abs_sum": 1e999, "x": ', "1e999 is not a number that a baseline can hold"),
        ('    "abs_sum": ', '    "abs_sum": NaN, "x": ', "NaN is not a number that a baseline can hold"),
        (
            '    "abs_sum": ',
            '    "abs_sum": -Infinity, "x": ',
            "-Infinity is not a number that a baseline can hold",
        ),
    ],
)
def test_what_json_parsers_let_through_is_named(pair: Pair, old: str, new: str, words: str) -> None:
    text = pair.original[pair.json].decode()
    assert text.count(old) == 1
    assert words in (pair.damage(pair.json, text.replace(old, new).encode()) or "")


def test_one_edited_number_damages_that_baseline_alone(tmp_path: Path) -> None:
    store = BaselineStore(tmp_path)
    path = store.write(make_baseline()).path
    store.write(make_baseline(make_case(id="another")))
    text = path.read_text()
    mean = json.loads(text)["statistics"]["mean"]
    assert text.count(f'    "mean": {mean!r}') == 1
    path.write_text(text.replace(f'    "mean": {mean!r}', f'    "mean": {np.nextafter(mean, 1)!r}'))
    with pytest.raises(
        BaselineDamaged, match="edited by hand or damaged; baselines are recorded by harness record"
    ):
        store.load("guide", "two-steps", "cpu")
    store.load("guide", "another", "cpu")


SKETCH = Sketch("float32", (2,), (1.0,) * PROJECTIONS, (), 1.0, 1e-7)
FACTS = Facts({"unet/a": "01234567", "unet/b": "89abcdef"}, sketches={"unet/a": SKETCH, "unet/b": None})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: a["projections"].pop(), "a sketch has 8 projections, this one 7"),
        (lambda a: a.update(projections="12345678"), "'facts.sketches.unet/a.projections': Input should be"),
        (lambda a: a.update(l2=-1.0), "a norm in a sketch is negative"),
        (lambda a: a.update(dtype="float64"), "a sketch of float64 does not have 0 remainders"),
        (lambda a: a.pop("ulp_l2"), "the key 'facts.sketches.unet/a.ulp_l2' is missing"),
        (lambda a: a.update(l2="large"), "'facts.sketches.unet/a.l2': Input should be a valid number"),
    ],
)
def test_a_corrupt_sketch_is_one_clear_error(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    pair = Pair(tmp_path, facts=FACTS)
    assert pair.loaded[0]["figures"]["facts"]["sketches"]["unet/b"] is None
    for sealed in (True, False):
        message = pair.edit(lambda d: change(d["facts"]["sketches"]["unet/a"]), sealed=sealed)
        assert words in message
    message = pair.edit(lambda d: d["facts"]["parameters"].pop("unet/b"), sealed=True)
    assert "there is a sketch of unet/b, which is no parameter" in message


def test_facts_without_sketches_are_stored_as_before_there_were_any(tmp_path: Path) -> None:
    plain = Pair(tmp_path, facts=Facts({"unet/a": "01234567"}))
    assert "sketches" not in plain.json.read_text()
    assert plain.loaded[0]["figures"]["facts"]["sketches"] == {}


def resealed(pair: Pair, arrays: dict[str, np.ndarray]) -> str:
    """The message for other arrays whose hash the JSON names, as if recorded by something broken."""
    data = save(arrays)
    pair.safetensors.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    try:
        return pair.edit(lambda d: d["arrays"].update(sha256=digest), sealed=True)
    finally:
        pair.safetensors.write_bytes(pair.original[pair.safetensors])


def test_arrays_must_be_those_that_the_json_describes(pair: Pair) -> None:
    measurement = make_measurement(keep=True)
    arrays = {"output": measurement.output, "latents": measurement.latents}
    assert "the array 'latents' is missing" in resealed(pair, {"output": arrays["output"]})
    assert "the array 'extra' is not in its JSON file" in resealed(
        pair, {**arrays, "extra": arrays["output"]}
    )
    half = arrays["output"].astype(np.float16)
    message = resealed(pair, {**arrays, "output": half})
    assert "the array 'output' is <f2 [1, 8, 8, 3], its JSON file says <f4 [1, 8, 8, 3]" in message
    message = resealed(pair, {**arrays, "output": arrays["output"][:, :4].copy()})
    assert "the array 'output' is <f4 [1, 4, 8, 3], its JSON file says <f4 [1, 8, 8, 3]" in message


def test_a_sealed_json_beside_what_is_no_safetensors_file(pair: Pair) -> None:
    junk = b"\xff" * 40
    pair.safetensors.write_bytes(junk)
    try:
        digest = hashlib.sha256(junk).hexdigest()
        message = pair.edit(lambda d: d["arrays"].update(sha256=digest), sealed=True)
    finally:
        pair.safetensors.write_bytes(pair.original[pair.safetensors])
    assert "cpu.safetensors: it is not a safetensors file" in message


def test_a_half_replaced_pair_is_told_apart_from_a_whole_one(tmp_path: Path) -> None:
    """What a checkout that took only one of the two files leaves."""
    store, other = BaselineStore(tmp_path / "a"), BaselineStore(tmp_path / "b")
    path = store.write(make_baseline()).path
    path.write_bytes(other.write(make_baseline(measurement=make_measurement(seed=8))).path.read_bytes())
    with pytest.raises(BaselineDamaged, match="or the two files are of different recordings"):
        store.load("guide", "two-steps", "cpu")


def test_a_file_of_the_pair_that_is_gone_is_named(tmp_path: Path) -> None:
    store = BaselineStore(tmp_path)
    path = store.write(make_baseline()).path
    path.with_suffix(".safetensors").unlink()
    with pytest.raises(BaselineDamaged, match=r"cpu\.safetensors: the file is missing"):
        store.load("guide", "two-steps", "cpu")
    path.unlink()
    with pytest.raises(BaselineMissing):
        store.load("guide", "two-steps", "cpu")


def test_a_copied_baseline_is_not_one_of_another_case(tmp_path: Path) -> None:
    store = BaselineStore(tmp_path)
    folder = store.write(make_baseline()).path.parent
    folder.rename(folder.with_name("renamed"))
    with pytest.raises(
        BaselineDamaged, match="it holds the baseline of guide/two-steps for cpu: it was moved or copied"
    ):
        store.load("guide", "renamed", "cpu")


def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    store = BaselineStore(tmp_path)
    store.path("guide", "two-steps", "cpu").mkdir(parents=True)
    with pytest.raises(BaselineDamaged, match="it is a folder, not a file"):
        store.load("guide", "two-steps", "cpu")


def test_what_may_have_been_calibrated_is_told_to_be_so_again(tmp_path: Path) -> None:
    store = BaselineStore(tmp_path / "baselines")
    for calibration in (None, make_calibration()):
        baseline = replace(make_baseline(), calibration=calibration)
        path = store.write(baseline, renew=True).path
        path.with_suffix(".safetensors").write_bytes(b"")
        with pytest.raises(BaselineDamaged) as caught:
            store.load("guide", "two-steps", "cpu")
        assert (" --calibrate " in error_text(caught.value, Invocation())) is (calibration is not None)
    path.write_text("{")
    with pytest.raises(BaselineDamaged) as caught:
        store.load("guide", "two-steps", "cpu")
    assert " --calibrate " in error_text(caught.value, Invocation())
