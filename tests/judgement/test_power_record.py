"""The record: what it concludes, and that its JSON holds all of it."""

import dataclasses
import json
import math

import pytest

from harness.faults.catalogue import FAULTS, fault
from harness.judgement.power.case_power import CasePower, FaultPower, PowerReport, vacuity
from harness.judgement.reasons import Failed, WithoutCalibration
from harness.reporting.reasons import text_of


def power(name, outcome="caught", **fields):
    known = fault(name)
    if outcome == "caught":
        fields = {"by": "max_abs", "margin": 20.0, "numbers_alone": True, **fields}
    return FaultPower(known.name, known.family, known.reference, known.unit, outcome, **fields)


def whole(caught=(), by_facts=(), absent=()):
    """The whole catalogue: missed but for what is named."""
    found = []
    for each in FAULTS:
        if each.name in by_facts:
            found.append(power(each.name, by="ledger", numbers_alone=False))
        elif each.name in absent:
            found.append(power(each.name, "not applicable", why=Failed("other", "it has none")))
        else:
            found.append(power(each.name, "caught" if each.name in caught else "missed"))
    return tuple(found)


NAMES = [each.name for each in FAULTS]
OUTPUT = [each.name for each in FAULTS if each.family == "output"]
COMPUTED = [name for name in NAMES if name not in OUTPUT]


def test_one_fault_in_the_computation_and_one_of_the_output_are_enough():
    assert vacuity(whole(["prediction-type", "patch"])).vacuous is False


@pytest.mark.parametrize(
    ("caught", "why"),
    [
        ([], f"{len(COMPUTED)} faults put into what the pipeline computes and none of {len(OUTPUT)} "),
        (OUTPUT, f"none of {len(COMPUTED)} faults put into what the pipeline computes"),
        (COMPUTED, f"none of {len(OUTPUT)} faults put into its output"),
    ],
)
def test_a_case_that_sees_nothing_of_one_group_is_vacuous(caught, why):
    found = vacuity(whole(caught))
    assert found.vacuous is True
    assert why in text_of(found.why)


def test_exact_facts_do_not_count():
    assert vacuity(whole(["patch"], by_facts=COMPUTED)).vacuous is True


def test_what_cannot_be_put_into_the_case_does_not_count_against_it():
    assert vacuity(whole(["patch"], absent=COMPUTED)).vacuous is False
    assert vacuity(whole(absent=NAMES)).vacuous is False


def test_a_part_of_the_catalogue_leaves_it_open_unless_it_is_enough():
    assert vacuity([power("prediction-type"), power("patch")]).vacuous is False
    assert vacuity([power("prediction-type")]).vacuous is None
    assert vacuity([power("prediction-type", "missed"), power("patch", "missed")]).vacuous is None


def case(name="ten-steps", faults=(), **fields):
    return CasePower("ddim", name, device="cpu", faults=tuple(faults), vacuous=False, **fields)


def test_a_family_of_which_all_faults_are_missed_is_blind():
    found = case(
        faults=[
            power("eta", "missed"),
            power("variance-type", "not applicable"),
            power("norm-eps", "missed"),
            power("weights-half"),
            power("channel-swap", "not applicable"),
        ]
    )
    assert found.blind == ("scheduler",)
    assert found.counts()["scheduler"] == {"caught": 0, "missed": 1, "not applicable": 1, "failed": 0}
    assert found.counts()["model"] == {"caught": 1, "missed": 1, "not applicable": 0, "failed": 0}


def test_what_no_case_catches_is_told_of_all_cases_together():
    one = case("one", [power("eta", "missed"), power("norm-eps"), power("channel-swap", "not applicable")])
    two = case("two", [power("eta", "missed"), power("norm-eps", "missed"), power("gamma", "failed")])
    assert PowerReport.of([one, two], FAULTS, quick=True).uncaught == ("eta",)


@pytest.mark.parametrize(
    ("fields", "sound"),
    [
        ({}, True),
        ({"faults": (power("eta", "missed"),)}, True),
        ({"vacuous": None}, True),
        ({"vacuous": True}, False),
        ({"refusal": "is not calibrated"}, False),
        ({"faults": (power("eta", "failed", why=Failed("other", "its worker died")),)}, False),
    ],
)
def test_a_case_is_sound_unless_it_is_vacuous_or_not_known(fields, sound):
    found = dataclasses.replace(case(), **fields)
    assert found.sound is sound
    assert PowerReport.of([case("a"), found], FAULTS, quick=False).sound is sound


def test_cases_are_sorted_and_the_json_holds_everything():
    found = case(
        "b",
        [
            power("eta", caught_from=1e-6, by="ledger", margin=math.inf),
            power("gamma", "missed", missed_at=1.0, margin=0.25),
            power("variance-type", "not applicable", why=Failed("other", "only DDPM has it")),
        ],
        case_hash="ab",
        baseline_sha256="cd",
        tolerance={"kind": "calibrated", "factor": 2.0, "members": 10},
        sound_margin=0.1,
    )
    refused = CasePower("ddim", "a", refusal=WithoutCalibration("across_releases"))
    report = PowerReport.of([found, refused], [fault("eta")], quick=False)
    assert [each.case_id for each in report.cases] == ["a", "b"]
    data = json.loads(report.text())
    assert PowerReport.from_dict(data) == report
    assert list(data) == sorted(data)
    assert data["faults"] == ["eta"]
    b = data["cases"][1]
    assert b["faults"][0]["margin"] == "inf"
    assert b["counts"]["output"] == {"caught": 0, "missed": 1, "not applicable": 0, "failed": 0}
    assert b["blind"] == ["output"]
    assert data["uncaught"] == ["gamma"]
    assert data["format"] == 2


def test_another_format_is_refused():
    data = PowerReport.of([], FAULTS, quick=False).to_dict()
    with pytest.raises(ValueError, match="format 1 is unknown; this version of harness reads 2"):
        PowerReport.from_dict({**data, "format": 1})


@pytest.mark.parametrize("change", [{"numbers_from": None}, {"noticed": True}])
def test_a_record_without_a_key_or_with_another_is_refused(change):
    data = PowerReport.of([case("a", [power("eta")])], FAULTS, quick=False).to_dict()
    entry = data["cases"][0]["faults"][0]
    entry.update(change)
    if None in change.values():
        del entry["numbers_from"]
    with pytest.raises(
        ValueError, match=rf"the key cases\[0\]\.faults\[0\]\.{next(iter(change))} is (missing|unknown)"
    ):
        PowerReport.from_dict(data)
