"""The power table of a gate: what it says of a case, and when it says nothing any more."""

from __future__ import annotations

import dataclasses
import json

import pytest
from samples import make_baseline, make_calibration, make_case

from harness.baselines.baseline import baseline_sha256
from harness.baselines.store import BaselineStore
from harness.errors import UsageError
from harness.faults.catalogue import FAULTS
from harness.gate.power_table import read_powers
from harness.judgement.power.case_power import CasePower, FaultPower, PowerReport
from harness.judgement.power.detection import tolerance_used
from harness.judgement.reasons import CatchesNoFault, Failed, WithoutCalibration
from harness.reporting.gate_findings import gate_text
from harness.reporting.reasons import text_of

CASE = make_case()


@pytest.fixture
def baseline(tmp_path):
    store = BaselineStore(tmp_path / "baselines")
    store.write(dataclasses.replace(make_baseline(CASE), calibration=make_calibration()))
    return store.load("guide", "two-steps", "cpu")


@pytest.fixture
def table(tmp_path, baseline):
    """What the gate makes of a table that says of the case what is given; by default all is well."""

    def read(**fields):
        known = {
            "device": "cpu",
            "case_hash": CASE.hash(),
            "baseline_sha256": baseline_sha256(baseline),
            "tolerance": tolerance_used(CASE, baseline),
            "vacuous": False,
        }
        power = CasePower("guide", fields.pop("case_id", "two-steps"), **{**known, **fields})
        path = tmp_path / "power.json"
        path.write_text(PowerReport.of([power], FAULTS, quick=True).text())
        return read_powers(path)

    return read


def test_a_table_of_the_case_as_it_is_covers_it(table, baseline):
    powers = table()
    assert powers.gap(CASE, baseline) is None
    assert powers.vacuous(CASE, baseline) is None
    assert powers.table.report["cases"][0]["case_id"] == "two-steps"


FAILED = FaultPower("swap", "model", None, "", "failed", why=Failed("other", "crashed"))


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"case_id": "other"}, "the power table does not contain this case"),
        (
            {"refusal": WithoutCalibration("across_releases")},
            "could not examine this case: is not calibrated",
        ),
        ({"device": "ascend910b"}, "examined its baseline for ascend910b, not cpu"),
        ({"case_hash": "0" * 64}, "the case changed since the power table was made"),
        ({"baseline_sha256": "0" * 64}, "its baseline changed since the power table was made"),
        ({"tolerance": {"kind": "exact"}}, "its tolerance changed since the power table was made"),
        (
            {"case_hash": "0", "tolerance": None},
            "the case and its tolerance changed since the power table was made; run harness power again",
        ),
        ({"faults": (FAILED,)}, "1 fault of the power table failed to run"),
        ({"vacuous": None}, "too few faults for a conclusion"),
    ],
)
def test_where_it_says_nothing_of_the_case_that_is_told(table, baseline, fields, told):
    powers = table(**fields)
    assert told in gate_text(powers.gap(CASE, baseline))
    assert powers.vacuous(CASE, baseline) is None


def test_a_vacuous_case_is_one_as_long_as_the_table_is_of_it(table, baseline):
    found = {"vacuous": True, "why_vacuous": CatchesNoFault(30, None)}
    told = text_of(table(**found).vacuous(CASE, baseline))
    assert "by its figures it catches none of 30 faults" in told
    assert table(**found, case_hash="0").vacuous(CASE, baseline) is None


def test_of_a_strict_case_no_power_is_missing(table, baseline):
    assert table(case_id="other").gap(dataclasses.replace(CASE, strict=True), baseline) is None


@pytest.mark.parametrize("text", ["", "{}", "[]", "3", '{"format": 9}', "[" * 100_000])
def test_another_file_is_no_table(tmp_path, text):
    (tmp_path / "power.json").write_text(text)
    with pytest.raises(UsageError, match=r"not a power table.*give the file that harness power"):
        read_powers(tmp_path / "power.json")


def test_one_field_less_is_no_table(table, tmp_path):
    table()
    data = json.loads((tmp_path / "power.json").read_text())
    del data["cases"][0]["vacuous"]
    (tmp_path / "power.json").write_text(json.dumps(data))
    with pytest.raises(UsageError, match=r"the key cases\[0\]\.vacuous is missing"):
        read_powers(tmp_path / "power.json")
