"""`harness review`: in a terminal it asks about each candidate; elsewhere it shows them, or writes a page."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest
from samples import make_case, make_measurement
from waiting import Place

IDS = ("one", "two", "three", "four")


@pytest.fixture
def place(tmp_path):
    """Four cases in two suites: three that drifted, the first furthest, and one that is new."""
    made = Place(tmp_path)
    made.cases = [make_case(id=name, suite="guide" if name != "two" else "other") for name in IDS]
    for suite in ("guide", "other"):
        entries = [
            {"id": case.id, "pipeline": "ddim", "checkpoint": case.checkpoint, "seed": 7, "steps": 2}
            | {"arguments": {"eta": 0.0}}
            for case in made.cases
            if case.suite == suite
        ]
        (tmp_path / "suites").mkdir(exist_ok=True)
        (tmp_path / "suites" / f"{suite}.yaml").write_text(json.dumps({"suite": suite, "cases": entries}))
    for scale, case in zip((0.5, 0.6, 0.7), made.cases, strict=False):
        made.record(case)
        made.keep(case, scale)
    made.keep(made.cases[3])
    return made


def command(tmp_path, *arguments):
    return [sys.executable, "-m", "harness", "review", *arguments], {"cwd": tmp_path}


def in_terminal(tmp_path, typed, *arguments, **environment):
    """Type into a terminal of its own, and return the exit code and what it shows."""
    line, where = command(tmp_path, *arguments)
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        line,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "COLUMNS": "200", **environment},
        **where,
    ) as running:
        os.close(theirs)
        os.write(ours, typed.encode())
        shown = b""
        try:
            while data := os.read(ours, 1 << 16):
                shown += data
        except OSError:  # The other side has closed.
            pass
        os.close(ours)
    return running.returncode, shown.decode().replace("\r\n", "\n")


def waiting(place):
    return [key.case_id for key in place.candidates.stored()]


def stored(place, number):
    case = place.cases[number]
    return place.store.load(case.suite, case.id, "cpu")


def test_answers_in_a_terminal_take_effect(place, tmp_path):
    before = stored(place, 1).measurement.bits
    code, shown = in_terminal(
        tmp_path, "x\ny\nn\ns\na\nbecause it is better\n",
        TERM="xterm-256color", COLORTERM="truecolor",
    )  # fmt: skip
    assert code == 0, shown
    assert "Please select one of the available options" in shown
    assert "Why do these baselines change?" in shown
    assert "2 accepted, 0 refused" in shown
    assert "1 rejected" in shown
    assert "\x1b[38;2;" in shown
    assert "▀" in shown
    # One was accepted, two rejected, three skipped, and four is new.
    assert waiting(place) == ["three"]
    assert stored(place, 0).provenance.reason == "because it is better"
    assert stored(place, 0).measurement.bits == make_measurement(make_measurement().output * 0.5).bits
    assert stored(place, 1).measurement.bits == before
    assert stored(place, 3).measurement.bits == make_measurement().bits


def test_all_of_a_suite_are_accepted_by_one_answer_and_no_others(place, tmp_path):
    code, shown = in_terminal(tmp_path, "a\nq\nbetter\n", TERM="xterm", NO_COLOR="1")
    assert code == 0, shown
    # It is asked about the other suite's only, and that answer was to stop.
    assert shown.count("s skip, q stop here") == 2
    assert waiting(place) == ["two"]
    assert "▀" not in shown


def test_without_a_reason_or_an_answer_nothing_changes(place, tmp_path):
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    code, shown = in_terminal(tmp_path, "y\nq\n\n")
    assert (code, "say why with --reason" in shown) == (1, True), shown
    code, shown = in_terminal(tmp_path, "\x04")
    assert code == 0, shown
    assert "0 accepted, 0 refused" in shown
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_what_cannot_be_accepted_is_not_offered(place, tmp_path):
    path = place.candidates.path(place.candidates.stored()[0])
    path.write_bytes(b"nothing")
    code, shown = in_terminal(tmp_path, "y\nq\n")
    assert "[n/s/q]" in shown
    assert "Please select one of the available options" in shown
    assert code == 0, shown


def test_elsewhere_it_shows_everything_and_asks_nothing(place, tmp_path):
    line, where = command(tmp_path)
    done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, **where)
    assert (done.returncode, done.stderr) == (0, "")
    assert "4 candidates to review" in done.stdout
    assert done.stdout.count("origin\n") == 4
    line, where = command(tmp_path, "--html", "page")
    done = subprocess.run(line, capture_output=True, text=True, **where)
    assert (done.returncode, done.stdout, done.stderr) == (0, "page: page/index.html\n", "")
    assert waiting(place) == sorted(IDS, key=lambda name: (name == "two", name))
    line, where = command(tmp_path, "--candidates", "absent")
    assert subprocess.run(line, capture_output=True, **where).returncode == 4
