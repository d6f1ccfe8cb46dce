"""harness.compare: arrays of every dtype held to one another, and what cannot be."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from samples import make_baseline, make_case, make_measurement

import harness
from harness.baselines.store import BaselineStore

FLOATS, WHOLE = ("float16", "float32", "float64"), ("int8", "uint8", "int16", "uint32", "int64", "uint64")


@pytest.mark.parametrize("dtype", [*FLOATS, *WHOLE, "bool"])
def test_every_dtype_has_the_three_verdicts(dtype):
    a = np.arange(12).reshape(3, 4).astype(dtype)
    b = a.copy()
    b[0, 1] = 0
    assert harness.compare(a, a.copy()).verdict == "identical"
    assert harness.compare(b, a, {"max_abs": 1}).verdict == "within"
    assert harness.compare(b, a, {"max_abs": 0.5}).verdict == "drift"
    found = harness.compare(b, a)
    assert found.verdict == "drift"
    assert "1 of 12 values differ" in found.text
    (row,) = (row for row in found.judgement.rows if row.name == "max_abs")
    assert row.measured == 1


def test_a_moved_value_is_outside_its_limit_and_the_text_has_the_figure():
    a = np.linspace(0, 1, 12, dtype=np.float32)
    found = harness.compare(a + np.float32(0.25), a, {"max_abs": 0.1})
    assert not found.passed
    assert not found
    assert str(found) == found.text
    assert re.search(r"max_abs +0\.25 +≤ 0\.1 +over", found.text)


def test_the_sign_of_zero_is_a_bit():
    assert harness.compare([0.0], [-0.0]).verdict == "drift"
    assert harness.compare([0.0], [-0.0], {"max_abs": 0}).verdict == "within"


def test_the_order_of_bytes_is_none():
    a = np.array([1.5, 2.5, -3.5], ">f4")
    found = harness.compare(a, a.astype("<f4"), {"max_abs": 0})
    assert found.verdict == "identical"


def test_a_number_alone_and_lists_are_arrays():
    assert harness.compare(1.0, 1.5, {"max_abs": np.float32(0.5)}).verdict == "within"
    assert harness.compare([[1, 2], [3, 4]], [[1, 2], [3, 4]]).verdict == "identical"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_no_limit_excuses_what_is_not_finite(value):
    found = harness.compare([1.0, value], [1.0, 2.0], {"max_abs": 1e9})
    assert found.verdict == "drift"
    assert re.search(r"(NaN|Inf) in 1 of 2 values, at \(1,\)", found.text)


@pytest.mark.parametrize(
    ("a", "b", "told"),
    [
        (np.zeros((2, 3)), np.zeros((3, 2)), "shape [2, 3], the baseline's is [3, 2]"),
        (np.zeros(2, "f4"), np.zeros(2, "f8"), "dtype float32, the baseline's is float64"),
        (np.zeros(0), np.zeros(0), "empty (shape [0])"),
    ],
)
def test_another_form_is_drift_whatever_the_limits(a, b, told):
    for limits in (None, {"max_abs": 1e9}):
        found = harness.compare(a, b, limits)
        assert found.verdict == "drift"
        assert told in found.text


def test_a_limit_that_does_not_apply_fails():
    found = harness.compare([1.0, 2.0], [1.0, 2.5], {"ssim": 0.5})
    assert not found.passed
    assert "needs images" in found.text


@pytest.mark.parametrize(
    ("a", "b", "limits", "told"),
    [
        ([1 + 2j], [1.0], None, "the array has dtype complex128"),
        ([1.0], np.array([1], np.longdouble), None, "the baseline has dtype float128"),
        # What ml_dtypes' bfloat16 is to numpy.
        (np.zeros(2, "V2"), np.zeros(2, "V2"), None, "convert both sides to float32"),
        (["a"], ["a"], None, "the array has dtype <U1"),
        (None, [1], None, "the array has dtype object"),
        ([1, [2, 3]], [1], None, "the array cannot be made an array"),
        (np.ma.array([1, 2], mask=[0, 1]), [1, 2], None, "the array is masked"),
        ([1.0], [np.nan], {"max_abs": 1}, "the baseline has NaN or Inf"),
        ([2**60 + 1], [2**60], {"max_abs": 0}, "whole numbers beyond 2**53"),
        ([1.0], [1.0], {}, "limits: "),
        ([1.0], [1.0], {"max_ab": 1}, "limits: unknown key 'max_ab'; did you mean 'max_abs'?"),
        ([1.0], [1.0], {"max_abs": -1}, "limits: max_abs: expected at least 0"),
        ([1.0], [1.0], {"max_abs": "1"}, "limits: max_abs: expected a number, got the text '1'"),
        ([1.0], [1.0], {"statistics": {"mean": np.nan}}, "limits: statistics: mean: "),
        ([1.0], [1.0], {"max_abs": 10**400}, "limits: max_abs: "),
        ([1.0], [1.0], 0.5, "limits: expected a mapping"),
        ([1.0], "baselines/here.txt", None, "baselines/here.txt: is no baseline"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_one_clear_error(a, b, limits, told):
    with pytest.raises(harness.UsageError, match=re.escape(told)) as caught:
        harness.compare(a, b, limits)
    assert "\n" not in str(caught.value)


@pytest.fixture
def baseline(tmp_path):
    output = np.linspace(0, 1, 3 * 8 * 8, dtype=np.float32).reshape(1, 8, 8, 3)
    stored = make_baseline(make_case(), make_measurement(output))
    BaselineStore(tmp_path).write(stored)
    return BaselineStore(tmp_path).load(stored.suite, stored.case_id, stored.device)


def test_a_stored_baseline_is_given_as_itself_or_as_its_file(baseline):
    output = np.array(baseline.measurement.output)
    moved = output + np.float32(1e-3)
    for given in (baseline, baseline.path, str(baseline.path)):
        assert harness.compare(output, given).verdict == "identical"
        found = harness.compare(moved, given, harness.Limits(max_abs=1e-4))
        assert found.verdict == "drift"
        assert found.text.startswith(f"{baseline.name}: drift")


def test_a_missing_or_damaged_baseline_is_an_error_of_baselines(baseline):
    output = baseline.measurement.output
    missing = baseline.path.with_name("npu.json")
    with pytest.raises(harness.BaselineError, match=r"there is no baseline.*harness record"):
        harness.compare(output, missing)
    document = json.loads(baseline.path.read_text())
    baseline.path.write_text(json.dumps({**document, "arrays": {**document["arrays"], "sha256": "0" * 64}}))
    with pytest.raises(harness.BaselineError, match="Restore the file"):
        harness.compare(output, baseline.path)


class Tags(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.found, self.open = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_a_notebook_shows_the_pictures_and_the_table(baseline):
    moved = baseline.measurement.output + np.float32(1e-3)
    page = harness.compare(moved, baseline, {"max_abs": 1e-4})._repr_html_()
    tags = Tags(page)
    assert tags.open == []
    images = [attrs for tag, attrs in tags.found if tag == "img"]
    assert [each["alt"] for each in images] == ["measured", "baseline", "difference"]
    assert all(each["src"].startswith("data:image/png;base64,iVBOR") for each in images)
    assert "<td>≤ 0.0001</td>" in page
    assert "not passed" in page


def test_a_name_from_outside_is_text_in_a_notebook(baseline, tmp_path):
    hostile = make_baseline(make_case(suite="<script>alert(1)</script>"), baseline.measurement)
    page = harness.compare(baseline.measurement.output + np.float32(1), hostile)._repr_html_()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
