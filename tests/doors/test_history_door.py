"""The history through its doors, with real processes: pytest and the gate append, `harness history` shows."""

from __future__ import annotations

import json
import math

import pytest
from history_runs import RUN
from other_interpreters import interpreter
from user_project import Project

from harness.history.database import History

SUITE = """\
suite: mixed
defaults: {seed: 0, steps: 2, pipeline: "pipelines:with_environment"}
cases:
  - {id: exact, tags: [quick]}
  - {id: wide, seed: 1, tolerance: {same_environment: {max_abs: 0.5}}}
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("project"))
    project.suite("mixed", SUITE)
    project.keep_baselines()
    return project


@pytest.fixture
def project(recorded, tmp_path):
    return recorded.copy(tmp_path / "copy")


def append(project, *arguments):
    done = project.pytest("suites/", "--history", "h.sqlite", *arguments)
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    return done


@pytest.mark.slow
def test_runs_of_pytest_and_of_the_gate_become_steps(project):
    kept = History(project.root / "h.sqlite")
    assert append(project).returncode == 0
    assert append(project, "-n", "2").returncode == 0
    project.environment["TEST_OFFSET"] = "1e-3"
    done = append(project)
    assert done.returncode == 1
    assert f"history: {kept.path} (run 3)" in done.stdout
    done = project.harness("gate", "suites/", "--history", "h.sqlite")
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"history: {kept.path} (run 4)" in done.stdout

    runs = kept.runs()
    assert [run.door for run in runs] == ["pytest", "pytest", "pytest", "harness gate"]
    assert [sorted(case.name for case in run.cases) for run in runs] == [["mixed/exact", "mixed/wide"]] * 4
    exact, wide = (
        [case for run in runs for case in run.cases if case.case_id == name] for name in ("exact", "wide")
    )
    assert [case.verdict for case in exact] == ["identical", "identical", "drift", "drift"]
    assert [case.verdict for case in wide] == ["identical", "identical", "within", "within"]
    assert [case.margin for case in exact] == [0.0, 0.0, math.inf, math.inf]
    assert wide[2].margin == pytest.approx(0.002, rel=1e-3)
    assert [case.first_cause is None for case in wide] == [True, True, False, False]
    assert len({case.output_sha256 for case in wide}) == 2
    assert {case.baseline_sha256 for case in exact} == {exact[0].baseline_sha256}
    assert len({tuple(sorted(case.environment.items())) for case in exact + wide}) == 1
    assert exact[0].environment.keys() >= {"mindspore", "numpy", "device"}

    # The step of `wide` is within its tolerance, and told all the same.
    done = project.harness(
        "history", "h.sqlite", "--json", "h.json", "--html", "h.html", "--markdown", "h.md"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("step at run 3 (") == 2
    data = json.loads((project.root / "h.json").read_text())
    (step,) = next(case["steps"] for case in data["cases"] if case["case"] == "wide")
    assert (step["run"], step["after_run"], step["surroundings"]) == (3, 2, [])
    assert {change["figure"] for change in step["changes"]} >= {"margin", "mean", "abs_sum", "output bits"}
    assert "step at run 3" in (project.root / "h.html").read_text()
    assert "mixed/wide" in (project.root / "h.md").read_text()
    # As a fingerprint has it, and without the commit that follows the release.
    release = exact[0].environment["mindspore"]
    assert release.partition(" (")[2]
    for value in (release, release.partition(" (")[0]):
        assert project.harness("history", "h.sqlite", "--where", f"mindspore={value}").stdout == done.stdout
    alone = project.harness("history", "h.sqlite", "mixed::wide").stdout
    assert "mixed/wide" in alone
    assert "mixed/exact" not in alone


def test_a_matrix_appends_one_run_for_each_of_its_environments(project, tmp_path):
    (project.root / "baselines" / "mixed" / "exact").rename(tmp_path / "taken")
    pythons = [
        argument
        for name, offset in (("2.8.0", "0"), ("2.9.0", "1e-3"))
        for argument in ("--python", interpreter(tmp_path, name, mindspore=name, TEST_OFFSET=offset))
    ]
    command = ["matrix", "suites/", *pythons, "--history", "h.sqlite"]
    assert project.command(*command[:-1], "nowhere/h.sqlite").returncode == 4
    assert not (project.root / ".harness").exists()
    done = project.harness(*command)
    assert done.returncode == 1, done.stdout + done.stderr
    kept = History(project.root / "h.sqlite")
    assert done.stdout.endswith(f"history: {kept.path} (runs 1 to 2)\n")
    # As if it had run again.
    kept.append(*kept.runs())
    runs = kept.runs()
    assert [(run.door, run.subject) for run in runs] == [
        ("harness matrix", n) for n in ("2.8.0", "2.9.0")
    ] * 2
    # Each is held to its baseline, as pytest does; what has none is an error, with its statistics.
    for run, verdict in zip(runs, ["identical", "within"] * 2, strict=True):
        exact, wide = sorted(run.cases, key=lambda case: case.name)
        assert (exact.verdict, wide.verdict) == ("error", verdict)
        assert exact.statistics.keys() == wide.statistics.keys() != set()
        assert wide.environment.keys() >= {"mindspore", "numpy", "device"}

    # The two are not one series that goes to and fro.
    done = project.command("history", "h.sqlite", "mixed::wide", "--json", "h.json")
    assert "mixed/wide under 2.8.0  runs 1 to 3" in done.stdout
    assert "mixed/wide under 2.9.0  runs 2 to 4" in done.stdout
    assert "4 runs, 1 case: no lasting change" in done.stdout
    data = json.loads((project.root / "h.json").read_text())
    assert [case["subject"] for case in data["cases"]] == ["2.8.0", "2.9.0"]


def test_recording_appends_what_each_case_came_to(project):
    project.environment["TEST_OFFSET"] = "1e-3"
    command = ["record", "suites/", "--history", "h.sqlite"]
    # Without a reason the baselines stay, and with one they are these.
    assert project.harness(*command).returncode == 1
    project.edit("suites/mixed.yaml", "id: exact,", "id: exact, pipeline: 'pipelines:unrepeatable',")
    assert project.harness(*command, "--reason", "a test").returncode == 1
    runs = History(project.root / "h.sqlite").runs()
    assert [run.door for run in runs] == ["harness record"] * 2
    assert [[case.verdict for case in sorted(run.cases, key=lambda case: case.name)] for run in runs] == [
        ["drift", "within"], ["error", "identical"],
    ]  # fmt: skip


def test_what_was_deselected_or_not_run_is_not_there(project):
    append(project, "-m", "quick")
    assert append(project, "-k", "nothing").returncode == 5
    assert append(project, "--collect-only").returncode == 0
    project.environment["TEST_OFFSET"] = "1e-3"
    append(project, "-x")
    runs = History(project.root / "h.sqlite").runs()
    assert [[case.case_id for case in run.cases] for run in runs] == [["exact"], ["exact"]]
    assert [run.ended for run in runs] == [None, "stopping after 1 failures: cases may be missing here"]


def test_an_error_is_in_the_history_without_figures(project):
    for path in (project.root / "baselines" / "mixed" / "exact").iterdir():
        path.unlink()
    assert append(project).returncode == 1
    ((exact, wide),) = (
        sorted(run.cases, key=lambda case: case.name) for run in History(project.root / "h.sqlite").runs()
    )
    assert (exact.verdict, exact.statistics, exact.baseline_sha256) == ("error", {}, None)
    assert wide.verdict == "identical"


@pytest.mark.parametrize(("option", "processes"), [("--history", []), ("--harness-history", ["-n", "1"])])
def test_a_history_that_cannot_be_written_is_told_before_any_case_runs(project, option, processes):
    (project.root / "h.sqlite").write_text("something else\n" * 100)
    done = project.pytest("suites/", "-v", option, "h.sqlite", *processes)
    assert done.returncode == 4
    assert "h.sqlite: cannot be used as a history: file is not a database" in done.stderr
    assert "IDENTICAL" not in done.stdout
    assert (project.root / "h.sqlite").read_text().startswith("something else\n")
    done = project.pytest("suites/", option, "nowhere/h.sqlite", *processes)
    assert done.returncode == 4
    assert "nowhere/h.sqlite: cannot be written: No such file" in done.stderr


def test_the_gate_tells_it_before_any_case_runs_too(project):
    done = project.command("gate", "suites/", "--history", "nowhere/h.sqlite", "--certificate", "c.json")
    assert done.returncode == 4, done.stdout + done.stderr
    assert not (project.root / "c.json").exists()


def test_a_history_that_cannot_be_written_at_the_end_fails_the_run(project):
    (project.root / "conftest.py").write_text(
        "from pathlib import Path\n\n\n"
        "def pytest_collection_finish(session):\n    Path('h.sqlite').write_text('full' * 500)\n"
    )
    done = append(project)
    assert done.returncode == 1
    assert "error: " in done.stdout
    assert "file is not a database" in done.stdout
    assert "2 passed" in done.stdout


def test_a_project_with_an_option_of_that_name_keeps_it(project):
    (project.root / "conftest.py").write_text(
        "def pytest_addoption(parser):\n    parser.addoption('--history', help='their own')\n"
    )
    assert append(project, "--collect-only").returncode == 0
    assert project.pytest("suites/", "--history", "x", "--harness-history", "h.sqlite").returncode == 0
    assert [path.name for path in project.root.glob("*.sqlite")] == ["h.sqlite"]
    assert not (project.root / "x").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "no such file; create it with a run"),
        (["text"], "file is not a database"),
        (["h", "other"], "other: no such case in the history; it has guide/one"),
        (["h", "guide::two"], "guide::two: no such case in the history"),
        (["h", "--where", "mindspore"], "write FIELD=VALUE with a field of the fingerprint"),
        (["h", "--where", "mindspore=1.0"], "the history has no run in such an environment; it has 2.8.0"),
        (
            ["h", "--where", "cann=8.1"],
            "the history has no run in such an environment; it has no such field",
        ),
        (["h", "--html", "h"], "h: this is the history itself"),
        (["h", "--json", "nowhere/x"], "cannot be written"),
        ([], "Missing argument"),
    ],
)
def test_wrong_usage(tmp_path, arguments, message):
    History(tmp_path / "h").append(RUN)
    (tmp_path / "text").write_text("no database" * 100)
    before = (tmp_path / "h").read_bytes()
    done = Project(tmp_path).command("history", *arguments)
    assert done.returncode == 4, done.stdout + done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "h").read_bytes() == before
