"""`harness doctor --mindone`, the real command over the installed mindone."""

import json
import os
import subprocess
import sys

import pytest

from benchmarks.mindone_coverage import DOCUMENT, table
from harness.execution.coverage import Coverage, Row
from harness.reporting.coverage import coverage_markdown

pytestmark = pytest.mark.mindone

# Run by Python itself in every process below: mindone is then found nowhere.
HIDE = """
from importlib.machinery import PathFinder
found = PathFinder.find_spec
def find_spec(name, path=None, target=None):
    return None if name.partition(".")[0] == "mindone" else found(name, path, target)
PathFinder.find_spec = staticmethod(find_spec)
"""


def doctor(*arguments, environment=None):
    return subprocess.run(
        [sys.executable, "-m", "harness", "doctor", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **(environment or {})},
        check=False,
    )


def rows(file):
    return {row["name"]: row for row in json.loads(file.read_text())["rows"]}


def test_it_says_what_runs_and_which_kernel_is_missing(tmp_path):
    file = tmp_path / "rows.json"
    names = ("DDIMPipeline", "StableDiffusionPipeline", "FluxPipeline", "QwenImagePipeline")
    done = doctor("--mindone", *names, "--json", file)
    assert (done.returncode, done.stderr) == (0, "")
    found = rows(file)
    assert sorted(found) == sorted(names)
    for name in ("DDIMPipeline", "StableDiffusionPipeline"):
        row = found[name]
        assert (row["outcome"], row["shape"], row["repeats"]) == ("runs", [1, 32, 32, 3], True)
        assert row["kernels"]["Conv2DExt"] > 0
    assert (found["FluxPipeline"]["outcome"], found["FluxPipeline"]["detail"]) == (
        "kernel",
        "FlashAttentionScore",
    )
    assert found["QwenImagePipeline"]["outcome"] == "unknown"
    shown = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert any(line.startswith("DDIMPipeline runs 1 x 32 x 32 x 3 yes ") for line in shown)
    assert "FluxPipeline needs kernel FlashAttentionScore" in shown
    assert "no small configuration known: QwenImagePipeline" in done.stdout
    assert "2 of 3 pipeline classes run on CPU (MindSpore" in done.stdout


def test_without_mindone_it_says_how_to_install_it(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(HIDE)
    done = doctor("--mindone", environment={"PYTHONPATH": str(tmp_path)})
    assert (done.returncode, done.stdout) == (1, "")
    assert "mindone is not installed" in done.stderr
    assert "pip install 'determinism-harness[mindone]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("arguments", [("DDIMPipeline",), ("--json", "rows.json")])
def test_what_goes_with_mindone_is_refused_without_it(arguments):
    done = doctor(*arguments)
    assert (done.returncode, done.stdout) == (4, "")
    assert "names of pipeline classes and --json go with --mindone" in done.stderr


@pytest.mark.slow
def test_all_classes_give_what_the_documentation_says(tmp_path):
    file = tmp_path / "rows.json"
    done = doctor("--mindone", "--json", file)
    assert done.returncode == 0, done.stderr
    found = json.loads(file.read_text())
    ran = [row["name"] for row in found["rows"] if row["outcome"] == "runs"]
    assert len(ran) >= 20
    coverage = Coverage(**{**found, "rows": tuple(Row(**row) for row in found["rows"])})
    assert coverage_markdown(coverage) == table(DOCUMENT.read_text(encoding="utf-8"))
