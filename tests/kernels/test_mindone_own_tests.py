"""What mindone's own tests are held to: nothing may fail, pass or be missing that is not expected to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.mindone_own_tests import judging, page, running, standins
from benchmarks.mindone_own_tests.judging import Expectation, verdict

TEST = "tests/diffusers_tests/pipelines/a/test_a.py::A::test_one"
OTHER = "tests/diffusers_tests/pipelines/b/test_b.py::B::test_one"
KNOWN = Expectation("mindone", "it is wrong", ("float32",), ("test_b.py",))


def told(outcome: str) -> dict[str, Any]:
    return {"outcome": outcome}


def judged(first: str, second: str, expected: list[Expectation], dtype: str = "float32") -> judging.Verdict:
    return verdict(dtype, {TEST: told(first), OTHER: told(second)}, [TEST, OTHER], expected)


def test_an_expected_failure_is_fine():
    result = judged("passed", "failed", [KNOWN])
    assert result.good
    assert result.causes == {OTHER: KNOWN}


@pytest.mark.parametrize("outcome", ["failed", "timeout", "memory", "crashed"])
def test_any_other_end_is_a_failure(outcome):
    assert judged(outcome, "failed", [KNOWN]).failures == [TEST]


def test_an_expectation_is_for_its_dtypes():
    result = judged("passed", "failed", [KNOWN], "float16")
    assert result.failures == [OTHER]
    assert result.stale == []


def test_an_unexpected_pass_is_told():
    result = judged("passed", "passed", [KNOWN])
    assert result.passes == [OTHER]
    assert not result.good


def test_an_expectation_that_no_test_meets_is_told():
    assert judged("passed", "passed", [Expectation("mindone", "", ("float32",), ("gone",))]).stale == ["gone"]


def test_a_test_without_a_result_is_told():
    assert verdict("float32", {TEST: told("passed")}, [TEST, OTHER], []).missing == [OTHER]


def test_every_expectation_has_its_reason():
    known = judging.expectations()
    assert known
    for each in known:
        assert each.reason.strip()
        assert each.tests
        assert set(each.dtypes) <= {"float32", "float16", "bfloat16"}


def test_results_are_judged_by_dtype(tmp_path, capsys):
    (tmp_path / "tests.jsonl").write_text(
        "".join(
            json.dumps({"test": test, "dtype": dtype, "mode": mode, "slow": slow}) + "\n"
            for test, dtype, mode, slow in [
                (TEST, "float16", "pynative", False),
                (OTHER, "float16", "graph", False),
                (OTHER + "2", "float16", "pynative", True),
                ("tests/diffusers_tests/lora/test_c.py::C", "float16", "pynative", False),
            ]
        )
    )
    (tmp_path / "float16.jsonl").write_text(json.dumps({"test": TEST, "outcome": "failed"}) + "\n")
    assert judging.judge(tmp_path) == 1
    assert "fails unexpectedly: pipelines/a/test_a.py::A::test_one" in capsys.readouterr().out
    assert running.wanted(running.read(tmp_path / "tests.jsonl"), "float16") == [TEST]
    assert judging.judge(tmp_path / "none") == 1


def test_a_line_that_is_being_written_is_left_for_later(tmp_path: Path):
    file = tmp_path / "tell.jsonl"
    file.write_text('{"test": "a"}\n{"te')
    assert running.read(file) == [{"test": "a"}]


def test_times_are_medians_of_later_runs():
    sides = {"torch": [[9.0, 1.0, 2.0, 3.0]], "mindspore": [[9.0, 4.0]]}
    assert page.seconds({"outcome": "passed", "times": sides}) == (4.0, 2.0)
    assert page.seconds({"outcome": "failed", "times": sides}) is None


def test_a_decoder_may_say_any_word_of_the_tokenizer(tmp_path):
    transformers = pytest.importorskip("transformers")
    standins.gpt2_tokenizer(tmp_path)
    tokenizer = transformers.GPT2Tokenizer.from_pretrained(tmp_path)
    assert len(tokenizer) == 1025
    assert all(tokenizer.decode([number]) for number in range(1025))


def test_a_test_has_its_limit_for_each_repeat(tmp_path, monkeypatch):
    limits = []

    def of_process(python, work, dtype, asked, tell, limit, memory, repeats, ends):
        limits.append(limit)
        yield from ({"test": each, "outcome": "passed"} for each in list(asked))

    monkeypatch.setattr(running, "prepare", lambda *_: None)
    monkeypatch.setattr(running, "of_process", of_process)
    line = {"test": TEST, "dtype": "float32", "mode": "pynative", "slow": False}
    (tmp_path / "tests.jsonl").write_text(json.dumps(line) + "\n")
    running.run(Path("python"), tmp_path, "float32", "", 100, 6000, 2, again=False, stop_after=60)
    assert limits == [300]
    assert [each["outcome"] for each in running.read(tmp_path / "float32.jsonl")] == ["passed"]
