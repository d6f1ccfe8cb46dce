"""`harness show`: a stored baseline in the terminal and on a page, and what is said where there is none."""

import io
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from parsed import Parsed
from rich.console import Console
from samples import make_baseline, make_calibration, make_case, make_measurement
from views import HOSTILE

from harness.baselines.baseline import baseline_sha256
from harness.baselines.store import BaselineStore
from harness.faults.catalogue import fault
from harness.gate.power_table import read_powers
from harness.judgement.power.case_power import CasePower, FaultPower, PowerReport
from harness.judgement.power.detection import tolerance_used
from harness.operations.proposal import Refusal
from harness.operations.show import how_many, show
from harness.reporting.commands import Invocation
from harness.reporting.html.stored_page import write_stored_page
from harness.reporting.stored import show_stored

CASE = make_case(tolerance={"across_releases": "calibrated"})


@pytest.fixture
def store(tmp_path):
    return BaselineStore(tmp_path / "baselines")


def keep(store, case=CASE, output=None, **fields):
    stored = make_baseline(case, make_measurement(output), **fields)
    store.write(replace(stored, calibration=make_calibration()))
    return store.load(case.suite, case.id, "cpu")


def shown(found, **console):
    file = io.StringIO()
    return [show_stored(Console(file=file, width=200, **console), each, Invocation()) for each in found], (
        file.getvalue()
    )


def text_of(store, case=CASE, device=None, powers=None):
    return shown(show([case], store, device, powers))[1]


def test_everything_that_is_stored_is_shown(store):
    baseline = keep(store, reason="because of rounding")
    text = text_of(store)
    told = [
        "guide/two-steps  cpu: ok",
        "because of rounding",
        baseline.provenance.date,
        "c" * 40,
        baseline_sha256(baseline),
        "float32 [1, 8, 8, 3]",
        'pipeline       "ddim"',
        repr(baseline.measurement.statistics["abs_sum"]),
        "relative L2 ≤ 4e-07",
        "10 members, factor 2,",
        "relative_l2  2e-07     ≤ 4e-07",
        repr(baseline.measurement.trace[1].statistics["abs_sum"]),
        "1e-07            1.5e-07",
        "a processor",
        "ab" * 32,
        "no power table was given",
    ]
    assert [each for each in told if each not in text] == []


def test_of_many_steps_the_terminal_shows_the_first_the_last_and_some_between(store):
    store.write(make_baseline(CASE, make_measurement(timesteps=tuple(range(99, -1, -1)))))
    text = text_of(store)
    steps = [line.split()[0] for line in text.partition("latents")[2].splitlines()[2:14]]
    assert (steps[0], steps[-1], len(set(steps))) == ("0", "99", 12)
    assert "12 of 100; --html shows all" in text


def test_an_edited_case_says_what_changed(store):
    keep(store)
    text = text_of(store, replace(CASE, steps=3))
    assert "cpu: stale" in text
    assert "steps: 2 -> 3" in text
    assert "harness record" in text


def test_what_cannot_be_shown_says_what_to_type(store):
    assert "missing  no baseline of guide/two-steps is stored" in text_of(store)
    assert "harness record suites/guide.yaml::two-steps" in text_of(store)
    keep(store)
    assert "only for cpu" in text_of(store, device="ascend910b")
    path = store.path(CASE.suite, CASE.id, "cpu")
    path.with_suffix(".safetensors").write_bytes(b"nothing")
    assert text_of(store).startswith("damaged  ")
    assert shown(show([CASE], store))[0] == [False]


def table(tmp_path, baseline, **fields):
    known = fault("beta-end")
    caught = FaultPower(
        known.name, known.family, 1.0, "", "caught", by="max_abs", caught_from=0.25, missed_at=0.2
    )
    examined = CasePower(
        CASE.suite, CASE.id, device="cpu", case_hash=CASE.hash(), baseline_sha256=baseline_sha256(baseline),
        tolerance=tolerance_used(CASE, baseline), faults=(caught,), **fields,
    )  # fmt: skip
    file = tmp_path / "power.json"
    file.write_text(PowerReport.of([examined], [known], quick=False).text())
    return read_powers(file)


