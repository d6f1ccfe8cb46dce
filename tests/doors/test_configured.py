"""`[tool.harness]` in pyproject.toml, by both doors, in processes of their own."""

import subprocess
import sys

import pytest


def configure(project, text):
    (project.root / "pyproject.toml").write_text(f"[tool.harness]\n{text}\n")


def test_both_doors_take_their_defaults_from_it_and_options_win(project):
    configure(project, 'baseline-dir = "goldens"\nhistory = "history.sqlite"')
    (project.root / "below").mkdir()
    below = project.within("below")
    # A user's pipeline is found beside the file, from below, too.
    recorded = below.harness("record", "../suites/small.yaml::one")
    assert recorded.returncode == 0, recorded.stdout + recorded.stderr
    assert f"1 written below {project.root}/goldens" in recorded.stdout
    assert f"history: {project.root}/history.sqlite (run 1)" in recorded.stdout
    assert (project.root / "goldens/small/one/cpu.json").is_file()

    compared = project.pytest("suites/small.yaml::one", "-n1")
    assert compared.returncode == 0, compared.stdout + compared.stderr
    assert f"baselines: {project.root}/goldens" in compared.stdout
    assert "history.sqlite (run 2)" in compared.stdout

    assert "cpu: ok" in project.command("list", "suites/").stdout
    (project.root / "other").mkdir()
    assert "cpu: ok" not in project.command("list", "suites/", "--baseline-dir", "other").stdout
    missing = project.pytest("suites/small.yaml::one", "--baseline-dir", "other", "--history", "other.sqlite")
    assert missing.returncode == 1
    assert "other.sqlite (run 1)" in missing.stdout


def test_configured_baselines_that_are_not_there_yet_are_missing_like_the_default_ones(project):
    configure(project, 'baseline-dir = "goldens"')
    done = project.pytest("suites/small.yaml::one")
    assert done.returncode == 1
    assert "harness record suites/small.yaml::one --baseline-dir goldens" in done.stdout


def test_without_user_code_no_program_that_it_names_is_started(project):
    program = project.root / "program"
    program.write_text(f'#!/bin/sh\ntouch {project.root}/started\nexec {sys.executable} "$@"\n')
    program.chmod(0o700)
    configure(project, 'python = "./program"\nno-user-code = true')
    for done in (
        project.harness("record", "suites/"),
        project.harness("gate", "suites/", "--no-user-code"),
        project.pytest("suites/"),
    ):
        assert done.returncode == 4
        assert (
            f"{project.root}/pyproject.toml: without user code, the interpreter" in done.stdout + done.stderr
        )
        assert not (project.root / "started").exists()
    # What is typed is started; and a case of the user's own still is not run.
    done = project.harness("record", "suites/small.yaml::one", "--python", sys.executable)
    assert "which --no-user-code refuses" in done.stdout
    assert not (project.root / "started").exists()
    # It is the file's program that was not started above.
    configure(project, 'python = "./program"')
    assert project.harness("doctor").returncode in (0, 1)
    assert (project.root / "started").exists()


@pytest.mark.parametrize("text", ["time-out = 3", "timeout = '3'"])
def test_what_is_wrong_in_it_is_one_error_by_either_door(project, text):
    configure(project, text)
    for done in (project.harness("list", "suites/"), project.pytest("suites/")):
        assert done.returncode == 4
        said = (done.stdout + done.stderr).strip()
        assert f"{project.root}/pyproject.toml:2: [tool.harness] " in said
        assert len(said.splitlines()) == 1
        assert "timeout" in said
    assert project.harness("--help").returncode == 0


def test_an_option_that_means_something_else_keeps_its_own_default(project):
    # `harness explain --python` is the other interpreter, `harness verify --policy` what must have been used.
    names = ("explain", "verify", "matrix", "gate", "history")
    configure(project, 'python = "/nowhere/python"\npolicy = "p.yaml"\nbaseline-dir = "b"\ntimeout = 7')
    code = (
        "from harness.cli import function_of; from harness.commands.configured import configured; "
        f"print([sorted(configured(function_of(name))) for name in {names}])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project.root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(
        [
            ["baseline_dir", "timeout"],
            ["python", "timeout"],
            ["baseline_dir", "timeout"],
            ["baseline_dir", "policy", "python", "timeout"],
            [],
        ]
    )
