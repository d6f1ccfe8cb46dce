"""`harness atlas`: what it prints, writes and exits with."""

import base64
import hashlib
import json
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from atlases import FINGERPRINT, SAMPLE, atlas, conv, packed, result

from harness.atlas.comparing import compare
from harness.atlas.document import atlas_text, read_atlas
from harness.atlas.result import State
from harness.cli import main
from harness.errors import UsageError
from harness.operations.atlas import atlases_in
from harness.reporting.atlas import atlas_text_of
from harness.reporting.html.atlas_page import atlas_page, comparison_page

NEXT = packed(np.nextafter(SAMPLE, np.float32(np.inf)))
HOSTILE = '</script><img src=x onerror="alert(1)">'


class Elements(HTMLParser):
    """The elements of a page as a browser finds them."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, attrs))


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)

    def command(*words):
        monkeypatch.setattr(sys, "argv", ["harness", "atlas", *words])
        try:
            main()
            code = 0
        except SystemExit as leaving:
            code = leaving.code or 0
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


@pytest.fixture
def files(tmp_path):
    (tmp_path / "a.json").write_text(atlas_text(atlas()))
    moved = atlas(result(), conv(sha256="1" * 64, sample=NEXT), mindspore="2.9.0 (def)")
    (tmp_path / "b.json").write_text(atlas_text(moved))
    return tmp_path


def test_two_equal_atlases_pass(run, files):
    code, out, _ = run("--compare", "a.json", "a.json")
    assert code == 0
    assert out.splitlines() == ["CPU MindSpore 2.10.0 -> CPU MindSpore 2.10.0", "the same bits: 2 results"]


def test_a_difference_fails_and_is_told_in_every_form(run, files):
    code, out, _ = run("--compare", "a.json", "b.json", "--json", "found.json", "--page", "found.html")
    assert code == 1
    lines = out.splitlines()
    assert lines[:3] == [
        "CPU MindSpore 2.10.0 -> CPU MindSpore 2.9.0",
        "  mindspore: 2.10.0 (abc) -> 2.9.0 (def)",
        "other bits: conv2d 3x3 (1)",
    ]
    assert re.match(r"  ops.conv2d sd15 3x3 float32 +\S+e-0\d +1 +4 of 4 differ +mindspore$", lines[4])
    assert lines[-1] == "the same bits: 1 result"
    found = json.loads((files / "found.json").read_text())
    assert found["classes"] == {"conv2d 3x3": 1}
    assert found["moved"][0]["ulp_max"] == 1.0
    assert "ops.conv2d sd15 3x3 float32" in (files / "found.html").read_text()


def test_two_atlases_without_a_common_entry_are_incomplete(run, tmp_path):
    (tmp_path / "a.json").write_text(atlas_text(atlas(result())))
    (tmp_path / "b.json").write_text(atlas_text(atlas(conv())))
    assert run("--compare", "a.json", "b.json")[0] == 2


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({}, 0, "repeat: 1 of 1, in 20 runs"),
        ({"deviating": 3}, 1, "do not repeat: ops.exp sd15 float32"),
        ({"state": State.CRASHED, "reason": "signal SIGSEGV"}, 2, "1 ended their process"),
        ({"state": State.NO_KERNEL}, 0, "1 have no kernel on this device"),
        ({"row_changes": (2,)}, 0, "first row changes as the batch grows: 1 of 1"),
    ],
)
def test_the_exit_code_says_whether_operators_repeat(run, tmp_path, changes, code, words):
    (tmp_path / "a.json").write_text(atlas_text(atlas(result(**changes))))
    left, out, _ = run("--read", "a.json")
    assert left == code
    assert words in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--read", "a.json", "--compare", "a.json", "b.json"], "exclude each other"),
        (["--read", "a.json", "--select", "x"], "--select is for measuring"),
        (["--compare", "a.json", "b.json", "--out", "c.json"], "--out is for measuring"),
        (["--json", "x.json"], "--json is for --compare"),
        (["--select", "no such operator"], "no operator of the atlas matches"),
        (["--dtype", "int8"], "the atlas has float32"),
        (["--runs", "0"], "at least once"),
        (["--page", "none/x.html", "--read", "a.json"], "cannot be written"),
    ],
)
def test_wrong_usage(run, files, arguments, words):
    code, _, err = run(*arguments)
    assert code == 4
    assert words in err


def test_a_file_that_is_no_atlas_is_one_line(run, files):
    (files / "bad.json").write_text("{}")
    code, out, err = run("--compare", "a.json", "bad.json")
    assert (code, out) == (3, "")
    assert err == "error: bad.json: it is no atlas; `harness atlas --out FILE` makes one\n"


def test_atlases_come_from_files_and_folders(files):
    assert [each.release for each in atlases_in([files])] == ["CPU MindSpore 2.10.0", "CPU MindSpore 2.9.0"]
    assert len(atlases_in([files / "a.json", files])) == 3
    (files / "empty").mkdir()
    with pytest.raises(UsageError, match="no atlas in this folder"):
        atlases_in([files / "empty"])


def test_the_text_of_an_atlas_counts_what_it_has():
    others = [state for state in State if state is not State.MEASURED]
    lacking = [result(model=state.value, state=state, sha256="") for state in others]
    lines = atlas_text_of(atlas(result(), conv(kernel="harness: Conv2DExt"), *lacking)).splitlines()
    assert lines[0] == "CPU MindSpore 2.10.0: 2 results of 2 operators, 1 by MindSpore's own kernels"
    assert lines[1:6] == [
        "1 are not in this release",
        "1 have no kernel on this device",
        "1 failed",
        "1 ended their process",
        "1 took too long",
    ]


@pytest.mark.parametrize("page", ["atlas", "comparison"])
def test_a_page_loads_nothing_and_no_name_is_markup(page):
    hostile = result(HOSTILE, model=HOSTILE, reason=HOSTILE, kernel=HOSTILE)
    first = atlas(hostile, mindspore=HOSTILE)
    second = atlas(result(HOSTILE, model=HOSTILE, sha256="1" * 64, sample=NEXT), mindspore="x")
    text = atlas_page(first) if page == "atlas" else comparison_page(compare(first, second))
    assert "<img" not in text
    tags = Elements(text).found
    assert {"img", "link"}.isdisjoint(tag for tag, _ in tags)
    assert not any({"src", "href", "onerror"} & dict(attributes).keys() for _, attributes in tags)
    assert not re.search(r"url\(|@import", text)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1].replace("&#x27;", "'")
    for tag, kind in (("script>", "script-src"), ("style>", "style-src")):
        body = re.search(rf"<{tag}(.*?)</{tag}", text, re.S)[1]
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy
    data = json.loads(re.search(r'id="table">(.*?)</script>', text, re.S)[1])
    assert any(HOSTILE in cell for cell in data["rows"][0])
    assert len(data["rows"][0]) == len(data["header"])


def test_a_real_run_writes_an_atlas_and_a_page(run, tmp_path):
    code, out, err = run(
        "--select", "ops.exp mindone-small", "--runs", "2", "--out", "a.json", "--page", "a.html"
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert "1 result of 1 operator, 1 by MindSpore's own kernels" in out
    (found,) = read_atlas(tmp_path / "a.json").results
    assert (found.operator, found.runs, found.deviating) == ("ops.exp", 2, 0)
    assert found.sha256[:16] in (tmp_path / "a.html").read_text()
    assert FINGERPRINT.keys() <= read_atlas(tmp_path / "a.json").fingerprint.keys()