def test_power_is_shown_as_far_as_it_still_holds(store, tmp_path):
    baseline = keep(store)
    powers = table(tmp_path, baseline)
    text = text_of(store, powers=powers)
    assert "too few faults for a conclusion" in text
    assert "1 of 1 caught" in text
    assert "0.25" in text
    store.write(replace(baseline, calibration=make_calibration(factor=3.0)))
    text = text_of(store, powers=powers)
    assert "its baseline and its tolerance changed since the power table was made" in text
    assert "caught" not in text


def test_a_terminal_with_colours_shows_a_picture_and_nothing_else_does(store):
    keep(store)
    colours = {"force_terminal": True, "color_system": "truecolor"}
    _, text = shown(show([CASE], store), **colours)
    # As wide as is allowed, and two pixels to a character.
    assert [text.splitlines()[line].count("▀") for line in (0, 1, 12, 13)] == [0, 24, 24, 0]
    assert "\x1b[38;2;" in text
    for plain in ({}, {"no_color": True, **colours}, {**colours, "color_system": "standard"}):
        assert "▀" not in shown(show([CASE], store), **plain)[1]


def page_of(store, place, cases=(CASE,)):
    path, _ = write_stored_page(place, show(cases, store), len(cases), Invocation())
    return path


def test_no_text_of_a_baseline_is_markup(store, tmp_path):
    def parsed(text):
        case = replace(CASE, arguments={"prompt": text})
        store.remove(case.suite, case.id, "cpu")
        store.write(make_baseline(case, make_measurement(), reason=text))
        return Parsed(page_of(store, tmp_path / "index.html", [case]).read_text())

    hostile, plain = parsed(HOSTILE), parsed("plain")
    assert [tag for tag, _ in hostile.elements] == [tag for tag, _ in plain.elements]
    assert HOSTILE.split()[0] in hostile.text
    for tag, attributes in hostile.elements:
        assert tag not in ("script", "iframe", "object")
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        assert attributes.get("src", "data:").startswith("data:image/png;base64,") or tag != "img"


def test_a_page_of_a_thousand_stays_small_because_its_pictures_do(store, tmp_path):
    keep(store, output=np.random.default_rng(1).random((1, 256, 256, 3)).astype(np.float32))
    few = [next(show([CASE], store))] * 10
    path, _ = write_stored_page(tmp_path / "index.html", few, 1000, Invocation())
    assert path.stat().st_size * 100 < 20e6
    # In a folder, the page is small whatever its pictures are, and equal pictures are one file.
    path, _ = write_stored_page(tmp_path / "page", few, 1000, Invocation())
    assert path.stat().st_size * 100 < 20e6
    pictures = tmp_path / "page" / "pictures"
    (first,) = pictures.iterdir()
    # Those of the page before are removed, and nothing else.
    (pictures / "mine.png").touch()
    keep(store, replace(CASE, id="other"))
    page_of(store, tmp_path / "page", [replace(CASE, id="other")])
    assert len(list(pictures.iterdir())) == 2
    assert not first.exists()
    assert (pictures / "mine.png").exists()


@pytest.mark.browser
@pytest.mark.parametrize("place", ["page", "one/index.html"])
def test_the_page_fits_every_screen_and_loads_what_is_looked_at(store, tmp_path, browser, place):
    (tmp_path / "one").mkdir()
    cases = [replace(CASE, id=f"case-{number}-{'long-' * 12}") for number in range(60)]
    for number, case in enumerate(cases):
        keep(store, case, np.full((2, 8, 8, 3), number / 60, np.float32))
    page = page_of(store, tmp_path / place, cases)
    colours = set()
    for width, dark in ((1280, False), (360, False), (360, True)):
        browser.view(width, 740, dark=dark)
        browser.open(page)
        pictures = "[...document.querySelectorAll('summary .picture')]"
        assert browser.run(f"{pictures}.length") == 60
        assert browser.run(f"{pictures}[0].naturalWidth") == 8
        assert browser.run(f"{pictures}.filter(each => each.naturalWidth).length") < 60
        browser.run("document.querySelectorAll('.card > summary').forEach(each => each.click())")
        browser.settle()
        assert browser.run("document.querySelectorAll('.card[open]').length") == 60
        assert browser.run("document.documentElement.scrollWidth") == width
        colours.add(browser.run("getComputedStyle(document.documentElement).backgroundColor"))
    assert len(colours) == 2


