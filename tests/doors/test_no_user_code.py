"""Suites that come from elsewhere: with --no-user-code none of their functions runs, by either door."""

import pytest
from user_project import Project

SUITE = """\
suite: foreign
defaults: {seed: 0, steps: 1}
cases:
  - {id: own, pipeline: "pipelines:sound"}
  - {id: minds, pipeline: "mindone:pipelines:sound"}
  - {id: built-in, pipeline: ddim, checkpoint: "builtin:ddpm-digits"}
"""
REFUSED = "{} is a user's own code, which --no-user-code refuses"


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path)
    made.suite("foreign", SUITE)
    source = tmp_path / "pipelines.py"
    source.write_text(source.read_text() + f"\nopen({str(tmp_path / 'ran')!r}, 'w').close()\n")
    # An installed package's functions are refused, too.
    (tmp_path / "pyproject.toml").write_text('[tool.harness]\nfactories = ["pipelines"]\n')
    return made


def test_only_what_is_built_in_is_recorded_and_judged(project):
    done = project.harness("record", "suites/", "--no-user-code")
    assert done.returncode == 2, done.stdout + done.stderr
    for pipeline in ("pipelines:sound", "mindone:pipelines:sound"):
        assert REFUSED.format(pipeline) in done.stdout
    assert "1 written below baselines" in done.stdout
    assert not (project.root / "ran").exists()


def test_a_case_that_was_recorded_without_the_option_does_not_run_with_it(project):
    assert project.harness("record", "suites/foreign.yaml::own").returncode == 0
    (project.root / "ran").unlink()
    found = project.compare("suites/foreign.yaml::own", "--harness-no-user-code")
    assert found.verdicts == {"foreign/own": "error"}
    assert REFUSED.format("pipelines:sound") in found.explanation("foreign/own")
    assert not (project.root / "ran").exists()


def test_a_gate_runs_none_and_its_remedies_have_the_option(project):
    (project.root / "baselines").mkdir()
    done = project.harness("gate", "suites/", "--no-user-code")
    assert done.returncode == 2
    remedies = [line for line in done.stdout.splitlines() if "harness record" in line]
    assert remedies
    assert all("--no-user-code" in line for line in remedies)
    assert not (project.root / "ran").exists()
