"""docs/power.md says what there is: every fault with its size, every key of the record, every outcome."""

import re
from pathlib import Path

import pytest

from harness.faults.catalogue import FAULTS, fault
from harness.judgement.power.case_power import OUTCOMES, CasePower, FaultPower, PowerReport
from harness.judgement.power.search import PRECISION

PAGE = (Path(__file__).parents[2] / "docs" / "power.md").read_text()


def test_the_table_of_faults_is_the_catalogue():
    rows = [line for line in PAGE.splitlines() if re.match(r"\| `[\w-]+` \(\w+\) \|", line)]
    assert rows == [
        f"| `{each.name}` ({each.family}) | {each.title} | "
        f"{'' if each.reference is None else f'{each.reference:g}'} | {each.unit} |"
        for each in FAULTS
    ]


def test_every_key_of_the_record_is_explained():
    (block,) = re.findall(r"^```text\nformat(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    known = set(re.findall(r"\w+", block)) | {"format"}
    eta = fault("eta")
    one = FaultPower(eta.name, eta.family, eta.reference, eta.unit, "caught")
    data = PowerReport.of([CasePower("ddim", "a", faults=(one,))], FAULTS, quick=True).to_dict()
    (case,) = data["cases"]
    keys = {*data, *case, *case["faults"][0]}
    assert keys <= known, keys - known
    assert set(OUTCOMES) <= {outcome for outcome in OUTCOMES if outcome in block}


@pytest.mark.parametrize("word", ["vacuous", "not examined", "failed", "blind", "uncaught", "not applicable"])
def test_every_word_of_the_terminal_is_explained(word):
    assert f"| `{word}` |" in PAGE


def test_the_precision_of_the_search():
    assert f"at most {PRECISION:g} times smaller" in PAGE