def command(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "harness", "show", *arguments], cwd=folder, capture_output=True, text=True
    )


def test_the_command_shows_writes_and_fails_cleanly(store, tmp_path):
    (tmp_path / "suites").mkdir()
    entry = {
        "id": "two-steps",
        "pipeline": "ddim",
        "checkpoint": "builtin:ddpm-digits",
        "seed": 7,
        "steps": 2,
    }
    suite = {"suite": "guide", "cases": [{**entry, "arguments": {"eta": 0.0}}, {**entry, "id": "absent"}]}
    (tmp_path / "suites" / "guide.yaml").write_text(json.dumps(suite))
    keep(store)
    done = command(tmp_path, "suites/guide.yaml::two-steps")
    assert (done.returncode, done.stderr) == (0, "")
    assert "guide/two-steps  cpu: ok" in done.stdout
    done = command(tmp_path, "suites", "--html", "page")
    assert (done.returncode, done.stdout, done.stderr) == (1, "page: page/index.html\n", "")
    assert "2 baselines: 1 ok, 1 missing" in (tmp_path / "page" / "index.html").read_text()
    (tmp_path / "file").touch()
    done = command(tmp_path, "suites", "--html", "file")
    assert done.returncode == 4
    assert done.stderr == "file: no page can be written there: Not a directory\n"


def test_one_baseline_at_a_time_is_in_memory(store):
    keep(store)
    found = show([replace(CASE, id="absent"), CASE], store)
    assert isinstance(next(found), Refusal)
    store.remove(CASE.suite, CASE.id, "cpu")
    assert isinstance(next(found), Refusal)


def test_figures_that_harness_never_wrote_are_damage_and_no_traceback(store):
    sound = keep(store)
    lacking = {"quantile": 1.0}
    forged = [
        replace(sound, measurement=replace(sound.measurement, statistics=lacking)),
        replace(sound, calibration=replace(sound.calibration, metrics={})),
        replace(sound, calibration=replace(sound.calibration, chaotic_from=2**70)),
        replace(sound, calibration=replace(sound.calibration, metrics={"relative_l2": -1.0})),
    ]
    for baseline in forged:
        store.write(baseline)
        text = text_of(store)
        assert text.startswith("damaged  ")
        assert "its figures are not those of a baseline" in text
        assert "harness record" in text
    trace = tuple(replace(record, statistics={}) for record in sound.measurement.trace)
    store.write(replace(sound, measurement=replace(sound.measurement, trace=trace), calibration=None))
    assert "latents\n  step  timestep\n  0     500\n" in text_of(store)


def test_only_the_only_card_is_open(store, tmp_path):
    baseline = keep(store)
    assert '<details class="card" open>' in page_of(store, tmp_path / "a.html").read_text()
    other = {**baseline.measurement.fingerprint, "device": "Ascend", "soc": "Ascend910B"}
    elsewhere = replace(baseline.measurement, fingerprint=other)
    store.write(replace(baseline, device="ascend910b", measurement=elsewhere))
    assert how_many([CASE], store) == 2
    assert how_many([CASE], store, "cpu") == how_many([replace(CASE, id="absent")], store) == 1
    path, _ = write_stored_page(
        tmp_path / "b.html", show([CASE], store), how_many([CASE], store), Invocation()
    )
    assert " open>" not in path.read_text()


def test_a_long_value_of_the_definition_is_cut(store):
    case = replace(CASE, arguments={"prompt": "a" * 5000})
    store.write(make_baseline(case, make_measurement()))
    text = text_of(store, case)
    assert f'arguments.prompt  "{"a" * 999}… (5,002 characters)' in text
