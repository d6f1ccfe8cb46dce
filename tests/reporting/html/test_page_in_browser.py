"""The page in a real browser: what a reader does with mouse and keys, with many cases and with odd ones."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pytest
from samples import FINGERPRINT, make_baseline, make_case, make_measurement
from views import HOSTILE, moved, page_of, view_of

from harness.baselines.staleness import BaselineStale
from harness.codec import to_json
from harness.errors import HarnessError
from harness.judgement.check import Check
from harness.judgement.judgement import Judgement
from harness.reporting import html
from harness.reporting.commands import Invocation, commands
from harness.reporting.figures import figure, part_of_limit
from harness.reporting.html.view import case_view

pytestmark = pytest.mark.browser

LIST = "#list li:not([hidden]) a"
# The colours of the difference as it is drawn, without alpha.
COLOURS = """(() => {
  const copy = new OffscreenCanvas(8, 8).getContext('2d', { willReadFrequently: true });
  copy.drawImage(document.querySelector('canvas'), 0, 0);
  return [...copy.getImageData(0, 0, 8, 8).data].filter((_, i) => i % 4 < 3);
})()"""
BRIGHTEST = f"Math.max(...{COLOURS})"
FOCUSED = (
    "(e => e.ariaLabel || e.id || e.className.baseVal || e.textContent.slice(0, 40))(document.activeElement)"
)
ROWS = (
    "[...document.querySelectorAll('table.rows tbody tr')]"
    ".filter(r => r.checkVisibility()).map(r => r.className)"
)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A page with every verdict, over two suites."""
    folder = tmp_path_factory.mktemp("mixed")
    image, other = moved(1e-7)
    drifted, sound = make_measurement(other, keep=True), make_measurement(image, keep=True)
    loose = {"same_environment": {"max_abs": 1e-6}}
    elsewhere = dataclasses.replace(drifted, fingerprint={**FINGERPRINT, "isa": "AVX512_CORE"})

    def view(case_id, measured, baseline=sound, **fields):
        suite = fields.pop("suite", "guide")
        case = make_case(id=case_id, suite=suite, path=f"suites/{suite}.yaml", **fields)
        case = dataclasses.replace(case, path=folder / "suites" / f"{suite}.yaml")
        return view_of(folder, measured, case=case, baseline=baseline, calibrated=True)

    crash = HarnessError(
        "guide/crashed: its worker died (signal SIGSEGV)\nthe end of its log:\n  Segmentation"
    )
    batch, batch_moved = moved(1e-3, (3, 8, 8, 3))
    video, video_moved = moved(1e-3, (1, 5, 8, 8, 3))
    alpha, alpha_moved = moved(1e-3, (1, 8, 8, 4))
    grey, grey_moved = moved(1e-3, (1, 8, 8, 1))
    latent, latent_moved = moved(1e-3, (1, 4, 16, 16))
    views = [
        view("same", sound),
        view("moved", drifted),
        view("near", drifted, tolerance=loose),
        view("elsewhere", elsewhere),
        view("crashed", crash),
        view("other-seed", make_measurement(seed=9, keep=True), make_measurement(keep=True)),
        view("batch", make_measurement(batch_moved), make_measurement(batch), suite="forms"),
        view("video", make_measurement(video_moved), make_measurement(video), suite="forms"),
        view("alpha", make_measurement(alpha_moved), make_measurement(alpha), suite="forms"),
        view("grey", make_measurement(grey_moved), make_measurement(grey), suite="forms"),
        view("latent", make_measurement(latent_moved), make_measurement(latent), suite="forms"),
        view("cropped", make_measurement(image[:, :4]), suite="forms"),
    ]
    return page_of(folder, views)


def current(browser):
    return browser.run("document.querySelector('article')?.dataset.case ?? null")


def names(browser):
    return [text.split("\n")[0] for text in browser.texts(LIST)]


def test_the_worst_come_first_and_the_first_is_open(browser, mixed):
    browser.open(mixed)
    verdicts = [text.split()[-1] for text in browser.texts(f"{LIST} .badge")]
    order = ["drift", "error", "incomparable", "within", "identical"]
    assert verdicts == sorted(verdicts, key=order.index)
    assert set(verdicts) >= {"drift", "error", "within", "identical"}
    assert current(browser) == browser.texts(f"{LIST} .name")[0]
    assert browser.text("h1") == "10 of 12 cases did not pass"


