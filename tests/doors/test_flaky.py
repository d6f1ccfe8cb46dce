"""Cases that do not repeat, in real workers: every door calls them so, and never numerics or modes."""

import json
import sqlite3
import xml.etree.ElementTree as ElementTree

import pytest
from user_project import Project

from harness.baselines.store import BaselineStore
from harness.cases.load import load_suite
from harness.execution.runner import Runner
from harness.operations.check import as_baseline

# Called twice in one process, most of them would be caught at once by the second call.
SUITE = """\
suite: flaky
defaults: {seed: 0, steps: 3, repeat: false}
cases:
  - {id: before, pipeline: "pipelines:flipping"}
  - {id: warm, pipeline: "pipelines:flipping"}
  - {id: process, pipeline: "pipelines:flipping_processes"}
  - {id: dying, pipeline: "pipelines:crashing_later"}
  - {id: cell, pipeline: "pipelines:flipping_cell", checkpoint: "builtin:ddpm-digits", steps: 2}
  - {id: edited, pipeline: "pipelines:sound"}
"""
DRIFTING = ("warm", "process", "dying", "edited")
NAMED = [f"suites/flaky.yaml::{each}" for each in ("before", *DRIFTING)]
DIFFERS = "does not repeat: a second run, in a fresh worker, differs first in the latents after step 1"
AFTER = "the baseline's bits. So the case differs after flaky/before had run in the same worker"
SAME = "note: a second run, in a fresh worker, gave the same bits"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Baselines of all cases, from the first run of each pipeline in a process."""
    made = Project(tmp_path_factory.mktemp("flaky") / "project")
    store = BaselineStore(made.root / "baselines")
    found = {}
    with Runner(import_paths=[made.root]) as runner:
        for case in load_suite(made.suite("flaky", SUITE)).cases:
            if case.pipeline not in found:
                found[case.pipeline] = runner.run(case.job())
            store.write(as_baseline(case, found[case.pipeline]))
    return made


@pytest.fixture
def project(recorded, tmp_path):
    made = recorded.copy(tmp_path / "project")
    made.environment = dict(recorded.environment)
    return made


def by_process(project, *, before=0):
    """Give every process from the next one on a number; there were so many ``before``."""
    counter = project.root.with_name("processes")
    counter.write_text("\n".join("0" * before))
    project.environment["TEST_PROCESSES"] = str(counter)


@pytest.mark.parametrize(
    "processes", [pytest.param([], marks=pytest.mark.slow), ["-n", "1"]], ids=["alone", "xdist"]
)
def test_pytest_names_what_does_not_repeat_in_every_file_it_writes(project, processes):
    by_process(project)
    project.edit("pipelines.py", "latents = latents * 0.9\n", "latents = latents * 0.8\n")
    files = [
        "--history",
        "../history.db",
        "--harness-markdown",
        "../summary.md",
        "--harness-report",
        "../report",
    ]
    done = project.compare(*NAMED, *files, *processes)
    assert done.returncode == 1
    warm, process, dying, edited = (done.explanation(f"flaky/{each}") for each in DRIFTING)
    assert done.verdicts.pop("flaky/before") == "identical"
    assert done.verdicts == {f"flaky/{each}": "drift" for each in DRIFTING}
    for told in (warm, process):
        assert f"  1. repetition: {DIFFERS} (timestep 1)" in told
        assert "that run has the baseline's bits" in told
        assert "--reason" not in told
    assert AFTER in warm
    assert "does not repeat" not in dying + edited
    assert "note: a second run, in a fresh worker, gave no result (crash): " in dying
    assert SAME in edited
    assert "  2. numerics: " in edited
    parent = project.root.parent
    causes = {
        case.get("name"): item.get("value")
        for case in ElementTree.parse(parent / "project.xml").iter("testcase")
        for item in case.iter("property")
        if item.get("name") == "cause"
    }
    # `before` passes, with the edited code.
    own = dict.fromkeys(("before", "dying", "edited"), "code")
    assert causes == {**dict.fromkeys(("warm", "process"), "repetition"), **own}
    assert "repetition: does not repeat: " in (parent / "summary.md").read_text().replace("&#58;", ":")
    assert "does not repeat: a second run" in (parent / "report" / "index.html").read_text()
    with sqlite3.connect(parent / "history.db") as database:
        causes = [row[0] for row in database.execute("SELECT first_cause FROM cases WHERE case_id = 'warm'")]
    assert [json.loads(each)["kind"] for each in causes] == ["repetition"]
    told = project.harness("history", "../history.db")
    assert told.returncode == 0


# By day pytest names it, above, and judgement/test_reasons.py sends reasons of every kind.
@pytest.mark.slow
def test_a_gate_certifies_a_drift_that_does_not_repeat(project):
    done = project.harness("gate", *NAMED[:2], "--certificate", "made.json")
    assert done.returncode in (1, 2), done.stdout + done.stderr
    assert AFTER in " ".join(done.stdout.split())
    cases = {each["case_id"]: each for each in json.loads((project.root / "made.json").read_text())["cases"]}
    assert (cases["before"]["verdict"], cases["warm"]["verdict"]) == ("identical", "drift")
    assert cases["warm"]["reasons"][0]["kind"] == "does-not-repeat"
    assert cases["warm"]["reasons"][0]["after"] == ["flaky/before"]
    checked = project.harness("verify", "made.json")
    assert "Traceback" not in checked.stdout + checked.stderr
    assert "sound" in checked.stdout


# By day: operations/test_calibration_run.py, with runs that are prepared.
@pytest.mark.slow
def test_calibrating_never_calls_it_modes(project):
    """`warm` differs in its second run of the process, `process` in the second process."""
    by_process(project, before=1)
    cases = [f"suites/flaky.yaml::{each}" for each in ("warm", "process")]
    done = project.harness("calibrate", *cases, "--members", "2")
    assert done.returncode == 1, done.stdout + done.stderr
    told = " ".join(done.stdout.split())
    assert "mode" not in told
    for each in ("warm", "process"):
        assert (
            f"refused flaky/{each}: does not repeat: two runs of the case unperturbed differ first in the "
            "latents after step 1 (timestep 1), so no tolerance can be measured"
        ) in told
    assert not (project.root / "baselines" / ".members").exists()


def test_explaining_finds_the_cell_although_the_first_run_is_right(project):
    done = project.harness("explain", "suites/flaky.yaml::cell", "--json", "found.json")
    assert done.returncode == 1, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].endswith("baselines/flaky/cell/cpu.json: the case does not repeat")
    assert lines[3].startswith("  1. repetition: does not repeat: ")
    assert "differs first in the latents after step 0 " in lines[3]
    assert lines[3].endswith("So the case differs after flaky/cell had run in the same worker")
    assert "    mid_block.attentions.0: Attention" in lines
    found = json.loads((project.root / "found.json").read_text())
    assert (found["conclusion"], found["explained"]) == ("repetition", False)
    assert (found["model"], found["cell"]) == ("UNet2DModel", "mid_block.attentions.0")


# What differs in one process is explained by day, above.
@pytest.mark.slow
def test_explaining_what_differs_between_processes(project):
    by_process(project)
    done = project.harness("explain", "suites/flaky.yaml::process")
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.splitlines()[0].endswith(": the case does not repeat")
    assert f"  1. repetition: {DIFFERS} (timestep 1)" in done.stdout
    assert "that run has the baseline's bits\n" in done.stdout
    assert "note: no cell was examined: the pipeline calls no mindspore.nn.Cell in step 1 " in done.stdout
