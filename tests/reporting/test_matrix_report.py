"""The matrix as text, Markdown, JSON and page: every pair is told, and no text of a run is markup."""

import io
import json
import math
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console
from samples import make_case, said

from harness.baselines.store import BaselineStore
from harness.errors import HarnessError
from harness.judgement.judgement import Verdict
from harness.judgement.tiers import FieldDifference, Tier
from harness.operations.foresight import foresee
from harness.operations.matrix import Matrix, MatrixColumn, MatrixRow
from harness.operations.running import CaseRun
from harness.releases.comparison import Comparison
from harness.releases.interpreters import Subject
from harness.reporting.commands import Invocation
from harness.reporting.html.matrix_page import matrix_page
from harness.reporting.matrix_report import (
    MatrixDisplay,
    cell_words,
    matrix_json,
    matrix_markdown,
    show_matrix,
)

HOSTILE = "<script>alert(1)</script> | [bold] `x` \x1b[31m"
WITHIN = Comparison(
    Verdict.WITHIN, Tier.ACROSS_RELEASES, 3.6e-7, 0.35, "worst_tile", operators=("conv2d_3x3", "matmul"),
    differences=(FieldDifference("mindspore", "2.9.0", "2.8.0"),),
)  # fmt: skip
SAME = Comparison(Verdict.IDENTICAL, Tier.ACROSS_RELEASES, 0.0, 0.0)
DRIFT = Comparison(Verdict.DRIFT, Tier.ACROSS_RELEASES, 0.5, math.inf, "max_abs", reasons=said(HOSTILE))
ERROR = Comparison(Verdict.ERROR, reasons=said("broken"))
STORE = BaselineStore(Path("absent"))
# It needs no baseline to be judged by.
STRICT = make_case(strict=True)


def column(name, kept=0, **packages):
    subject = Subject(name, f"/envs/{name}/python", {"mindspore": name, **packages})
    return MatrixColumn(subject, {"device": "CPU", "mindspore": name}, 12.0, kept)


def row(case_id, bits, *pairs, errors=(None, None, None)):
    return MatrixRow("ddim", case_id, bits, errors, dict(zip([(0, 1), (0, 2), (1, 2)], pairs, strict=True)))


@pytest.fixture
def matrix():
    columns = (column("2.8.0", numpy="1.25"), column("2.9.0", kept=3), column("2.10.0"))
    rows = (
        row("one", ("a", "b", "b"), WITHIN, WITHIN, SAME),
        row("two", ("a", "b", "c"), WITHIN, DRIFT, SAME),
        row("three", ("a", None, "a"), ERROR, SAME, ERROR, errors=(None, *said(HOSTILE), None)),
    )
    return Matrix(columns, rows, 1.5)


def shown(matrix):
    console = Console(file=io.StringIO(), width=80)
    show_matrix(console, matrix, Invocation())
    return console.file.getvalue()


def test_the_terminal(matrix):
    lines = shown(matrix).splitlines()
    assert lines[0].split("  ")[0] == "case"
    assert lines[1].split() == ["ddim/one", "ran", "within", "3.6e-07", "35%", "identical"]
    # After one that failed there is nothing to compare with.
    assert lines[3].split() == ["ddim/three", "ran", "error", "ran"]
    text = "\n".join(lines)
    assert "no two environments give the same bits in every case" in lines
    assert "2.8.0 → 2.9.0: operators whose bits differ: conv2d_3x3, matmul" in text
    # Between those that are no neighbours as well, and a run that failed once.
    assert "drift  ddim/two, 2.8.0 → 2.10.0: <script>alert(1)</script> | [bold] `x`" in text
    assert text.count("error  ddim/three") == 1
    assert "9 pairs compared: 3 identical, 3 within, 1 drift, 2 error" in text
    assert (
        "9 runs in 36 s (12 to 12 s per environment), 3 of them kept from earlier; comparing took 1.5 s"
        in text
    )
    assert not matrix.passed


def test_what_passes(matrix):
    passing = Matrix(matrix.columns, matrix.rows[:1], 0.0)
    assert passing.passed
    assert passing.groups() == (("2.8.0",), ("2.9.0", "2.10.0"))
    assert "same bits: 2.9.0 = 2.10.0; unlike any other: 2.8.0\n" in shown(passing)
    assert "same bits: 2.9.0 = 2.10.0; unlike any other: 2.8.0.\n" in matrix_markdown(passing, Invocation())
    assert "same bits: 2.9.0 = 2.10.0; unlike any other: 2.8.0<" in matrix_page(passing, Invocation())
    parted = row("z", ("a", "b", "c"), WITHIN, WITHIN, WITHIN)
    assert "no two environments give the same bits\n" in shown(Matrix(matrix.columns, (parted,), 0.0))
    nowhere = row("x", (None,) * 3, ERROR, ERROR, ERROR, errors=said("a", "b", "c"))
    assert not Matrix(matrix.columns, (nowhere,), 0.0).passed
    assert "no case ran" in shown(Matrix(matrix.columns, (nowhere,), 0.0))
    # A case that ran nowhere parts nothing; one that ran in some places does.
    assert Matrix(matrix.columns, (*passing.rows, nowhere), 0.0).groups() == passing.groups()
    some = row("y", ("a", "a", None), SAME, ERROR, ERROR, errors=(None, None, *said("c")))
    assert len(Matrix(matrix.columns, (*passing.rows, some), 0.0).groups()) == 3