def test_verdicts_and_suites_filter_the_list(browser, mixed):
    browser.open(mixed)
    everything = names(browser)
    browser.click("[data-verdict=error]")
    assert names(browser) == ["guide/crashed"]
    assert browser.text("#shown") == "1 of 12 cases"
    browser.click("[data-verdict=within]")
    assert sorted(names(browser)) == ["guide/crashed", "guide/near"]
    assert (
        browser.run("document.querySelector('[data-verdict=error]').getAttribute('aria-pressed')") == "true"
    )
    browser.click("[data-verdict=error]")
    browser.click("[data-verdict=within]")
    assert names(browser) == everything
    browser.run(
        "(() => { const s = document.querySelector('#cases select'); s.value = 'forms';"
        "s.dispatchEvent(new Event('change')); })()"
    )
    assert sorted(names(browser)) == [
        f"forms/{name}" for name in ("alpha", "batch", "cropped", "grey", "latent", "video")
    ]


def test_the_search_finds_words_and_says_when_there_are_none(browser, mixed):
    browser.open(mixed)
    browser.press("/")
    browser.type("SIGSEGV crashed")
    assert names(browser) == ["guide/crashed"]
    browser.press("Escape")
    assert len(names(browser)) == 12
    browser.type("no such words")
    assert names(browser) == []
    assert browser.texts("#nothing") == ["No case matches."]


def test_everything_can_be_reached_by_keys(browser, mixed):
    browser.open(mixed)
    shown = names(browser)
    browser.press("/")
    browser.press("ArrowDown", "ArrowDown", "Enter")
    assert current(browser) == shown[1]
    browser.press("j", "j", "k")
    assert current(browser) == shown[2]
    browser.press("End")  # in the list, which has the focus still
    browser.press("Enter")
    assert current(browser) == shown[-1]
    browser.open(mixed, "#guide/moved")
    stops = set()
    for _ in range(60):
        browser.press("Tab")
        stops.add(browser.run(FOCUSED))
    assert {"Search the cases", "Amplification of the difference", "copy", "swap", "fit"} <= stops
    assert any(stop.startswith("Drift by step") for stop in stops)
    assert any(stop.startswith("Environment") for stop in stops)
    # The list is one stop, not one for each case.
    assert sum(stop.startswith(("guide/", "forms/")) for stop in stops) == 1


def test_the_slider_makes_a_difference_of_1e_7_visible(browser, mixed):
    browser.open(mixed, "#guide/moved")
    browser.wait(f"{BRIGHTEST} == 255")  # amplified so far that the largest is white
    assert float(browser.text(".tools output")[2:]) > 1e6
    browser.run("document.querySelector('input[type=range]').focus()")
    browser.press("Home")
    assert browser.text(".tools output")[2:] == "1"
    assert browser.run(BRIGHTEST) == 0
    browser.press(*["ArrowRight"] * 60)  # six decades
    some = browser.run(BRIGHTEST)
    assert 20 < some < 100
    browser.press("End")
    assert browser.run(BRIGHTEST) == 255
    browser.press("Home")
    browser.click(".tools button")
    assert browser.run(BRIGHTEST) == 255
    # One value of one channel differs: one pixel is not black.
    assert sum(value > 0 for value in browser.run(COLOURS)) == 1


def test_the_codes_of_the_map_are_decoded_to_their_sizes(browser, mixed):
    browser.open(mixed, "#guide/other-seed")
    browser.settle()
    report = json.loads((mixed.parent / "report.json").read_text())
    view = next(case for case in report["cases"] if case["case"]["id"] == "other-seed")
    largest = view["pictures"]["largest"]
    browser.run("document.querySelector('canvas').scrollIntoView({block: 'center'})")
    box = browser.run("(b => [b.x, b.y, b.width])(document.querySelector('canvas').getBoundingClientRect())")
    told = []
    for x in range(8):
        for y in range(8):
            browser.mouse("mouseMoved", box[0] + (x + 0.5) * box[2] / 8, box[1] + (y + 0.5) * box[2] / 8)
            text = browser.text(".pictures figure:last-child .readout")
            assert text.startswith(f"x {x}, y {y}: R ")
            told += [
                float(part)
                for part in text.replace("R", "").replace("G", "").replace("B", "").split(": ")[1].split()
            ]
    assert max(told) == pytest.approx(largest, rel=0.01)


