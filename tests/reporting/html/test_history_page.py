"""The history's page and its texts: nothing in it is markup, it loads nothing, and it shows what there is."""

import base64
import hashlib
import io
import json
import math
import re
from dataclasses import replace

import pytest
from history_runs import RECORD, RUN
from parsed import Parsed
from rich.console import Console
from views import HOSTILE

from harness.baselines.git import Commit
from harness.history.trends import trends
from harness.reporting.history_report import (
    change_text,
    history_json,
    history_markdown,
    letters,
    show_history,
    sparkline,
    step_lines,
)
from harness.reporting.html.history_page import history_page


def made(*records):
    runs = [replace(RUN, number=number, cases=(record,)) for number, record in enumerate(records, 1)]
    return runs, trends(runs)


MOVED = replace(
    RECORD, margin=0.75, output_sha256="n", environment={"mindspore": "2.9.0", "device": "CPU"},
    statistics={**RECORD.statistics, "mean": -0.1 - 1e-9},
)  # fmt: skip
STEPPED = made(RECORD, RECORD, MOVED, MOVED)


def hostile(text):
    return replace(
        RECORD,
        suite=text,
        case_id=text,
        worst=text,
        first_cause=text,
        environment={text: text, "mindspore": text},
        statistics={text: 1.0},
    )


def test_no_text_of_a_run_is_markup():
    def tags(text):
        runs, _ = made(hostile(text), replace(hostile(text), environment={"mindspore": text + "2"}))
        runs = [replace(run, door=text, git_commit=Commit(text, dirty=False), ended=text) for run in runs]
        return [tag for tag, _ in Parsed(history_page(runs, trends(runs))).elements]

    assert tags(HOSTILE) == tags("plain")
    runs, found = made(hostile(HOSTILE))
    assert HOSTILE.split()[0] in Parsed(history_page(runs, found)).text


def test_the_policy_allows_the_style_and_nothing_else():
    page = history_page(*STEPPED)
    style = re.search("<style>(.*?)</style>", page, re.S)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policies = [a["content"] for _, a in Parsed(page).elements if a.get("http-equiv")]
    assert policies == [
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    ]
    for tag, attributes in Parsed(page).elements:
        assert tag not in ("script", "link", "img", "iframe", "object")
        assert not any(name.startswith("on") or name in ("style", "src") for name in attributes)
        assert attributes.get("href", "#").startswith("#")


def test_a_step_is_on_the_page():
    page = Parsed(history_page(*STEPPED))
    assert "1 case: 1 with a lasting change" in page.text
    assert "changed since run 2: mindspore 2.8.0 -> 2.9.0" in page.text
    (margin,) = [a["aria-label"] for tag, a in page.elements if a.get("aria-label", "").startswith("margin")]
    assert margin == "margin over runs 1 to 4, from 0.5 to 0.75; steps at run 3"
    marks = [a["d"] for tag, a in page.elements if a.get("class") == "step"]
    assert set(marks) == {"M1.5 0V40"}
    assert len(marks) == 2  # margin and mean
    assert [a["aria-label"] for _, a in page.elements if a.get("class") == "ribbon"] == ["verdicts: 4 within"]
    assert len([a for _, a in page.elements if a.get("class") == "moved"]) == 4  # in every chart


def test_the_worst_case_comes_first():
    margins = {"better": 0.2, "nearer": 0.9}
    passing = [replace(RECORD, case_id=name, margin=margin) for name, margin in margins.items()]
    words = ("incomparable", "identical", "drift", "error")
    others = [replace(RECORD, case_id=word, verdict=word, margin=None) for word in words]
    runs = [replace(RUN, number=1, cases=(*passing, *others))]
    page = history_page(runs, trends(runs))
    expected = ["error", "drift", "incomparable", "nearer", "better", "identical"]
    for found in (r'#case-\d+">guide/(\w+)', r"<h2[^>]*><code>guide/(\w+)"):
        assert re.findall(found, page) == expected


