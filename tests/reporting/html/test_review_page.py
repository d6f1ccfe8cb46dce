"""What waits to be accepted, in the terminal and as a contact sheet: what changed, and the pictures of it."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from parsed import Parsed
from PIL import Image
from rich.console import Console
from samples import FINGERPRINT, make_baseline, make_case, make_measurement
from views import HOSTILE
from waiting import Place

from harness.baselines.candidates import Candidate, Kept
from harness.baselines.origin import Origin
from harness.errors import FailureCause
from harness.operations.review import look
from harness.reporting.html.pictures import picture_set, side_by_side, worst_item
from harness.reporting.html.review_page import write_review_page
from harness.reporting.review import show_pending, show_waiting


@pytest.fixture
def place(tmp_path):
    """One case that drifted far and was edited, one that moved a little elsewhere, one that is new."""
    made = Place(tmp_path)
    one, two, three = made.cases
    made.record(replace(one, steps=3))
    made.keep(one, 0.5)
    made.record(two)
    image = make_measurement().output
    image = image + np.float32(1e-6) * (image < 0.4)
    made.keep(
        two, runs=1, measured=make_measurement(image, fingerprint={**FINGERPRINT, "mindspore": "2.9.0"})
    )
    made.keep(three)
    return made


def shown(place, **console):
    file = io.StringIO()
    out = Console(file=file, width=200, **console)
    found = place.pending()
    show_waiting(out, found)
    for each in found:
        show_pending(out, each, look(each, place.store, place.candidates))
    return file.getvalue()


def page_of(place, path):
    return write_review_page(path, place.pending(), lambda each: look(each, place.store, place.candidates))


def test_the_terminal_says_what_waits_worst_first_and_why(place):
    text = shown(place)
    table = text.splitlines()
    assert [line.split()[0] for line in table[1:4]] == ["guide/one", "guide/two", "guide/three"]
    assert "drift" in table[1]
    assert "steps: 3 -> 2" in table[1]
    assert "only one run has these bits" in table[2]
    assert "3 candidates to review" in text
    one, two, three = text.partition("to review")[2].split("guide/")[1:]
    stored = place.store.load("guide", "one", "cpu")
    new = make_measurement(make_measurement().output * 0.5)
    for told in ("steps  3         2", repr(stored.measurement.statistics["abs_sum"]), "the same as that of"):
        assert told in one
    assert repr(new.statistics["abs_sum"]) in one
    assert f"replaces  {place.store.sha256(place.pending()[0].key)}" in one
    assert "first cause: environment: the environment differs: mindspore" in two
    assert "mindspore  2.10.0    2.9.0" in two
    assert "1 run\n" in two
    assert three.startswith("three  cpu: new")
    assert "a processor" in three
    assert "▀" not in text


def test_a_terminal_with_colours_shows_old_new_and_difference(place):
    text = shown(place, force_terminal=True, color_system="truecolor")
    assert "baseline | new | difference \u00d7 2" in text
    rows = [line.count("▀") for line in text.splitlines() if "▀" in line]
    # The new case has one picture, the others three.
    assert sorted(set(rows)) == [24, 72]


def test_an_origin_in_ci_is_told(place):
    one = place.cases[0]
    ci = Origin("owner/name", "https://example.org/runs/7", "d" * 40)
    baseline = make_baseline(one)
    kept = Kept(
        replace(baseline.provenance, origin=ci), 2, "drift", place.store.sha256(place.pending()[0].key)
    )
    place.candidates.keep(Candidate(baseline, kept))
    assert f"owner/name, commit {'d' * 40}: https://example.org/runs/7" in shown(place)


def test_the_difference_is_amplified_until_its_largest_is_white():
    old = np.zeros((2, 4, 4, 4), np.float32)
    old[0, 0, 0] = 1.0
    new = old.copy()
    new[1, 2, 1] += np.float32([0.25, 0.125, 0.0, 0.0])
    found = picture_set(new, old, pixels=1000)
    item = worst_item(found)
    assert item["image"] == 1
    sides = side_by_side(found, item)
    assert list(sides) == ["baseline", "new", "difference \u00d7 4"]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(sides["difference \u00d7 4"]))))
    assert pixels.shape == (4, 4, 3)
    assert abs(int(pixels[2, 1, 1]) - 128) < 4  # on the scale's steps of 5.6 %
    assert pixels[2, 1, 0] == 255
    assert np.count_nonzero(pixels) == 2
    assert list(side_by_side(found, found["items"][0])) == ["baseline", "new"]


def test_the_page_names_all_and_has_their_pictures(place, tmp_path):
    parsed = Parsed(page_of(place, tmp_path / "page").read_text())
    assert "3 candidates to review: 1 drift, 1 incomparable, 1 new" in parsed.text
    for told in ("guide/one cpu", "steps: 3 -> 2", "environment differs: mindspore", "2.9.0", "only one run"):
        assert told in parsed.text
    files = [attributes["src"] for tag, attributes in parsed.elements if tag == "img"]
    assert len(files) == 3 + 3 + 1
    assert all((tmp_path / "page" / name).is_file() for name in files)


def test_what_cannot_be_read_or_has_no_case_is_on_the_page_without_a_picture(place, tmp_path):
    path = place.candidates.path(place.pending()[0].key)
    path.write_bytes(path.read_bytes()[:-1])
    place.keep(make_case(id="gone"))
    failing = replace(place.cases[2], fails=FailureCause.NOT_REPEATABLE)
    found = place.pending(*place.cases[:2], failing, folders=True)
    page = write_review_page(tmp_path / "page", found, lambda each: look(each, place.store, place.candidates))
    parsed = Parsed(page.read_text())
    assert parsed.text.count("no picture") == 3
    assert "the case is expected to fail" in parsed.text
    assert "not a candidate as harness writes them" in parsed.text
    assert "no case has that name" in parsed.text
    show_pending(Console(file=io.StringIO()), found[0], None)


def test_an_output_of_another_shape_is_named_before_any_cause(tmp_path):
    place = Place(tmp_path)
    place.record(place.cases[0])
    place.keep(place.cases[0], measured=make_measurement(np.ones((1, 8, 4, 3), np.float32)))
    parsed = Parsed(page_of(place, tmp_path / "page").read_text())
    card = parsed.text.partition("why it waits")[0]
    assert "relative L2: not comparable" in card
    assert "shape" in card
    assert "inf" not in shown(place)
    assert len([tag for tag, _ in parsed.elements if tag == "img"]) == 2


def test_no_text_of_a_candidate_is_markup(tmp_path):
    def parsed(text):
        place = Place(tmp_path / text[:2].strip("<"))
        case = make_case(id="one", arguments={"prompt": text})
        place.record(replace(case, arguments={"prompt": f"{text} "}))
        place.keep(case, 0.5, measured=make_measurement(fingerprint={**FINGERPRINT, "cpu_model": text}))
        place.cases = [case]
        return Parsed(page_of(place, tmp_path / "page").read_text())

    hostile, plain = parsed(HOSTILE), parsed("plain")
    assert [tag for tag, _ in hostile.elements] == [tag for tag, _ in plain.elements]
    assert HOSTILE.split()[0] in hostile.text


@pytest.mark.browser
def test_a_page_of_many_fits_every_screen_and_opens_with_a_click(tmp_path, browser):
    place = Place(tmp_path)
    place.cases = [make_case(id=f"case-{number}-{'long-' * 12}") for number in range(40)]
    for number, case in enumerate(place.cases):
        place.record(case, 0.9 - number / 50)
        place.keep(case, 1.0 - number / 50)
    page = page_of(place, tmp_path / "page")
    for width, dark in ((1280, True), (360, False)):
        browser.view(width, 740, dark=dark)
        browser.open(page)
        loaded = "[...document.images].filter(each => each.naturalWidth).length"
        assert 0 < browser.run(loaded) < 120
        browser.click(".card:nth-child(2) > summary")
        assert browser.run("document.querySelectorAll('.card[open]').length") == 1
        assert "relative_l2" in browser.run("document.querySelector('.card[open]').textContent")
        assert browser.run("document.documentElement.scrollWidth") == width