def test_swapping_shows_the_baseline_in_place(browser, mixed):
    browser.open(mixed, "#guide/other-seed")
    sources = "[...document.querySelectorAll('img.picture')].map(i => i.src)"
    baseline, new = browser.run(sources)
    assert baseline != new
    browser.click("figcaption button")
    assert browser.run(sources) == [baseline, baseline]
    browser.click("figcaption button")
    assert browser.run(sources) == [baseline, new]


@pytest.mark.parametrize(
    ("case", "label", "count"), [("batch", "image {} of 3", 3), ("video", "frame {} of 5", 5)]
)
def test_batches_and_videos_have_a_slider_of_their_own(browser, mixed, case, label, count):
    browser.open(mixed, f"#forms/{case}")
    assert browser.text(".pictures > .tools output") == label.format(1)  # where the difference is
    browser.run("document.querySelector('.pictures > .tools input').focus()")
    browser.press("End")
    assert browser.text(".pictures > .tools output") == label.format(count)
    assert "same bits" in browser.text(".pictures figure:last-child p.absent")


def test_pictures_of_four_channels_have_their_alpha(browser, mixed):
    browser.open(mixed, "#forms/alpha")
    browser.wait(f"{BRIGHTEST} == 255")
    assert browser.run(COLOURS)[:4] == [255, 0, 0, 0]


def test_pictures_of_one_channel_are_shown(browser, mixed):
    browser.open(mixed, "#forms/grey")
    browser.wait(f"{BRIGHTEST} == 255")
    assert browser.run("document.querySelectorAll('.pictures img.picture').length") == 2
    # Grey, and the value that differs white.
    assert browser.run(COLOURS)[:6] == [255, 255, 255, 0, 0, 0]


def test_what_is_no_image_has_a_histogram_and_no_picture(browser, mixed):
    browser.open(mixed, "#forms/latent")
    assert browser.run("document.querySelector('.pictures')") is None
    assert any("1 value of 1,024 differ" in text for text in browser.texts("section.card"))


def test_what_cannot_be_compared_says_so(browser, mixed):
    browser.open(mixed, "#forms/cropped")
    assert "Nothing to subtract" in browser.text(".pictures figure:last-child")


def test_a_crash_shows_its_log_and_signal(browser, mixed):
    browser.open(mixed, "#guide/crashed")
    assert "SIGSEGV" in browser.text(".why")
    assert "Segmentation" in browser.text(".why pre")
    assert "The run failed, so there is no image." in browser.text(".pictures")


def test_a_case_that_did_not_run_says_so_and_one_that_did_is_shown(browser, tmp_path):
    stored, edited = make_baseline(), make_case(steps=3)
    judged = Judgement.error(edited, BaselineStale(edited, stored))
    for measured, shown in ((None, 1), (make_measurement(), 2)):
        typed = commands(edited, Invocation())
        view = case_view(edited, Check(judged, measured, stored), stored, commands=typed)
        browser.open(page_of(tmp_path, [view]))
        told = browser.text(".pictures figure:nth-child(2)")
        assert ("The case did not run, because its definition changed" in told) == (measured is None)
        assert browser.run("document.querySelectorAll('.pictures img:not([hidden])').length") == shown


def test_the_charts_read_out_their_values_by_keys_and_pointer(browser, mixed):
    browser.open(mixed, "#guide/other-seed")
    browser.run("document.querySelector('svg.chart').focus()")
    browser.press("Home")
    readout = "document.querySelector('svg.chart').closest('section').querySelector('.readout').innerText"
    assert browser.run(readout).startswith("step 0 (timestep 500): ")
    assert "limit 3e-07" in browser.run(readout)
    browser.press("ArrowRight")
    assert browser.run(readout).startswith("step 1 (timestep 0): ")
    box = browser.run(
        "(b => [b.x, b.y, b.width])(document.querySelector('svg.chart').getBoundingClientRect())"
    )
    browser.mouse("mouseMoved", box[0] + 60, box[1] + 30)
    assert browser.run(readout).startswith("step 0 ")


def test_figures_can_be_narrowed_to_what_failed(browser, mixed):
    browser.open(mixed, "#guide/moved")
    assert set(browser.run(ROWS)) == {"over", "free"}
    browser.click("label.check input")
    assert set(browser.run(ROWS)) == {"over"}


