"""What `harness calibrate` shows: a row for every case, what was found, what was refused, and the count."""

import io
from pathlib import Path

import pytest
from rich.console import Console
from samples import make_baseline, make_calibration, make_case

from harness.baselines.baseline import Written
from harness.baselines.calibration import StepEnvelope
from harness.errors import HarnessError
from harness.judgement.calibration.findings import findings
from harness.operations.calibrate import CalibratedCase, Calibrations
from harness.operations.members import KeptMembers
from harness.operations.proposal import Refusal
from harness.reporting.commands import Invocation
from harness.reporting.recording import RecordingDisplay, growth, show_calibrations

GROWING = (StepEnvelope(0, {"mean": 0.0}, 5e-7, 1e-6), StepEnvelope(1, {"mean": 0.0}, 0.2, 0.4))


def result(case=None, state="replaced", first=False, **fields):
    case = case or make_case()
    baseline, calibration = make_baseline(case), make_calibration(**fields)
    written = Written(Path("x.json"), state)
    found, kept = findings(case, baseline, calibration), KeptMembers(Path("absent"), baseline)
    return CalibratedCase(case, calibration, written, kept, first, found)


def show(*results, width=160):
    """Return what is printed of results and of (case, error) pairs of refusals, and how many failed."""
    console = Console(file=io.StringIO(), width=width)
    results = tuple(
        each if isinstance(each, CalibratedCase) else Refusal(each[0], each[1]) for each in results
    )
    display, found = RecordingDisplay(console, Invocation()), Calibrations(results)
    display.begin("calibrating", 10 * len(results))
    for each in results:
        display.started(each.case.name)
        display.finished(each)
    display.end()
    show_calibrations(console, found)
    assert found.passed is not bool(found.failed)
    return console.file.getvalue(), found.failed


def test_a_row_has_the_envelope_the_limit_and_the_growth_curve():
    printed, failed = show(result(factor=3.0))
    row = next(line for line in printed.splitlines() if line.startswith("guide/two-steps"))
    assert " ".join(row.split()) == "guide/two-steps 10 3 2e-07 6e-07 1.5e-07 → 3e-07 not needed changed"
    assert "envelope" in printed
    assert printed.splitlines()[-1] == "1 calibrated"
    assert failed == 0


def test_a_case_that_did_not_change_says_so():
    assert "unchanged" in show(result(state="unchanged"))[0]


def test_a_first_calibration_is_new():
    header, row, _ = show(result(first=True))[0].splitlines()
    assert header.endswith("  calibration")
    assert row.endswith("  new")


def test_chaos_has_no_limit_and_fails():
    printed, failed = show(result(steps=GROWING, chaotic_from=1))
    row = next(line for line in printed.splitlines() if line.startswith("guide/two-steps"))
    assert "none" in row
    assert "chaotic" in row
    assert "changed" not in row
    assert "failed  guide/two-steps: chaotic from step 1 on" in printed
    assert printed.splitlines()[-1] == "1 calibrated, 1 failed"
    assert failed == 1


def test_chaos_of_a_strict_case_is_a_note():
    printed, failed = show(result(make_case(strict=True), steps=GROWING, chaotic_from=1))
    assert "chaotic" in next(line for line in printed.splitlines() if line.startswith("guide/two-steps"))
    assert "note  guide/two-steps: chaotic from step 1 on" in printed
    assert failed == 0


def test_notes_come_under_the_table_and_fail_nothing():
    printed, failed = show(result(modes=(6, 5), saturated=0.75))
    assert printed.index("changed") < printed.index("note  guide/two-steps: 2 modes")
    assert "note  guide/two-steps: 75% of the output" in printed
    assert failed == 0


@pytest.mark.parametrize("about", [("guide/two-steps",), ()])
def test_a_refusal_names_its_case_once(about):
    error = HarnessError("no such thing", about=about)
    printed, failed = show((make_case(), error), result(make_case(id="other")))
    assert "refused  guide/two-steps: no such thing" in printed
    assert printed.count("guide/two-steps") == 1
    assert printed.splitlines()[-1] == "1 calibrated, 1 failed"
    assert failed == 1


def test_nothing_but_refusals_has_no_table():
    printed, failed = show(
        (make_case(), HarnessError("no such thing")), (make_case(id="other"), HarnessError("nor this"))
    )
    assert "envelope" not in printed
    assert printed.splitlines()[-1] == "0 calibrated, 2 failed"
    assert failed == 2


def test_square_brackets_of_a_message_are_no_markup():
    assert "shape [1, 3], [bold]x" in show((make_case(), HarnessError("shape [1, 3], [bold]x")))[0]


@pytest.mark.parametrize(
    ("largest", "shown"),
    [
        ([], ""),
        ([1e-7], "1e-07"),
        ([1e-7, 2e-7], "1e-07 → 2e-07"),
        ([1e-7, 2e-7, 3e-7], "1e-07 → 2e-07 → 3e-07"),
        ([1e-7, 5e-1, 2e-7, 5e-1, 3e-7], "1e-07 → 2e-07 → 3e-07"),
    ],
)
def test_the_growth_curve_is_shown_by_its_ends_and_its_middle(largest, shown):
    steps = tuple(StepEnvelope(index, {}, 0.0, value) for index, value in enumerate(largest))
    assert growth(make_calibration(steps=steps)) == shown