def test_the_page_is_that_of_any_history():
    for runs in ([], made(RECORD)[0], made(replace(RECORD, statistics={}, margin=None))[0]):
        assert history_page(runs, trends(runs)).endswith("</html>\n")


def test_a_stretch_costs_two_points():
    few, many = (len(history_page(*made(*[RECORD] * count))) for count in (60, 600))
    assert many - few < 540
    assert "M0 20L199 20" in history_page(*made(*[RECORD] * 200))


def test_it_fits_a_telephone_in_both_schemes(browser, tmp_path):
    path = tmp_path / "index.html"
    long = replace(MOVED, suite="a-suite-with-a-long-name" * 3)
    runs = [*STEPPED[0], *made(long, long)[0]]
    path.write_text(history_page(runs, trends(runs)))
    colours = set()
    for dark in (False, True):
        browser.view(360, 740, dark=dark)
        browser.open(path)
        assert browser.run("document.documentElement.scrollWidth") == 360
        colours.add(browser.run("getComputedStyle(document.documentElement).backgroundColor"))
        assert browser.run("document.querySelector('.charts svg').getBoundingClientRect().width") > 200
    assert len(colours) == 2


def shown(*records):
    console = Console(width=80, record=True, file=io.StringIO())
    show_history(console, *made(*records))
    return console.export_text()


def test_the_terminal_has_bars_letters_and_steps():
    text = shown(RECORD, RECORD, MOVED, replace(MOVED, verdict="drift"))
    assert "verdict      ~~~!  drift" in text
    assert "margin       ▁▁██  75%" in text
    assert "output bits  AABB" in text
    assert (
        "step at run 3 (2026-11-02T03:04:05+00:00): margin 0.5 -> 0.75; mean -0.1 -> -0.100000001 (1e-08)"
        in text
    )
    assert "1 case: 1 with a lasting change" in text


def test_what_stood_alone_and_what_is_new_are_told():
    _, (trend,) = made(RECORD, RECORD, MOVED, RECORD, RECORD, RECORD, MOVED)
    date, figures = "(2026-11-02T03:04:05+00:00)", "margin, mean, output bits"
    assert list(step_lines(trend)) == [
        f"only at run 3 {date}: {figures}",
        f"new at run 7 {date}: {figures}; the next run shows whether it lasts",
    ]


@pytest.mark.parametrize(
    ("values", "bars"),
    [
        ([], ""),
        ([1.0], "▁"),
        ([0.0, 1.0, 0.5], "▁█▅"),
        ([math.nan, 1.0, math.inf], "x▁x"),
        ([-1.7e308, 1.7e308], "▁█"),
        ([3.0, 3.0 + 4.5e-16], "▁█"),
    ],
)
def test_bars(values, bars):
    assert sparkline(values) == bars


def test_letters_go_round():
    assert letters([float(i) for i in range(27)]) == "ABCDEFGHIJKLMNOPQRSTUVWXYZA"


def test_a_change_shows_the_digit_that_changed():
    _, (trend,) = STEPPED
    texts = [change_text(change) for step in trend.steps for change in step.changes]
    assert texts[:2] == ["margin 0.5 -> 0.75", "mean -0.1 -> -0.100000001 (1e-08)"]


def test_json_is_strict_and_complete():
    runs, found = made(RECORD, replace(RECORD, margin=math.inf))
    data = json.loads(history_json(runs, found), parse_constant=lambda word: pytest.fail(word))
    (case,) = data["cases"]
    assert case["series"]["margin"] == {"runs": [1, 2], "values": [0.5, "inf"]}
    assert case["series"]["std"]["values"] == ["inf", "inf"]
    assert [run["number"] for run in data["runs"]] == [1, 2]


def test_no_text_is_markup_in_markdown():
    text = history_markdown(*made(hostile("<b>|`x`\n# head")))
    assert "<b>" not in text
    assert len(text.splitlines()) == 5