def test_a_command_is_copied(browser, mixed):
    browser.open(mixed, "#guide/moved")
    browser.click(".command button")
    assert browser.text(".command button") in ("copied", "selected")
    command = browser.text(".command code")
    assert command.startswith("pytest ")
    assert "guide.yaml::moved --baseline-dir " in command


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_no_page_scrolls_sideways(browser, mixed, width, dark):
    browser.view(width, 800, dark=dark)
    report = json.loads((mixed.parent / "report.json").read_text())
    browser.open(mixed)
    assert browser.run("document.documentElement.scrollWidth") == width
    for case in report["cases"]:
        browser.run(f"location.hash = '#{case['case']['suite']}/{case['case']['id']}'")
        browser.settle()
        assert current(browser) == f"{case['case']['suite']}/{case['case']['id']}"
        assert browser.run("document.documentElement.scrollWidth") == width, case["case"]["id"]


def test_a_phone_shows_the_list_or_the_case(browser, mixed):
    browser.view(390, 844)
    browser.open(mixed)
    assert len(names(browser)) == 12
    assert browser.texts("article") == []
    browser.click(LIST)
    assert len(browser.texts("article")) == 1
    assert names(browser) == []
    browser.click(".back")
    assert len(names(browser)) == 12


# The lowest contrast of a text with what is behind it: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
_CONTRAST = """(() => {
  const parse = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const linear = v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (colour.startsWith('rgb(')) return parse(colour);
    }
    return [255, 255, 255];
  };
  const texts = 'h1, h2, h3, .note, .badge, td, th, dt, dd, .readout, .number, .remark, figcaption, code';
  const shown = [...document.querySelectorAll(texts)].filter(e => e.checkVisibility());
  return shown.filter(e => e.textContent.trim()).map(e => {
    const [low, high] = [light(parse(getComputedStyle(e).color)), light(behind(e))].sort((a, b) => a - b);
    return [(high + 0.05) / (low + 0.05), e.className + e.tagName + e.textContent.slice(0, 20)];
  }).sort((a, b) => a[0] - b[0])[0];
})()"""


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_in_light_and_dark(browser, mixed, dark):
    browser.view(1280, 900, dark=dark)
    browser.open(mixed, "#guide/moved")
    contrast, what = browser.run(_CONTRAST)
    assert contrast >= 4.5, what  # WCAG 2.2, 1.4.3
    background = browser.run("getComputedStyle(document.documentElement).backgroundColor")
    assert (sum(map(int, background[4:-1].split(","))) < 200) == dark


def test_the_back_button_goes_to_the_case_before(browser, mixed):
    browser.open(mixed, "#guide/moved")
    browser.press("j")
    assert current(browser) != "guide/moved"
    browser.run("history.back()")
    browser.settle()
    assert current(browser) == "guide/moved"