def test_markdown(matrix):
    text = matrix_markdown(matrix, Invocation())
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert table[0] == "| case | 2.8.0 | 2.9.0 | 2.10.0 |"
    assert table[2] == "| <code>ddim/one</code> | ran | within 3.6e-07 35% | identical |"
    assert "\nno two environments give the same bits in every case.\n" in text
    assert "- drift: <code>ddim/two</code>, 2.8.0 → 2.10.0: &#60;script&#62;" in text
    assert "<script>" not in text


def test_json_has_every_pair(matrix):
    found = json.loads(matrix_json(matrix, Invocation()), parse_constant=pytest.fail)
    assert (found["format"], found["version"], found["passed"]) == ("harness-matrix", 1, False)
    assert [len(case["pairs"]) for case in found["cases"]] == [3, 3, 3]
    (drift,) = [pair for pair in found["cases"][1]["pairs"] if pair["verdict"] == "drift"]
    assert (drift["from"], drift["to"], drift["share"], drift["tier"]) == (
        "2.8.0", "2.10.0", "inf", "across_releases",
    )  # fmt: skip
    assert found["cases"][2]["runs"][1] == {"environment": "2.9.0", "bits": None, "error": HOSTILE}
    assert found["differing_packages"]["numpy"] == ["1.25", None, None]
    assert found["environments"][1]["kept"] == 3


class Elements(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.text = [], []

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text.append(data)


def test_the_page(matrix):
    page = matrix_page(matrix, Invocation())
    elements = Elements()
    elements.feed(page)
    tags = [tag for tag, _ in elements.found]
    assert not {"script", "link", "img", "iframe", "object"} & set(tags)
    # What a run said is there as text.
    assert any(HOSTILE in text for text in elements.text)
    policy = next(each["content"] for tag, each in elements.found if each.get("http-equiv"))
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert tags.count("details") == 3
    cells = [each.get("class") for tag, each in elements.found if tag == "td"]
    # One pair of each case is between those that are no neighbours.
    assert (cells.count("v-drift"), cells.count("v-within"), cells.count("v-error")) == (1, 5, 3)
    assert "/envs/2.9.0/python" in page


def test_words_of_a_cell():
    assert cell_words(SAME) == "identical"
    assert cell_words(WITHIN) == "within 3.6e-07 35%"
    assert cell_words(DRIFT) == "drift 0.5"
    far = Comparison(Verdict.DRIFT, Tier.ACROSS_RELEASES, 8.2e-2, 2599336.79, "max_abs")
    assert cell_words(far) == "drift 0.082 2.6e+06 times"
    assert cell_words(Comparison(Verdict.DRIFT, reasons=said("another shape"))) == "drift"
    assert cell_words(ERROR) == "error"


def test_what_lacks_mindone_is_told_before_it_runs():
    console = Console(file=io.StringIO(), width=80)
    subjects = [column("2.8.0").subject, column("2.10.0", mindone="0.5.0").subject]
    needing = make_case(pipeline="mindone:DDIMPipeline", tags=("mindone", "slow"), strict=True)
    MatrixDisplay(console, Invocation()).finished(foresee([STRICT, needing], STORE, subjects))
    assert console.file.getvalue() == (
        "note  mindone is not installed in 2.8.0: 1 case that needs it will be errors there; install it: "
        "mindone==0.5.0, or leave them out: --without-tag mindone\n"
    )
    # What is made gets what comes --with; what is given does not.
    console = Console(file=io.StringIO(), width=80)
    made = Subject("2.9.0", "/made/python", {"mindspore": "2.9.0"}, made=True)
    MatrixDisplay(console, Invocation()).finished(foresee([needing, needing], STORE, [*subjects, made]))
    given, of_release = console.file.getvalue().splitlines()[::-1]
    assert "not installed in 2.8.0: 2 cases that need it" in given
    assert "--with " not in given
    assert "not installed in 2.9.0: 2 cases that need it" in of_release
    assert "add it: --with mindone==0.5.0, or" in of_release
    # Not again for each of them when it runs.
    console = Console(file=io.StringIO(), width=80)
    display = MatrixDisplay(console, Invocation())
    display.begin("running", 2)
    for case, error in ((needing, "foretold"), (STRICT, "of its own")):
        display.finished(CaseRun(subjects[0], case, HarnessError(error), earlier=False))
    display.end()
    assert "of its own" in console.file.getvalue()
    assert "foretold" not in console.file.getvalue()
    quiet = Console(file=io.StringIO())
    MatrixDisplay(quiet, Invocation()).finished(foresee([STRICT], STORE, subjects))
    MatrixDisplay(quiet, Invocation()).finished(foresee([needing], STORE, subjects[1:]))
    assert quiet.file.getvalue() == ""
