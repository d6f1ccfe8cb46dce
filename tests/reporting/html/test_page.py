"""The page as a file: what is in it, what it allows, how it is written."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest
from atlases import atlas
from samples import make_case, make_measurement
from views import HOSTILE, moved, page_of, view_of

import harness.reporting.html
from harness.errors import HarnessError, UsageError
from harness.pytest_plugin.run_files import RunFile
from harness.reporting.html.atlas_page import atlas_page
from harness.reporting.html.document import report_page
from harness.reporting.html.history_page import history_page
from harness.reporting.html.run import DATA, render_again, report_folder, report_run, write_report
from harness.reporting.html.sheet import Sheet

ASSETS = Path(harness.reporting.html.__file__).parent / "assets"


class Parsed(HTMLParser):
    """The scripts, styles, other elements and attributes of a page."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.scripts, self.styles, self._open = [], [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag in ("script", "style"):
            self._open = (tag, dict(attributes), [])

    def handle_data(self, data):
        if self._open:
            self._open[2].append(data)

    def handle_endtag(self, tag):
        if self._open and self._open[0] == tag:
            kind, attributes, parts = self._open
            (self.scripts if kind == "script" else self.styles).append((attributes, "".join(parts)))
            self._open = None


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    image, other = moved(1e-3)
    case = make_case(arguments={"prompt": HOSTILE}, tags=("a",))
    views = [
        view_of(folder, make_measurement(other), baseline=make_measurement(image), case=case, reason=HOSTILE)
    ]
    problems = [{"where": HOSTILE, "text": HOSTILE}]
    return page_of(folder, views, problems=problems).read_text(encoding="utf-8")


def test_no_text_of_a_case_is_markup(hostile):
    plain = report_page({"problems": [], "index": [], "environments": []}, ["{}"])
    assert [tag for tag, _ in Parsed(hostile).elements] == [tag for tag, _ in Parsed(plain).elements]
    data = [
        text for attributes, text in Parsed(hostile).scripts if attributes.get("type") == "application/json"
    ]
    # Browsers end a block at more than `</script>`, and begin a comment in it at `<!--`.
    assert not re.search("[<>&\u2028\u2029]", "".join(data))
    assert json.loads(data[0])["problems"] == [{"where": HOSTILE, "text": HOSTILE}]
    assert json.loads(data[1])["case"]["definition"]["arguments"] == {"prompt": HOSTILE}
    assert json.loads(data[1])["baseline"]["reason"] == HOSTILE


def test_the_policy_allows_the_pages_own_script_and_style_and_nothing_else(hostile):
    page = Parsed(hostile)
    policy = next(
        a["content"] for tag, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"
    )
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    ((_, script),) = [entry for entry in page.scripts if "type" not in entry[0]]
    ((_, style),) = page.styles

    def source(text):
        return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"

    assert rules == {
        "default-src": "'none'",
        "script-src": source(script),
        "style-src": source(style),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    for _, attributes in page.elements:
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        assert attributes.get("src") is None
        assert attributes.get("href", "data:").startswith(("data:", "#"))


def test_the_script_makes_no_markup_and_loads_nothing():
    script = "\n".join(path.read_text() for path in ASSETS.glob("*.js"))
    for forbidden in (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser",
        r"\beval\b|new Function|setTimeout\([\"'`]",
        r"fetch\(|XMLHttpRequest|WebSocket|sendBeacon|import\(|importScripts",
        r"https?://(?!www\.w3\.org/2000/svg)",
        r"localStorage|sessionStorage|indexedDB|cookie",
    ):
        assert not re.search(forbidden, script), forbidden


def test_every_asset_is_in_a_page(tmp_path):
    # The matrix's style is that of all pages without a script.
    pages = [report_page({"problems": [], "index": [], "environments": []}, []), history_page((), ())]
    sheet = Sheet(tmp_path / "sheet.html", 0)
    sheet.write("Baselines")
    pages.append(sheet.path.read_text())
    pages.append(atlas_page(atlas()))
    for path in ASSETS.iterdir():
        if path.suffix in (".js", ".css"):
            assert any(path.read_text() in page for page in pages), path.name


def test_rendering_again_gives_the_same_page(tmp_path):
    image, other = moved(1e-3)
    page = page_of(tmp_path, [view_of(tmp_path, make_measurement(other), baseline=make_measurement(image))])
    before = page.read_bytes()
    page.unlink()
    assert render_again(page.with_name(DATA)) == page
    assert page.read_bytes() == before
    assert render_again(page.parent, tmp_path / "elsewhere").read_bytes() == before


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": "harness-report", "version": 99}', "null", "\x00",
             '{"format": "harness-report", "version": 1, "run": {}, "cases": [{}]}',
             '{"format": "harness-report", "version": 1, "run": [], "cases": [3]}'],
)  # fmt: skip
def test_data_that_is_none_is_wrong_usage(tmp_path, text):
    (tmp_path / DATA).write_text(text)
    with pytest.raises(UsageError, match=r"report\.json: not a report\.json of this version"):
        render_again(tmp_path / DATA)


def test_data_that_is_not_there_is_wrong_usage(tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        render_again(tmp_path / "nowhere")


def unwritable(folder, kind):
    if kind == "a file":
        (folder / "report").write_text("")
        return folder / "report"
    if kind == "below a file":
        (folder / "file").write_text("")
        return folder / "file" / "report"
    if kind == "a folder in the page's place":
        (folder / "report" / "index.html").mkdir(parents=True)
        return folder / "report"
    return Path("/proc/report")  # even root cannot write there


@pytest.mark.parametrize("kind", ["a file", "below a file", "a folder in the page's place", "no disk"])
def test_a_folder_that_cannot_be_written_to_is_wrong_usage(tmp_path, kind):
    with pytest.raises(UsageError, match=r"choose another|is a folder"):
        report_folder(unwritable(tmp_path, kind))


def test_a_page_is_written_whole_or_not_at_all(tmp_path):
    old = report_run(report_folder(tmp_path / "report"), {}, {}).read_bytes()
    with pytest.raises(json.JSONDecodeError):
        write_report(tmp_path / "report", {"problems": []}, ["no JSON"])
    assert (tmp_path / "report" / "index.html").read_bytes() == old
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == ["index.html", "report.json"]


def test_a_page_that_cannot_be_written_is_one_error(tmp_path):
    folder = report_folder(tmp_path / "report")
    folder.rmdir()
    with pytest.raises(HarnessError, match="cannot be written"):
        report_run(folder, {}, {})


def test_the_data_has_the_views_and_the_problems(tmp_path):
    image, _ = moved(1e-3)
    views = {"a": view_of(tmp_path, make_measurement(image), baseline=make_measurement(image))}
    page = report_run(report_folder(tmp_path / "report"), views, {"bad.yaml": "no number"}, left_out=2)
    data = json.loads((page.parent / DATA).read_text())
    assert [case["judgement"]["verdict"] for case in data["cases"]] == ["identical"]
    assert data["run"]["problems"] == [{"where": "bad.yaml", "text": "no number"}]
    assert data["run"]["left_out"] == 2


def test_the_last_view_of_a_case_counts():
    gathered = RunFile(None, None)
    gathered.carried = "harness_view"
    for view in ("first", "last"):
        gathered.pytest_runtest_logreport(SimpleNamespace(nodeid="a", harness_view=view))
    assert gathered.cases == {"a": "last"}