def test_a_case_that_is_not_in_the_run_is_told(browser, mixed):
    browser.open(mixed, "#guide/gone")
    assert "no such case" in browser.text("#case-view")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A page in which everything that comes from outside tries to be more than text."""
    folder = tmp_path_factory.mktemp("hostile")
    image, other = moved(1e-3)
    strange = {name: HOSTILE for name in FINGERPRINT if name not in ("device", "isa", "cores", "arch")}
    measured = dataclasses.replace(
        make_measurement(other), fingerprint={**FINGERPRINT, **strange, HOSTILE: "x"}
    )
    case = make_case(arguments={"prompt": HOSTILE}, tags=("a",), tolerance={"across_releases": "exact"})
    view = json.loads(view_of(folder, measured, case=case, baseline=make_measurement(image)))
    # Names that files could not have, and texts that other parts make.
    view["case"]["definition"]["arguments"] = {HOSTILE: [HOSTILE]}
    view["case"] |= {"suite": HOSTILE, "id": HOSTILE, "place": HOSTILE, "tags": [HOSTILE]}
    view["baseline"] |= {"path": HOSTILE, "reason": HOSTILE, "commit": HOSTILE}
    view["judgement"] |= {"reasons": [HOSTILE, f"a\n{HOSTILE}"], "notes": [HOSTILE], "tier": HOSTILE}
    view["causes"] = [{"kind": HOSTILE, "title": HOSTILE, "details": [HOSTILE]}]
    view["commands"] = [{"title": HOSTILE, "text": HOSTILE}]
    view["rows"][0] |= {"name": HOSTILE, "note": HOSTILE}
    return page_of(
        folder, [json.dumps(view)], problems=[{"where": HOSTILE, "text": HOSTILE}], harness=HOSTILE
    )


@pytest.mark.parametrize("width", [390, 1280])
def test_no_text_runs_or_becomes_an_element(browser, hostile, width):
    browser.view(width, 900)
    browser.open(hostile)
    browser.click(LIST)
    assert browser.run("window.hit") is None
    assert browser.run("document.querySelectorAll('[onerror], [onmouseover], img:not(.picture)').length") == 0
    assert browser.run("document.querySelectorAll('script:not([type])').length") == 1
    browser.run("document.querySelectorAll('details').forEach(d => d.open = true)")
    shown = browser.run("document.querySelector('article').textContent")
    for place in ("suite", "reason", "cause", "command"):
        assert shown.count("<img src=x onerror=window.hit=1></script>") > 10, place
    assert browser.run("document.documentElement.scrollWidth") == width


def test_the_policy_stops_what_would_run_all_the_same(browser, hostile):
    """What an attacker would need in the page: were it there, the browser would not run it."""
    browser.open(hostile)
    for attempt in (
        "document.body.innerHTML = '<b>x</b>'",
        "document.body.setAttribute('onclick', 'window.hit = 1')",
        "setTimeout('window.hit = 1')",
        "document.createElement('script').src = 'data:text/javascript,window.hit=1'",
    ):
        with pytest.raises(AssertionError, match="Trusted"):
            browser.run(attempt)
    assert browser.run("window.hit") is None
    assert browser.run("fetch('data:text/plain,x').then(() => 'loaded', () => 'refused')") == "refused"
    assert browser.console
    browser.console.clear()


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Pages of 20 and of 200 cases."""
    folder = tmp_path_factory.mktemp("many")
    image, other = moved(1e-3, (1, 64, 64, 3))
    drifted, sound = make_measurement(other, keep=True), make_measurement(image, keep=True)
    view = view_of(folder, drifted, baseline=sound, calibrated=True)
    views = []
    for index in range(200):
        each = json.loads(view)
        each["case"]["id"] = f"case-{index:03}"
        views.append(json.dumps(each))
    pages = {}
    for count in (20, 200):
        (folder / str(count)).mkdir()
        pages[count] = page_of(folder / str(count), views[:count])
    return pages


def test_two_hundred_cases_stay_fluid(browser, many):
    """Measured in elements and in work per action against a page of a tenth, never in seconds."""
    nodes, costs = {}, {}
    for count, page in many.items():
        browser.open(page)
        nodes[count] = browser.run("document.querySelectorAll('body *').length")
        before = browser.run("document.querySelectorAll('article *').length")
        for _ in range(30):
            browser.press("j")
        # What was opened before is gone.
        assert browser.run("document.querySelectorAll('article *').length") == pytest.approx(before, rel=0.05)
        costs[count] = browser.run(
            "(() => { const times = []; for (let i = 0; i < 15; i += 1) { const start = performance.now();"
            "location.hash = i % 2 ? '#guide/case-003' : '#guide/case-004'; openNow(); "
            "times.push(performance.now() - start); } return times.sort((a, b) => a - b)[7]; })()".replace(
                "openNow()",
                "window.dispatchEvent(new HashChangeEvent('hashchange')); document.body.offsetHeight",
            )
        )
    assert nodes[200] - nodes[20] < 180 * 9
    assert nodes[200] < 3000
    # Opening a case reads that case alone: ten times the cases must not be ten times the work.
    assert costs[200] < 5 * costs[20]
    browser.open(many[200])
    assert browser.text("#shown") == "200 cases"
    browser.press("/")
    browser.type("case-19")
    assert len(names(browser)) == 10


def test_the_page_writes_numbers_as_python_does(browser):
    script = (Path(html.__file__).parent / "assets" / "figures.js").read_text()

    def written(function, values):
        return browser.run(f"(() => {{ {script}; return {json.dumps(to_json(values))}.map({function}); }})()")

    values = [10.0**power * digits for power in range(-12, 12) for digits in (1, 1.2344, 9.99, 9.9996)]
    values += [0.0, math.inf, -math.inf, math.nan, None]
    assert written("figure", values) == list(map(figure, values))
    shares = [0.384, 1.58, 9.9, 10.0, 1991.4, 2.6e6, math.inf]
    assert written("share", shares) == list(map(part_of_limit, shares))
