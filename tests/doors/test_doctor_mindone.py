"""`harness doctor --mindone`, the real command over the installed mindone."""

import json
import os
import subprocess
import sys

import pytest
from rich.console import Console

from benchmarks.mindone_coverage import DOCUMENT, table
from harness.execution import coverage
from harness.execution.coverage import Coverage, Row, examine_pipelines
from harness.reporting.coverage import coverage_markdown, show_coverage

pytestmark = pytest.mark.mindone

# Run by Python itself in every process below: mindone is then found nowhere.
HIDE = """
from importlib.machinery import PathFinder
found = PathFinder.find_spec
def find_spec(name, path=None, target=None):
    return None if name.partition(".")[0] == "mindone" else found(name, path, target)
PathFinder.find_spec = staticmethod(find_spec)
"""

# Put before the worker serves: one kernel fewer.
REMOVE = """
from harness.execution.profile import Profile
apply = Profile.apply_after_import
def without(self):
    apply(self)
    from harness.kernels import KERNELS
    del KERNELS["FlashAttentionScore"]
Profile.apply_after_import = without
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


def test_it_says_what_runs(tmp_path):
    file = tmp_path / "rows.json"
    names = ("DDIMPipeline", "StableDiffusionPipeline", "QwenImagePipeline")
    done = doctor("--mindone", *names, "--json", file)
    assert (done.returncode, done.stderr) == (0, "")
    found = rows(file)
    assert sorted(found) == sorted(names)
    for name in ("DDIMPipeline", "StableDiffusionPipeline"):
        row = found[name]
        assert (row["outcome"], row["shape"], row["repeats"]) == ("runs", [1, 32, 32, 3], True)
        assert row["kernels"]["Conv2DExt"] > 0
    assert found["QwenImagePipeline"]["outcome"] == "unknown"
    shown = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert any(line.startswith("DDIMPipeline runs 1 x 32 x 32 x 3 yes ") for line in shown)
    assert "no small configuration known: QwenImagePipeline" in shown
    assert any(line.startswith("2 of 2 pipeline classes run on CPU (MindSpore ") for line in shown)


def test_it_names_the_kernel_that_is_missing_and_the_seed_that_is_ignored(monkeypatch):
    # What MindSpore says of a primitive that harness has no kernel for, said of one that it has.
    removed = coverage._BOOTSTRAP.replace("serve(channel, settings)", f"{REMOVE}serve(channel, settings)")
    monkeypatch.setattr(coverage, "_BOOTSTRAP", removed)
    found = examine_pipelines(["FluxPipeline", "StableDiffusion3Img2ImgPipeline"])
    flux, ignoring = found.rows
    assert (flux.outcome, flux.detail) == ("kernel", "FlashAttentionScore")
    assert (ignoring.outcome, ignoring.repeats) == ("runs", False)
    console = Console(record=True, width=200)
    show_coverage(console, found)
    shown = [" ".join(line.split()) for line in console.export_text().splitlines()]
    assert "FluxPipeline needs kernel FlashAttentionScore" in shown
    assert any(line.startswith("StableDiffusion3Img2ImgPipeline runs 1 x 32 x 32 x 3 no ") for line in shown)
    assert any(line.startswith("1 of 2 pipeline classes run") for line in shown)


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
    rows = tuple(Row(**{**row, "shape": tuple(row["shape"])}) for row in found["rows"])
    assert coverage_markdown(Coverage(**{**found, "rows": rows})) == table(
        DOCUMENT.read_text(encoding="utf-8")
    )
