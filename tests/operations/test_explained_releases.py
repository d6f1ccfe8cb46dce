"""Between two MindSpore releases: the first operator that differs is named, and a fault beside it is found.

HARNESS_OTHER_PYTHON names the interpreter that has the other release.
"""

import json
import re

import pytest
from faulty_runner import Faulty
from samples import make_case
from user_project import Project

from harness.baselines.store import BaselineStore
from harness.cases.job import FaultRequest
from harness.execution.runner import Runner
from harness.operations.explain import explain_against_run

pytestmark = pytest.mark.releases

SUITE = """\
suite: releases
cases:
  - {id: digits, pipeline: ddim, checkpoint: builtin:ddpm-digits, seed: 0, steps: 3}
  - {id: full-size, pipeline: ddim, checkpoint: seeded:ddpm-cifar10-32, seed: 0, steps: 1}
"""


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path / "project")
    made.suite("releases", SUITE)
    return made


def explain(project, case, other_python):
    done = project.harness(
        "explain", f"suites/releases.yaml::{case}", "--python", other_python, "--json", "found.json"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, json.loads((project.root / "found.json").read_text())


@pytest.mark.parametrize("case", ["digits", "full-size"])
def test_the_first_operator_that_differs(project, other_python, other_bits, case):
    text, found = explain(project, case, other_python)
    assert found["causes"][0]["kind"] == "environment"
    if not other_bits:
        assert found["conclusion"] == "nothing"
        return
    findings = found["replay"]["findings"]
    assert findings[0]["place"] == "cell"
    # oneDNN's: convolutions, and the matrix products that Dense and attention are.
    allowed = {"Conv2d 3x3"} if case == "full-size" else {"Conv2d 3x3", "Dense", "Attention"}
    assert {finding["operator"] for finding in findings} <= allowed
    assert not any(finding["beyond"] for finding in findings)
    assert "first difference in bits, not more than rounding:" in text
    assert "nowhere more than rounding" in text
    assert re.search(r"cells that give different bits when run individually: .*\d+ of \d+ Conv2d 3x3", text)


def test_a_fault_is_told_from_the_other_release_s_rounding(other_python, tmp_path):
    case, store = make_case(steps=3), BaselineStore(tmp_path)
    with Runner(python=other_python) as other, Runner() as here:
        faulty = Faulty(here, FaultRequest("attention-scale"))
        found = explain_against_run(case, faulty, other, store, name="other")
    assert (found.conclusion, found.finding.cell) == ("cell", "mid_block.attentions.0")
    assert found.finding.beyond


def test_atlases_of_both_environments_name_the_class_of_the_first_cell(project, other_python, other_bits):
    """Two small atlases, and the full-size case, whose first cell that moves is a convolution."""
    select = ("--select", "canary-64x16x16 3x3 float32", "--select", "mint.exp mindone-small float32")
    (project.root / "atlases").mkdir()
    for name, python in (("here", ()), ("other", ("--python", other_python))):
        made = project.harness("atlas", *select, "--runs", "4", *python, "--out", f"atlases/{name}.json")
        assert made.returncode == 0, made.stdout + made.stderr
    compared = project.harness("atlas", "--compare", "atlases/other.json", "atlases/here.json")
    assert compared.returncode == (1 if other_bits else 0)
    if not other_bits:
        return
    assert "other bits: conv2d 3x3" in compared.stdout
    assert "mint.exp" not in compared.stdout
    done = project.harness(
        "explain", "suites/releases.yaml::full-size", "--python", other_python, "--atlas", "atlases"
    )
    assert (
        "between these environments conv2d 3x3 differs, and it is the first cell that moved (Conv2d 3x3)"
        in done.stdout
    ), done.stdout + done.stderr
