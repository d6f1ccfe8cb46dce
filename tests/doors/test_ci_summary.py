"""In GitHub Actions: the job's summary, annotations and what a test report keeps, with real processes."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree

import pytest
from user_project import Project

SUITE = """\
suite: mixed
defaults: {seed: 0, steps: 2, pipeline: "pipelines:with_environment"}
cases:
  - id: a
  - {id: b, seed: 1, tolerance: {same_environment: {max_abs: 0.5}}}
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("project"))
    project.suite("mixed", SUITE)
    project.keep_baselines()
    return project


@pytest.fixture
def project(recorded, tmp_path):
    """A project in which case `a` drifts and `b` is within its limits."""
    copy = recorded.copy(tmp_path / "copy")
    copy.environment["TEST_OFFSET"] = "1e-3"
    return copy


@pytest.mark.parametrize("processes", [pytest.param([], marks=pytest.mark.slow), ["-n", "1"]])
def test_a_run_in_github_actions(project, tmp_path, processes):
    summary = tmp_path / "step.md"
    summary.write_text("of another command of the step\n")
    entry = "id: a\n    steps: none\n    pipeline: ddim\n    seed: 0\n    checkpoint: x\n"
    project.suite("broken", f"suite: broken\ncases:\n  - {entry}")
    project.environment |= {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    more = ("--continue-on-collection-errors", "--harness-markdown", "out.md", "--junitxml", "r.xml")
    done = project.pytest("suites/", *more, *processes)
    assert done.returncode == 1, done.stdout + done.stderr
    lines = done.stdout.splitlines()

    # The terminal: the counts, the margins, once.
    assert lines.count("1 within, 1 drift") == 1
    (worst,) = (line for line in lines if line.startswith("worst margin: "))
    assert worst.startswith("worst margin: mixed/a, relative_l2 ")
    (tightest,) = (line for line in lines if line.startswith("tightest case: "))
    assert tightest.startswith("tightest case: mixed/b, max_abs 0.001 of 0.5")

    # Annotations: one for the suite that cannot be read, one for the drift, at their places.
    told = [line for line in lines if line.startswith("::")]
    assert [line.partition("title=")[0] for line in told] == [
        "::error file=suites/broken.yaml,line=4,col=12,",
        "::error file=suites/mixed.yaml,line=4,col=5,",
    ]
    assert "harness explain suites/mixed.yaml::a --baseline-dir baselines" in told[1].split("%0A")

    # The summary: after what was there, and in the file asked for.
    own = (project.root / "out.md").read_text()
    assert summary.read_text() == "of another command of the step\n" + own
    assert "### harness: 1 of 2 cases did not pass, not all were judged\n" in own
    assert own.count("<code>mixed/a</code> | drift | relative") == 1
    assert own.count("broken.yaml&#58;4&#58;12") == 1
    assert "| mindspore | " in own
    assert "summary: out.md" in lines

    # What a test report keeps.
    report = ElementTree.parse(project.root / "r.xml")
    cases = {
        case.get("name"): {item.get("name"): item.get("value") for item in case.iter("property")}
        for case in report.iter("testcase")
        if case.get("classname", "").endswith("mixed.yaml")
    }
    shown = {
        name: {key: found.get(key) for key in ("verdict", "tier", "worst", "worst.limit", "margin", "cause")}
        for name, found in cases.items()
    }
    same = {"tier": "same_environment"}
    assert shown == {
        "a": {"verdict": "drift", **same, "worst": "differing_values", "worst.limit": "0.0", "margin": "inf",
              "cause": "output"},
        "b": {"verdict": "within", **same, "worst": "max_abs", "worst.limit": "0.5",
              "margin": cases["b"]["margin"], "cause": "output"},
    }  # fmt: skip
    assert float(cases["b"]["margin"]) == pytest.approx(float(cases["b"]["worst.measured"]) / 0.5)


@pytest.mark.parametrize(("way", "processes"), [("option", []), ("environment", ["-n", "1"])])
def test_a_summary_that_cannot_be_written_is_told_before_any_case_runs(project, way, processes):
    place = project.root / "nowhere" / "step.md"
    arguments = ["--harness-markdown", str(place)] if way == "option" else []
    if way == "environment":
        project.environment["GITHUB_STEP_SUMMARY"] = str(place)
    done = project.pytest("suites/", "-v", *arguments, *processes)
    assert done.returncode == 4, done.stdout + done.stderr
    name = "--harness-markdown" if way == "option" else "GITHUB_STEP_SUMMARY"
    assert f"{name} {place}: cannot be written: No such file or directory" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "INTERNALERROR" not in done.stdout + done.stderr
    assert "DRIFT" not in done.stdout
    assert "WITHIN" not in done.stdout


def test_a_summary_that_could_not_be_written_fails_the_run(project):
    (project.root / "out").mkdir()
    (project.root / "conftest.py").write_text(
        "import shutil\n\n\ndef pytest_runtest_setup():\n    shutil.rmtree('out', ignore_errors=True)\n"
    )
    del project.environment["TEST_OFFSET"]
    done = project.pytest("suites/", "--harness-markdown", "out/summary.md")
    assert done.returncode == 1, done.stdout
    assert "error: out/summary.md: cannot be written" in done.stdout
    assert "INTERNALERROR" not in done.stdout + done.stderr


def test_a_project_without_suites_has_no_summary_and_pays_for_none(tmp_path):
    """The plugin is loaded in every project of its environment, and GitHub names a file in every step."""
    project = Project(tmp_path / "other")
    (project.root / "test_it.py").write_text("def test_it(): pass\n")
    (project.root / "check.py").write_text(
        "import sys\n\n\ndef pytest_unconfigure():\n"
        "    print('imported:', *sorted({'numpy', 'pydantic', 'yaml'} & set(sys.modules)))\n"
    )
    for place in (tmp_path / "step.md", tmp_path / "nowhere" / "step.md"):
        project.environment |= {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(place)}
        done = project.pytest("-p", "check", "test_it.py")
        assert done.returncode == 0, done.stdout + done.stderr
        assert not place.exists()
        assert "imported:\n" in done.stdout


def test_a_run_that_ended_early_says_so_and_elsewhere_nothing_is_annotated(project):
    before = {path.name for path in project.root.iterdir()}
    done = project.pytest("suites/", "-x", "--harness-markdown", "out.md")
    assert "::error" not in done.stdout
    assert "report:" not in done.stdout
    assert {path.name for path in project.root.iterdir()} - before <= {"__pycache__", "out.md"}
    text = (project.root / "out.md").read_text()
    assert "1 of 1 case did not pass, not all were judged" in text
    assert "<code>the run ended early</code> stopping after 1 failures&#58; cases may be missing here" in text


def test_messages_say_what_to_type_where_the_case_ran(project):
    """The interpreter goes into the commands of what is shown, and of messages that say to record."""
    project.edit("suites/mixed.yaml", "seed: 0", "seed: 7")
    done = project.pytest("suites/mixed.yaml::a", f"--harness-python={sys.executable}")
    command = "harness record suites/mixed.yaml::a --baseline-dir baselines --python"
    assert f"record the case again: {command} {sys.executable} --calibrate --reason" in done.stdout
    assert done.stdout.count(f"--harness-python={sys.executable}") == 1
