"""The matrix and bisection over two MindSpore releases.

HARNESS_OTHER_PYTHON names the interpreter that has the other release.
"""

import json
import sys

import pytest
from user_project import Project

from harness.releases.interpreters import in_order, inspect_interpreter

pytestmark = pytest.mark.releases

SUITE = """\
suite: releases
cases:
  - id: digits
    pipeline: ddim
    checkpoint: builtin:ddpm-digits
    seed: 0
    steps: 3
    tolerance: {across_releases: {relative_l2: 1.0e-5}}
"""


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path / "project")
    made.suite("releases", SUITE)
    return made


def test_the_step_between_two_releases(project, other_python, other_bits):
    subjects = in_order([inspect_interpreter(other_python), inspect_interpreter(sys.executable)])
    pythons = [argument for subject in subjects for argument in ("--python", subject.python)]
    done = project.harness("matrix", "suites/", *pythons, "--json", "matrix.json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((project.root / "matrix.json").read_text())
    (pair,) = found["cases"][0]["pairs"]
    assert pair["verdict"] == ("within" if other_bits else "identical")
    assert len(found["same_bits"]) == (2 if other_bits else 1)
    if not other_bits:
        return
    assert 1e-8 < pair["relative_l2"] < 1e-5
    assert "conv2d_3x3" in pair["operators"]
    ends = [f"mindspore=={subject.mindspore}" for subject in subjects]
    # The matrix has run both.
    line = ("--good", ends[0], "--bad", ends[1], *pythons, "--repeats", "1", "--json", "bisected.json")
    bisected = project.harness("bisect", "suites/releases.yaml::digits", *line)
    assert bisected.returncode == 0, bisected.stdout + bisected.stderr
    found = json.loads((project.root / "bisected.json").read_text())
    assert [found["last_good"], found["first_bad"]] == ends
    # Where other packages differ as well, environments that are given do not tell which part it is.
    assert found["change_in"]["part"] in ("mindspore", None)
