"""`pytest --harness-report` and `harness report`, as processes."""

from __future__ import annotations

import json

import pytest
from user_project import Project

SUITE = """\
suite: mixed
defaults: {seed: 0, steps: 2, pipeline: "pipelines:with_environment"}
cases:
  - id: a
  - {id: b, seed: 1}
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("project"))
    project.suite("mixed", SUITE)
    project.keep_baselines()
    return project


# In one process as well at night: then nothing crosses from one to another.
BOTH = pytest.mark.parametrize("processes", [pytest.param([], marks=pytest.mark.slow), ["-n", "1"]])


def report_of(project, folder="report"):
    return json.loads((project.root / folder / "report.json").read_text())


@BOTH
def test_the_page_of_a_run(recorded, tmp_path, processes):
    project = recorded.copy(tmp_path / "copy")
    project.edit("suites/mixed.yaml", "  - id: a", '  - {id: a, pipeline: "pipelines:crashing"}')
    # What it crashes in must have a baseline: once it did not crash.
    code = project.root / "pipelines.py"
    crashing = code.read_text()
    code.write_text(f"{crashing}\n\ncrashing = with_environment\n")
    project.keep_baselines()
    code.write_text(crashing)
    project.environment["TEST_OFFSET"] = "1e-3"
    done = project.pytest("suites/", "--harness-report", "out/report", *processes)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "report: out/report/index.html" in done.stdout
    cases = {case["case"]["id"]: case for case in report_of(project, "out/report")["cases"]}
    assert "SIGSEGV" in cases["a"]["judgement"]["reasons"][0]
    assert cases["b"]["judgement"]["verdict"] == "drift"
    assert cases["b"]["causes"][0]["kind"] == "output"
    assert cases["b"]["pictures"]["items"][0]["difference"]
    assert (project.root / "out" / "report" / "index.html").read_text().startswith("<!doctype html>")

    again = project.command("report", "out/report", "--output", "again")
    assert again.returncode == 0, again.stderr
    pages = [project.root / name / "index.html" for name in ("out/report", "again")]
    assert pages[0].read_bytes() == pages[1].read_bytes()
    missing = project.command("report", "nowhere")
    assert missing.returncode == 4
    assert "nowhere: no such file" in missing.stderr


@pytest.mark.parametrize("processes", [[], ["-n", "1"]])
def test_a_folder_that_cannot_be_written_to_is_told_before_anything_runs(recorded, processes):
    done = recorded.pytest("suites/", "--harness-report", "pytest.ini", *processes)
    assert done.returncode == 4
    told = [line for line in done.stderr.splitlines() if line.strip()]
    assert told[0].startswith("ERROR: --harness-report pytest.ini: cannot be made: File exists")
    assert "collected" not in done.stdout


@BOTH
def test_what_could_not_be_collected_is_on_the_page(recorded, tmp_path, processes):
    project = recorded.copy(tmp_path / "copy")
    project.suite("broken", "suite: broken\ncases:\n  - id: a\n    steps: none\n    pipeline: ddim\n")
    project.pytest("suites/", "--harness-report", "report", "--continue-on-collection-errors", *processes)
    (problem,) = report_of(project)["run"]["problems"]
    assert problem["where"].endswith("broken.yaml")
    assert "broken.yaml:4:12" in problem["text"]


def test_a_run_that_ended_early_says_so(recorded, tmp_path):
    project = recorded.copy(tmp_path / "copy")
    project.environment["TEST_OFFSET"] = "1e-3"
    project.pytest("suites/", "-x", "--harness-report", "report")
    report = report_of(project)
    assert len(report["cases"]) == 1
    assert report["run"]["problems"][0]["where"] == "the run ended early"


# By day: the same of a summary, in doors/test_ci_summary.py.
@pytest.mark.slow
def test_a_report_that_could_not_be_written_fails_the_run(recorded, tmp_path):
    project = recorded.copy(tmp_path / "copy")
    (project.root / "conftest.py").write_text(
        "import shutil\n\n\ndef pytest_runtest_setup():\n    shutil.rmtree('report', ignore_errors=True)\n"
    )
    done = project.pytest("suites/", "--harness-report", "report")
    assert done.returncode == 1, done.stdout
    assert "2 identical" in done.stdout
    assert "error: report/report.json: cannot be written" in done.stdout
    assert "INTERNALERROR" not in done.stdout + done.stderr
