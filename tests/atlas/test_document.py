"""The file of an atlas: what was written is read, and nothing else is."""

import json
import os
from dataclasses import replace

import pytest
from atlases import atlas, conv, result

from harness.atlas.document import MOST_BYTES, AtlasUnusable, atlas_text, parse_atlas, read_atlas
from harness.atlas.entry import Entry
from harness.atlas.result import LONGEST_REASON, Result, State

ENTRY = Entry("ops.exp", "flux", "float16", ("a",))


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "atlas.json"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_what_was_written_is_read(written):
    lost = Result.without(ENTRY, State.NO_KERNEL, "the device has no kernel for Exp")
    odd = result(model="x", result_dtype="int64", sample="", shape=(), deviating=1, row_changes=(2, 4))
    whole = atlas(conv(), odd, lost, result(kernel="harness: Exp"))
    found = read_atlas(written(atlas_text(whole)))
    assert found == replace(whole, results=tuple(sorted(whole.results, key=lambda each: each.name)))
    assert atlas_text(found) == atlas_text(whole)


def test_a_file_has_a_line_for_each_result_and_leaves_out_what_is_usual():
    text = atlas_text(atlas())
    lines = [line for line in text.splitlines() if "ops." in line]
    assert len(lines) == 2
    assert "row_changes" not in text
    assert '"kernel"' not in text


def changed(text, **changes):
    return json.dumps({**json.loads(text), **changes})


GOOD = atlas_text(atlas())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD.replace('"runs":20', '"runs":21'), "does not match its seal"),
        (GOOD.replace("AVX2", "AVX1"), "does not match its seal"),
        (GOOD[:-30], "not JSON"),
        ("", "not JSON"),
        ("[]", "it is no atlas"),
        ("{}", "it is no atlas"),
        (changed(GOOD, file="a baseline"), "it is no atlas"),
        (changed(GOOD, format=2), "its format is unknown"),
        (changed(GOOD, results={}), "no list of results"),
        (changed(GOOD, results=[3]), "no list of results"),
        (changed(GOOD, results=[{}] * 20_001), "more than any atlas"),
        (b"\xff\xfe", "not text"),
        ("[" * 100_000, "nested"),
        (GOOD.replace('"runs":20', '"runs":NaN'), "does not match its seal|it is not JSON|Out of range"),
    ],
)
def test_what_is_no_atlas_is_refused_with_one_line(written, text, words):
    with pytest.raises(AtlasUnusable, match=words) as refused:
        read_atlas(written(text))
    assert "\n" not in str(refused.value)
    assert "atlas.json" in str(refused.value)


@pytest.mark.parametrize(
    ("results", "words"),
    [
        ((result(sample="!"),), "holds no values of float32"),
        ((result(sample="AAA="),), "holds no values of float32"),
        ((result(result_dtype="object"),), "holds no values of object"),
        ((result(sha256=""),), "has no hash"),
        ((result(), result()), "two results of the same name"),
    ],
)
def test_a_sealed_file_is_checked_too(results, words):
    with pytest.raises(ValueError, match=words):
        parse_atlas(atlas_text(atlas(*results)).encode())


def test_a_type_that_is_not_the_field_s_is_named():
    with pytest.raises(ValueError, match="runs is of another type"):
        parse_atlas(atlas_text(atlas(result(runs="many"))).encode())


def test_files_that_are_none_or_too_large_are_not_read(tmp_path):
    with pytest.raises(AtlasUnusable, match="no such file"):
        read_atlas(tmp_path / "none.json")
    with pytest.raises(AtlasUnusable, match="a folder, not a file"):
        read_atlas(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(AtlasUnusable, match="a FIFO, not a file"):
        read_atlas(tmp_path / "fifo")
    with (tmp_path / "large.json").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(AtlasUnusable, match="larger than 4 MiB"):
        read_atlas(tmp_path / "large.json")


def test_a_reason_is_one_short_line():
    found = Result.without(ENTRY, State.FAILED, "x\n" * 1000)
    assert len(found.reason) == LONGEST_REASON
    assert "\n" not in found.reason
