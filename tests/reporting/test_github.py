"""Annotations of GitHub Actions: one line each, read back as GitHub's runner reads them."""

import pytest
from samples import cause, make_case, said

from harness.foreign_text import printable
from harness.judgement.judgement import Judgement, Verdict
from harness.judgement.reasons import StrictElsewhere
from harness.judgement.rows import Row
from harness.judgement.tiers import Tier
from harness.reporting.case_report import CaseReport
from harness.reporting.commands import Invocation, commands
from harness.reporting.github import error_annotations


def parsed(line):
    """The properties and the message of a line, by the rules of the runner's ActionCommand."""
    assert line.startswith("::error ")
    assert "\n" not in line
    assert "\r" not in line
    head, _, message = line[2:].partition("::")
    properties = dict(part.split("=", 1) for part in head.removeprefix("error ").split(","))
    for code, character in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        properties = {name: value.replace(code, character) for name, value in properties.items()}
        if code not in ("%3A", "%2C"):
            message = message.replace(code, character)
    return properties, message


def outcome(path, verdict=Verdict.DRIFT, name="a", **fields):
    made = Judgement(
        "guide", name, verdict, None if verdict is Verdict.ERROR else Tier.ACROSS_RELEASES, **fields
    )
    return CaseReport(
        made, (cause("numerics", "a jump"),), commands(make_case(), Invocation("b")), str(path), 7, 5, {}
    )


def test_a_case_is_annotated_at_its_place(tmp_path):
    rows = (Row("max_abs", 2.0, 1.0, passed=False),)
    found = outcome(
        tmp_path / "suites" / "guide.yaml", rows=rows, reasons=said("1 of 1 limits exceeded\nmore")
    )
    (line,) = error_annotations([found], root=tmp_path)
    assert parsed(line) == (
        {"file": "suites/guide.yaml", "line": "7", "col": "5", "title": "guide/a: drift"},
        "1 of 1 limits exceeded\nworst: max_abs 2 over its limit 1\nnumerics: a jump\n"
        "harness explain suites/guide.yaml::two-steps --baseline-dir b\n"
        "pytest suites/guide.yaml::two-steps --baseline-dir b",
    )


def test_what_passed_is_not_annotated_and_drift_comes_first(tmp_path):
    path = tmp_path / "guide.yaml"
    verdicts = [Verdict.INCOMPARABLE, Verdict.IDENTICAL, Verdict.ERROR, Verdict.WITHIN, Verdict.DRIFT]
    lines = error_annotations([outcome(path, verdict) for verdict in verdicts], root=tmp_path)
    assert [parsed(line)[0]["title"].split()[1] for line in lines] == ["drift", "error", "incomparable"]


def test_a_strict_case_elsewhere_is_a_warning(tmp_path):
    found = outcome(
        tmp_path / "guide.yaml", Verdict.INCOMPARABLE, reasons=(StrictElsewhere("across_releases"),)
    )
    (line,) = error_annotations([found], root=tmp_path)
    assert line.startswith("::warning file=guide.yaml,")


@pytest.mark.parametrize(
    "text",
    [
        "100 %",
        "%0A%25%3A",
        "a,b:c,d::e",
        "file=x,line=1::y",
        "a\r\nb\n::add-mask::secret",
        "::stop-commands::x",
    ],
)
def test_text_cannot_leave_its_place(tmp_path, text):
    name = text.replace("\n", " ").replace("\r", " ")
    (line,) = error_annotations(
        [outcome(tmp_path / name / "x.yaml", name=name, reasons=said(name))], root=tmp_path
    )
    properties, message = parsed(line)
    assert properties["title"] == f"guide/{name}: drift"
    assert properties["file"] == printable(f"{name}/x.yaml")
    assert set(properties) == {"file", "line", "col", "title"}
    assert message.startswith(f"{printable(name)}\n")
    (line,) = error_annotations([], [(text, text)], root=tmp_path)
    shown = printable(text, "\r\n")
    assert parsed(line) == ({"title": f"{shown}: not judged"}, shown)


def test_what_cannot_be_printed_does_not_end_the_line(tmp_path):
    (line,) = error_annotations([], [("x", "a\x85b\u2028c\x1b[31m\x0cd")], root=tmp_path)
    assert len(line.splitlines()) == 1
    assert parsed(line)[1] == r"a\x85b\u2028c\x1b[31m\x0cd"


def test_a_long_message_is_cut(tmp_path):
    (line,) = error_annotations([outcome(tmp_path / "x.yaml", reasons=said("%" * 10_000))], root=tmp_path)
    assert len(parsed(line)[1]) == 2000


def test_a_suite_that_cannot_be_read_is_annotated_at_each_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "suites/bad.yaml:4:12: none is no number; write 50\nsuites/bad.yaml:5:1: unknown key"
    lines = [parsed(line) for line in error_annotations([], [("suites/bad.yaml", text)], root=tmp_path)]
    title = "suites/bad.yaml: cannot be read"
    assert lines == [
        (
            {"file": "suites/bad.yaml", "line": "4", "col": "12", "title": title},
            "none is no number; write 50",
        ),
        ({"file": "suites/bad.yaml", "line": "5", "col": "1", "title": title}, "unknown key"),
    ]


def test_files_are_named_from_the_repository_on(tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    found = outcome(tmp_path / "sub" / "suites" / "x.yaml")
    assert parsed(next(error_annotations([found])))[0]["file"] == "sub/suites/x.yaml"
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path / "elsewhere"))
    assert parsed(next(error_annotations([found])))[0]["file"] == str(tmp_path / "sub" / "suites" / "x.yaml")
