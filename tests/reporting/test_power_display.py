"""`harness power` in the terminal: every figure of the record, and what is wrong in words."""

import io

import pytest
from rich.console import Console

from harness.faults.catalogue import FAULTS, fault
from harness.judgement.power.case_power import CasePower, FaultPower, PowerReport
from harness.judgement.reasons import CatchesNoFault, Failed
from harness.reporting.commands import Invocation
from harness.reporting.power import PowerDisplay, show_power, smallest_text, summary_text, tolerance_text


def power(name, outcome="caught", **fields):
    known = fault(name)
    return FaultPower(known.name, known.family, known.reference, known.unit, outcome, **fields)


CALIBRATED = {"kind": "calibrated", "factor": 2.0, "members": 10}
CAUGHT = power(
    "beta-end",
    by="max_abs",
    margin=12.5,
    numbers_alone=True,
    caught_from=1e-3,
    missed_at=9e-4,
    numbers_from=True,
)
BY_LEDGER = power("extra-draw", by="ledger", margin=0.5)
MISSED = power("norm-eps", "missed", margin=0.25, caught_from=40.0, missed_at=36.0, numbers_from=True)
ABSENT = power("variance-type", "not applicable", why=Failed("other", "only DDPM has it"))
FAILED = power("softmax-half", "failed", why=Failed("other", "its worker died"))


def case(*faults, name="ten-steps", **fields):
    fields = {"tolerance": CALIBRATED, "vacuous": False, **fields}
    return CasePower("ddim", name, device="cpu", faults=faults, **fields)


def printed(*cases, width=200):
    file = io.StringIO()
    console = Console(file=file, width=width)
    display = PowerDisplay(console, Invocation())
    display.begin("examining", 5 * len(cases))
    for each in cases:
        display.started(each.name)
        display.advanced(2)
        display.finished(each)
    display.end()
    show_power(console, PowerReport.of(cases, FAULTS, quick=False))
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_a_case_is_a_table_with_a_row_per_fault():
    lines = printed(case(CAUGHT, BY_LEDGER, MISSED))
    assert lines[0] == "ddim/ten-steps  across releases: calibrated, 2 x 10 members"
    cells = [line.split() for line in lines[2:5]]
    assert cells == [
        ["beta-end", "scheduler", "0.01", "caught", "max_abs", "12.5", "yes", "0.001"],
        ["extra-draw", "noise", "caught", "ledger", "0.5", "no"],
        ["norm-eps", "model", "9", "missed", "0.25", "40"],
    ]
    # Aligned: every row has its outcome in one column.
    assert (
        len({min(line.find(word) for word in ("caught", "missed") if word in line) for line in lines[2:5]})
        == 1
    )


def test_the_width_of_the_console_cuts_nothing():
    assert printed(case(CAUGHT, MISSED), width=30) == printed(case(CAUGHT, MISSED), width=200)


def test_what_is_not_applicable_is_named_and_not_counted():
    lines = printed(case(CAUGHT, ABSENT))
    assert "  not applicable: variance-type (only DDPM has it)" in lines
    assert "  1 of 1 caught (scheduler 1/1)" in lines


def test_faults_that_are_not_applicable_for_one_reason_are_named_together():
    no_model = [
        power(name, "not applicable", why=Failed("other", "it has no unet"))
        for name in ("norm-eps", "layer-half")
    ]
    lines = printed(case(CAUGHT, ABSENT, *no_model))
    assert "  not applicable: variance-type (only DDPM has it)" in lines
    assert "  not applicable: norm-eps, layer-half (it has no unet)" in lines


def test_what_is_wrong_is_said_in_words():
    vacuous = case(MISSED, vacuous=True, why_vacuous=CatchesNoFault(2, None), name="loose")
    refused = CasePower("ddim", "old", refusal=Failed("other", "is not calibrated: run harness calibrate"))
    lines = printed(case(CAUGHT, FAILED), vacuous, refused)
    assert "failed  ddim/ten-steps: softmax-half: its worker died" in lines
    assert "blind  ddim/loose: every fault of the model is missed" in lines
    assert (
        "vacuous  ddim/loose: by its figures it catches none of 2 faults put into what the pipeline computes"
        in lines
    )
    assert "not examined  ddim/old: is not calibrated: run harness calibrate" in lines
    assert "uncaught  norm-eps: no case catches it at its reference size" in lines
    assert lines[-1] == "2 examined, 1 vacuous, 1 with faults that failed, 1 not examined"


def test_nothing_wrong_is_one_short_line():
    assert printed(case(CAUGHT))[-2:] == ["  1 of 1 caught (scheduler 1/1)", "1 examined"]


def test_summary():
    found = case(CAUGHT, BY_LEDGER, MISSED, ABSENT, FAILED)
    assert summary_text(found) == "2 of 3 caught (noise 1/1, scheduler 1/1, model 0/1); missed: norm-eps"
    assert summary_text(case(ABSENT)) == "0 of 0 caught"


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, ""),
        ({"caught_from": 1.2345e-6, "missed_at": 1e-6, "numbers_from": True}, "1.23e-06"),
        ({"caught_from": 1e-8, "numbers_from": True}, "≤ 1e-08"),
        ({"caught_from": 1e-8, "by": "ledger", "numbers_alone": True}, "≤ 1e-08 (not by numbers)"),
        ({"missed_at": 1.0}, "none up to 1"),
    ],
)
def test_smallest_size(fields, text):
    assert smallest_text(power("beta-end", **fields)) == text


def test_the_tolerance_in_words():
    assert tolerance_text(case(tolerance={"kind": "limits", "limits": {"max_abs": 1e-4}})) == (
        "across releases: explicit limits"
    )
    assert tolerance_text(case(tolerance={"kind": "exact"})) == "across releases: exact"
