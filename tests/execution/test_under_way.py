"""How far a run is, and how long runs took: a cache that may be damaged, and that many processes share."""

import json
import threading
from dataclasses import replace

import pytest
from samples import make_job

from harness.execution.under_way import Times, UnderWay
from harness.reporting.under_way import duration_text, under_way_text


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "harness" / "times.json"


def kept(job, seconds, device="CPU"):
    times = Times(device)
    times.took(job, seconds)
    times.save()


def test_a_time_is_that_of_what_is_computed(file):
    job = make_job(steps=3)
    kept(job, 2.5)
    found = Times("CPU")
    assert found.expected(job) == 2.5
    # Neither its name, its seed nor its noise makes a run longer.
    assert found.expected(replace(job.member(7), name="x/y", seeds=(9,), timeout=3.0, isolate=True)) == 2.5
    for other in (replace(job, steps=4), replace(job, seeds=(1, 2)), replace(job, mode="graph")):
        assert found.expected(other) is None
    assert Times("Ascend").expected(job) is None
    kept(job, 4)
    assert Times("CPU").expected(job) == 4.0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"a": "x"}',
        '{"a": NaN}',
        '{"a": -1}',
        '{"a": null}',
        "[" * 100_000,
        " " * (2 << 20),
    ],
    ids=range(10),
)
def test_a_damaged_file_is_ignored_and_replaced(file, text):
    file.parent.mkdir()
    file.write_text(text)
    job = make_job()
    assert Times("CPU").expected(job) is None
    kept(job, 1.0)
    assert Times("CPU").expected(job) == 1.0


def test_what_cannot_be_written_is_let_go(file, monkeypatch):
    file.parent.parent.joinpath("harness").write_text("not a folder")
    kept(make_job(), 1.0)
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    kept(make_job(), 1.0)
    assert Times("CPU").expected(make_job()) is None
    assert [each.name for each in file.parent.parent.iterdir()] == ["harness"]


def test_the_file_is_bounded_and_drops_the_oldest(file):
    times = Times("CPU")
    for steps in range(1, 2_101):
        times.took(make_job(steps=steps), steps)
    times.save()
    assert len(json.loads(file.read_text())) == 2_000
    found = Times("CPU")
    assert found.expected(make_job(steps=100)) is None
    assert found.expected(make_job(steps=101)) == 101.0


def test_several_at_once_leave_a_whole_file_and_no_other(file):
    def write(number):
        for round_ in range(20):
            kept(make_job(steps=1 + number * 20 + round_), 1.0)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for each in threads:
        each.start()
    while any(each.is_alive() for each in threads):
        if file.exists():
            assert set(json.loads(file.read_text()).values()) == {1.0}
    assert [each.name for each in file.parent.iterdir()] == ["times.json"]


@pytest.mark.parametrize(
    ("steps", "done", "seconds", "expected", "text"),
    [
        (50, None, 3.0, None, "3 s"),
        (50, 0, 3.0, 20.0, "3 s, about 17 s left"),
        (50, 7, 12.0, 32.0, "step 7 of 50, 12 s, about 20 s left"),
        # Longer than last time: by its steps.
        (50, 10, 30.0, 20.0, "step 10 of 50, 30 s, about 2 min left"),
        # More steps than it was said to have.
        (50, 60, 30.0, 20.0, "step 60 of 50, 30 s"),
        (None, 7, 12.0, None, "step 7, 12 s"),
        (None, 7, 12.0, 13.0, "step 7, 12 s, about 1 s left"),
    ],
)
def test_how_far_it_is_in_words(steps, done, seconds, expected, text):
    assert under_way_text(UnderWay("a/b", steps, done, seconds, expected)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "1 s"),
        (89.4, "89 s"),
        (90, "2 min"),
        (5369, "89 min"),
        (5399, "1 h 30 min"),
        (3900 + 3600, "2 h 5 min"),
    ],
)
def test_durations(seconds, text):
    assert duration_text(seconds) == text
