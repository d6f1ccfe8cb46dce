"""Cases with `run: nightly`: left out of a plain run, which says so, and run wherever they are asked for."""

import json

import pytest
from user_project import Project

SUITE = """\
suite: small
defaults: {pipeline: pipelines:sound, seed: 0, steps: 3}
cases:
  - id: day
    tags: [quick, slow]
  - id: night
    run: nightly
    tags: [quick]
"""
LEFT_OUT = "left out: 1 nightly case; run with --harness-nightly to include them"


@pytest.fixture(scope="module")
def nightly(tmp_path_factory):
    shared = Project(tmp_path_factory.mktemp("nightly"))
    shared.suite("small", SUITE)
    shared.keep_baselines()
    return shared


def collected(project, *arguments):
    """What would run, and all that is printed."""
    done = project.pytest("--collect-only", "-q", *arguments)
    lines = done.stdout.splitlines()
    return [line.rpartition("::")[2] for line in lines if line.startswith("suites/")], done.stdout


@pytest.mark.parametrize("arguments", [["-m", "quick"], ["-m", "slow or quick"], ["suites/small.yaml"]])
def test_it_is_left_out_however_others_are_chosen(nightly, arguments):
    found, text = collected(nightly, *arguments, *(() if "suites/small.yaml" in arguments else ("suites/",)))
    assert found == ["day"], text
    assert LEFT_OUT in text.splitlines()


@pytest.mark.parametrize("processes", [[], ["-n", "1"]])
def test_a_plain_run_leaves_it_out_and_says_so(nightly, processes):
    summary, report = nightly.root / "summary.md", nightly.root / "report"
    written = ["--harness-markdown", str(summary), "--harness-report", str(report)]
    done = nightly.pytest("suites/", *processes, *written)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
    assert "small/night" not in done.stdout
    assert LEFT_OUT in done.stdout.splitlines()
    marked = LEFT_OUT.replace(":", "&#58;").replace("--", "&#45;&#45;")
    assert marked in summary.read_text()
    assert json.loads((report / "report.json").read_text())["run"]["left_out"] == 1


@pytest.mark.parametrize(
    ("arguments", "chosen"),
    [
        (["--harness-nightly", "suites/"], ["day", "night"]),
        (["-k", "night", "suites/"], ["night"]),
        (["suites/small.yaml::night"], ["night"]),
        (["suites/../suites/small.yaml::night", "suites/small.yaml::day"], ["night", "day"]),
        # What -m takes out is not counted.
        (["-m", "slow", "suites/"], ["day"]),
    ],
)
def test_it_is_chosen_where_it_is_asked_for(nightly, arguments, chosen):
    found, text = collected(nightly, *arguments)
    assert found == chosen, text
    assert "left out" not in text


@pytest.mark.parametrize("arguments", [["--harness-nightly", "suites/"], ["suites/small.yaml::night"]])
def test_it_runs_in_another_process_too(nightly, arguments):
    done = nightly.pytest("-v", "-n", "1", *arguments)
    assert done.returncode == 0, done.stdout
    assert "suites/small.yaml::night" in done.stdout
    assert f"{len(arguments)} identical" in done.stdout
    assert "left out" not in done.stdout


def test_a_run_of_nightly_cases_alone_is_an_empty_one(nightly):
    done = nightly.pytest("-m", "not slow", "suites/")
    assert done.returncode == 5, done.stdout
    assert LEFT_OUT in done.stdout


def test_the_other_commands_take_it_always(nightly):
    listed = nightly.command("list", "suites/")
    assert listed.returncode == 0, listed.stdout + listed.stderr
    assert "small/night" in listed.stdout
    assert "2 cases, 1 nightly: 2 ok" in listed.stdout
    decided = nightly.harness("gate", "suites/")
    assert "2 cases" in decided.stdout, decided.stdout + decided.stderr


def test_when_it_runs_is_no_part_of_what_it_is(nightly, tmp_path):
    moved = nightly.copy(tmp_path / "moved")
    moved.edit("suites/small.yaml", "    run: nightly\n", "")
    done = moved.pytest("suites/")
    assert done.returncode == 0, done.stdout
    assert "2 identical" in done.stdout


def test_a_default_is_taken_back_by_a_case(nightly, tmp_path):
    other = nightly.copy(tmp_path / "other")
    other.edit("suites/small.yaml", "steps: 3}", "steps: 3, run: nightly}")
    other.edit("suites/small.yaml", "    tags: [quick, slow]\n", "    run: always\n")
    found, text = collected(other, "suites/")
    assert found == ["day"]
    assert LEFT_OUT in text


def test_another_word_is_told_by_its_place(nightly, tmp_path):
    other = nightly.copy(tmp_path / "other")
    other.edit("suites/small.yaml", "run: nightly", "run: never")
    done = other.pytest("suites/")
    assert done.returncode == 2
    assert "suites/small.yaml:7:10: expected 'always' or 'nightly', got the text 'never'" in done.stdout
