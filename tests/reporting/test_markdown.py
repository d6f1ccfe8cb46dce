"""The Markdown summary, read by a renderer: what it says, how large it gets, what cannot get in."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from samples import FINGERPRINT, cause, make_baseline, make_case, said

from harness.baselines.baseline import Key
from harness.baselines.store import BaselineStore
from harness.codec import from_json, to_json
from harness.judgement.judgement import Judgement, Verdict
from harness.judgement.rows import Row
from harness.judgement.tiers import Tier
from harness.operations.check import check
from harness.reporting.case_report import CaseReport
from harness.reporting.commands import Invocation, commands
from harness.reporting.github import error_annotations
from harness.reporting.markdown import MOST_BYTES, escaped, markdown_summary

# Ends tables, code, links and blocks of HTML; asks for scripts; cannot be printed.
HOSTILE = (
    "a|b\n| c | d |\n```\n</code></td></table></details><script>window.hit=1</script>"
    "<img src=x onerror=hit()> `x` *x* _x_ ~~x~~ [x](javascript:hit()) ![x](https://example.com/x.png) "
    "\\| \\` &lt;script&gt; &#60;b&#62; # x\n- x\n1. x\n> x\n---\n$x$ :x: "
    "@someone #1 \x00\x1b[31m\u202e\ud800"
)
ROWS = (Row("relative_l2", 3e-4, 8e-7, passed=False), Row("max_abs", 0.1, 1.0, passed=True))


def outcome(verdict, *, case_id="a", rows=(), reasons=(), causes=(), environment=FINGERPRINT, name=None):
    case = make_case(id=case_id)
    tier = None if verdict is Verdict.ERROR else Tier.SAME_ENVIRONMENT
    made = Judgement("guide", name or case_id, verdict, tier, rows=rows, reasons=reasons)
    typed = commands(case, Invocation())
    return CaseReport(made, causes, typed, "/suites/guide.yaml", 4, 5, environment)


MIXED = [
    outcome(Verdict.IDENTICAL, case_id="same"),
    outcome(Verdict.WITHIN, case_id="near", rows=(Row("max_abs", 0.9, 1.0, passed=True),)),
    outcome(Verdict.INCOMPARABLE, case_id="elsewhere", reasons=said("the case is strict")),
    outcome(Verdict.ERROR, case_id="crash", reasons=said("its worker died\nthe log"), environment={}),
    outcome(
        Verdict.DRIFT,
        case_id="moved",
        rows=ROWS,
        causes=(cause("numerics", "the latents leave the envelope"), cause("output", "later")),
    ),
]


class Page(HTMLParser):
    """The tags of a page, its text, and the cells of its tables by row."""

    def __init__(self, markdown):
        super().__init__()
        self.tags, self.attributes, self.rows, self.text, self.inside = [], [], [], "", False
        self.feed(
            MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(markdown)
        )

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.inside = True

    def handle_endtag(self, tag):
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data):
        self.text += data
        if self.inside:
            self.rows[-1][-1] += data


def test_an_edited_case_is_told_by_its_edit_and_with_the_command_that_records_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = BaselineStore(Path("baselines"))
    store.write(make_baseline(make_case(arguments={"eta": 0.5})))
    case = make_case(arguments={"eta": 0.6})
    result = check(case, None, store)
    typed = commands(case, Invocation(str(store.root)), baseline=result.baseline)
    found = CaseReport.of(case, result, (), typed)
    page = Page(markdown_summary([from_json(CaseReport, json.loads(json.dumps(to_json(found))))]))
    (row,) = (row for row in page.rows if row[0] == "guide/two-steps")
    assert row[1] == "error"
    assert "the case was edited since its baseline was recorded" in row[3]
    assert "arguments.eta: 0.5 -> 0.6" in row[3]
    command = "harness record suites/guide.yaml::two-steps --baseline-dir baselines --calibrate --reason "
    assert f"\n{command}" in page.text
    (annotation,) = error_annotations([found], root=tmp_path)
    assert "arguments.eta: 0.5 -> 0.6" in annotation
    assert f"%0A{command}" in annotation


def test_the_summary_of_a_run_with_every_verdict():
    page = Page(markdown_summary(MIXED, orphaned=[Key("guide", "gone", "cpu")]))
    assert "harness: 3 of 5 cases did not pass" in page.text
    assert page.rows[:6] == [
        ["identical", "within", "drift", "incomparable", "error"],
        ["1", "1", "1", "1", "1"],
        ["case", "verdict", "worst figure", "first cause"],
        [
            "guide/moved",
            "drift",
            "relative_l2 0.0003 over its limit 8e-07",
            "numerics: the latents leave the envelope",
        ],
        ["guide/crash", "error", "", "its worker died"],
        ["guide/elsewhere", "incomparable", "", "the case is strict"],
    ]
    assert "worst margin: guide/moved relative_l2" in page.text
    assert "tightest case: guide/near max_abs 0.9 of 1, 90% of its limit" in page.text
    assert "orphan: guide/gone/cpu.json" in page.text
    assert "harness explain suites/guide.yaml::moved --baseline-dir baselines\n" in page.text
    assert "harness explain suites/guide.yaml::crash" not in page.text
    assert ["mindspore", "2.10.0"] in page.rows
    assert set(page.tags) <= {
        "h3", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "p", "code", "pre", "details",
        "summary",
    }  # fmt: skip


def test_a_run_in_which_all_passed():
    page = Page(markdown_summary(MIXED[:2]))
    assert "harness: 2 cases passed" in page.text
    assert "What to type" not in page.text
    assert "did not pass" not in page.text


def test_what_was_not_judged_is_told():
    page = Page(markdown_summary(MIXED[:1], [("suites/bad.yaml", "bad.yaml:4:12: no number\nmore")]))
    assert "1 case passed, not all were judged" in page.text
    assert "suites/bad.yaml bad.yaml:4:12: no number more" in page.text


def test_environments_are_counted():
    other = outcome(Verdict.IDENTICAL, case_id="b", environment={**FINGERPRINT, "mindspore": "2.9.0"})
    assert "Environment of 4 of 5 cases" in Page(markdown_summary([*MIXED, other])).text


def page_with(text):
    """The page of a run in which ``text`` is everything that comes from outside."""
    failed = outcome(
        Verdict.DRIFT,
        causes=(cause("numerics", text),),
        rows=(Row(text, 2.0, 1.0, passed=False),),
        environment={"mindspore": text, text: "1"},
    )
    named = outcome(Verdict.ERROR, name=text, reasons=said(text), environment={})
    return Page(markdown_summary([failed, named], [(text, text)], [Key("guide", text, "cpu")]))


def test_hostile_text_is_shown_and_is_nothing_but_text():
    page, plain = page_with(HOSTILE), page_with("x")
    assert page.tags == plain.tags
    assert page.attributes == plain.attributes
    assert [len(row) for row in page.rows] == [len(row) for row in plain.rows]
    shown = page.rows[3][3]
    for told in ("window.hit=1", "[x](javascript:hit())", "&lt;script&gt;", "\\| \\`", "a|b | c | d |"):
        assert told in shown, told


@pytest.mark.parametrize("character", [chr(code) for code in range(128)])
def test_every_character_of_ascii_is_shown_as_it_is(character):
    for text in (
        character,
        f"{character}x",
        f"x{character}{character}x{character}",
        f"{character} x{character}",
    ):
        page = Page(f"| {escaped(text)} | y |\n|---|---|\n\nafter\n")
        shown = " ".join(text.split())
        shown = re.sub(r"[^ -~]", lambda found: f"\\x{ord(found[0]):02x}", shown)
        assert page.rows == [[shown, "y"]], text
        assert page.tags == ["table", "thead", "tr", "th", "th", "p"]


def test_text_that_is_too_long_is_cut():
    assert escaped("x" * 301) == "x" * 299 + "…"
    assert escaped("x" * 300) == "x" * 300


@pytest.mark.parametrize("most", [MOST_BYTES, 100_000, 5_000, 1_000, 300, 100, 0, -5])
def test_the_summary_is_no_larger_than_asked_for(most):
    many = [
        outcome(Verdict.ERROR, case_id=f"c{index}", reasons=said("<" * 300), environment={})
        for index in range(5_000)
    ]
    text = markdown_summary(many, most_bytes=most)
    assert len(text.encode()) <= max(most, 0)
    if most >= 300:
        page = Page(text)
        assert page.rows[1] == ["0", "0", "0", "0", "5000"]
    if most >= 1_000:
        shown = [row for row in page.rows if row[0].startswith("guide/c")]
        (left,) = re.findall(r"… and (\d+) more that do not fit here", page.text)
        assert len(shown) + int(left) == 5_000
        # A row is there whole, or not at all.
        assert {len(row) for row in shown} <= {4}
    if most < 100:
        assert text == ""


def test_what_is_left_out_is_always_told():
    many = [outcome(Verdict.ERROR, case_id=f"c{index}", environment={}) for index in range(40)]
    for most in range(600, 1200, 9):
        text = markdown_summary(many, most_bytes=most)
        shown = text.count("<code>guide/c")
        assert f"… and {40 - shown} more" in text, most


def test_a_fence_in_a_path_does_not_end_the_block():
    case = make_case(path=Path("suites/``````\n```/x.yaml"))
    typed = commands(case, Invocation())
    made = CaseReport(Judgement("guide", "a", Verdict.DRIFT), (), typed, "/x.yaml", 1, 1, {})
    page = Page(markdown_summary([made]))
    assert page.tags.count("pre") == 1
    assert "``````" in page.text
