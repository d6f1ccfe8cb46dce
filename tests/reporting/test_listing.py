"""`harness list` on a real store: every state of a baseline, what is wrong, and orphans."""

import dataclasses
import io
from pathlib import Path

import pytest
from rich.console import Console
from samples import FINGERPRINT, make_baseline, make_calibration, make_case, make_measurement

from harness.baselines.store import BaselineStore
from harness.cases.case import Suite
from harness.cases.selection import Selection
from harness.operations.listing import list_cases
from harness.reporting.listing import show_listing

NPU = {**FINGERPRINT, "device": "Ascend", "soc": "Ascend910B4"}


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return BaselineStore(Path("baselines"))


def listed(store, *cases, width=80):
    """The lines of the listing; the suite has all ``cases``."""
    suite = Suite("guide", Path("suites/guide.yaml"), cases, 1, 1)
    file = io.StringIO()
    show_listing(Console(file=file, width=width), list_cases(Selection((suite,), cases), store), "baselines")
    return file.getvalue().splitlines()


def test_every_state_is_shown_and_told(store):
    cases = sound, _, damaged, _ = (
        make_case(id="sound"),
        make_case(id="stale"),
        make_case(id="damaged", seeds=(1, 2, 3), dtype="float16", mode="graph"),
        make_case(id="missing", checkpoint=None, pipeline="package.module:factory"),
    )
    store.write(make_baseline(sound))
    store.write(make_baseline(sound, make_measurement(fingerprint=NPU)))
    store.write(make_baseline(make_case(id="stale", steps=9)))
    store.write(make_baseline(damaged)).path.write_text("{")
    header, *lines = listed(store, *cases)
    assert (
        " ".join(header.split()) == "case pipeline checkpoint steps seeds dtype mode baseline across releases"
    )
    column = header.index("baseline")
    assert [line[column:] for line in lines[:4]] == [
        "ascend910b4: ok, cpu: ok  not calibrated, not calibrated",
        "cpu: stale                not calibrated",
        "cpu: damaged",
        "missing",
    ]
    assert lines[2].split()[:8] == [
        "guide/damaged", "ddim", "builtin:ddpm-digits", "2", "1", "2", "3", "float16",
    ]  # fmt: skip
    assert lines[3].split() == [
        "guide/missing",
        "package.module:factory",
        "2",
        "7",
        "float32",
        "pynative",
        "missing",
    ]
    assert lines[4].startswith("guide/stale: the case was edited since its baseline was recorded on ")
    assert "steps: 9 -> 2" in lines[4]
    assert lines[5].startswith("guide/damaged: baselines/guide/damaged/cpu.json: ")
    assert lines[6:] == ["4 cases: 1 ok, 1 missing, 1 stale, 1 damaged"]


def test_names_are_whole_on_a_narrow_console(store):
    long = make_case(id="a-case-whose-name-alone-is-longer-than-the-console-" + "x" * 40)
    assert f"guide/{long.id}" in listed(store, long, width=40)[1]


def test_orphans_of_these_suites_alone_are_told(store):
    store.write(make_baseline(make_case(id="gone")))
    store.write(make_baseline(make_case(suite="another")))
    *_, orphan, counts = lines = listed(store, make_case())
    assert orphan == (
        "orphan: baselines/guide/gone/cpu.json belongs to no case; remove it if its case is gone"
    )
    assert not any("another" in line for line in lines)
    assert counts == "1 case: 1 missing, 1 orphan"


def test_suites_that_are_in_no_given_folder_are_noted_and_fail_nothing(store):
    store.write(make_baseline())
    store.write(make_baseline(make_case(suite="another")))
    suite = Suite("guide", Path("suites/guide.yaml"), (make_case(),), 1, 1)
    for folders in (True, False):
        file = io.StringIO()
        listing = list_cases(Selection((suite,), suite.cases, folders), store)
        assert listing.sound
        show_listing(Console(file=file), listing, "baselines")
        note = "note: baselines of suites that were not given: another; remove them if the suite is gone"
        assert (note in file.getvalue().splitlines()) is folders


def test_markup_in_names_of_files_and_cases_is_shown_as_it_is(store):
    """A device is named by its file: whatever lies in the folder is listed, not obeyed."""
    case = make_case()
    path = store.write(make_baseline(case)).path
    path.rename(path.with_name("[red]:warning:.json"))
    path.with_suffix(".safetensors").rename(path.with_name("[red]:warning:.safetensors"))
    _, row, remark, _ = listed(store, case)
    assert row.endswith("[red]:warning:: damaged")
    assert "[red]:warning:.json" in remark


@pytest.mark.parametrize(
    ("fields", "calibration", "told"),
    [
        ({}, {}, "relative L2 ≤ 4e-07"),
        ({"tolerance": {"across_releases": {"calibrated": {"factor": 3}}}}, {}, "relative L2 ≤ 6e-07"),
        ({"tolerance": {"across_releases": {"relative_l2": 1e-3}}}, {}, "relative L2 ≤ 0.001"),
        ({"tolerance": {"across_releases": {"max_abs": 1e-3}}}, {}, "own limits"),
        ({"tolerance": {"across_releases": "exact"}}, {}, "same bits"),
        ({"strict": True}, {}, "not compared (strict)"),
        ({}, {"chaotic_from": 1}, "chaotic from step 1 on"),
    ],
)
def test_what_a_case_is_held_to_across_releases(store, fields, calibration, told):
    case = make_case(**fields)
    store.write(dataclasses.replace(make_baseline(case), calibration=make_calibration(**calibration)))
    header, line, counts = listed(store, case)
    assert counts == "1 case: 1 ok"
    assert line[header.index("across releases") :] == told


def is_sound(store, *cases):
    suite = Suite("guide", Path("suites/guide.yaml"), cases, 1, 1)
    return list_cases(Selection((suite,), cases), store).sound


def test_all_is_sound_only_where_every_case_has_baselines_and_every_baseline_a_case(store):
    sound, other = make_case(id="sound"), make_case(id="other")
    store.write(make_baseline(sound))
    assert is_sound(store, sound)
    assert not is_sound(store, sound, other)
    assert not is_sound(store, make_case(id="sound", steps=9))
    path = store.write(make_baseline(other)).path
    assert is_sound(store, sound, other)
    assert not is_sound(store, sound)
    path.write_text("{")
    assert not is_sound(store, sound, other)
