"""`harness accept` and `harness reject`: what was measured becomes a baseline without a further run."""

import re

import pytest

EDIT = ("pipelines.py", "latents * 0.9", "latents * 0.9000001")


@pytest.fixture(scope="module")
def waiting(recorded, tmp_path_factory):
    """The code changed, and a recording without a reason measured what it gives now."""
    made = recorded.copy(tmp_path_factory.mktemp("waiting") / "project")
    made.edit(*EDIT)
    done = made.harness("record", "suites/")
    assert done.returncode == 1, done.stdout
    return made, done.stdout


@pytest.fixture
def changed(waiting, tmp_path):
    made, told = waiting
    project = made.copy(tmp_path / "changed")
    # A copy has the code of the tests.
    project.edit(*EDIT)
    return project, told


def test_the_command_that_is_told_accepts_and_pytest_passes(changed):
    project, told = changed
    line = re.search(r"without running again: harness (.*)$", told, flags=re.MULTILINE)[1]
    cases = "suites/small.yaml::one --baseline-dir baselines suites/small.yaml::two"
    assert line == f"accept {cases} --reason '<why it changes>'"
    before = project.baselines()
    refused = project.harness("accept", "suites/small.yaml", "--all")
    assert refused.returncode == 1
    assert refused.stdout.count("it would replace a baseline; say why with --reason") == 2
    assert project.baselines() == before
    done = project.harness("accept", "suites/small.yaml", "--all", "--reason", "a new constant")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 accepted, 0 refused" in done.stdout
    assert project.pytest().returncode == 0
    again = project.harness("accept", "--all")
    assert (again.returncode, again.stdout) == (0, "nothing waits in baselines/.candidates\n")


def test_single_cases_are_chosen_and_the_rest_waits(changed):
    project, _ = changed
    done = project.harness("accept", "suites/small.yaml::two", "--reason", "a new constant")
    assert done.returncode == 0, done.stdout
    done = project.harness("accept", "suites/small.yaml::two", "--reason", "again")
    assert done.returncode == 3
    assert "small/two: nothing waits in baselines/.candidates" in done.stderr
    rejected = project.harness("reject", "suites/small.yaml::one")
    assert rejected.returncode == 0
    assert "rejected  small/one (cpu)" in rejected.stdout
    assert project.pytest().stdout.count("1 failed, 1 passed") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["suites/small.yaml"], "suites/small.yaml names all its cases; name single cases"),
        ([], "suites names all its cases"),
        (["--all", "--candidates", "nowhere"], "--candidates nowhere: no such folder"),
        (["--all", "--baseline-dir", "baselinse"], "--baseline-dir baselinse: no such folder"),
        (["suites/small.yaml::tow"], "there is no case 'tow'"),
    ],
)
def test_wrong_usage_is_exit_code_4(project, arguments, message):
    for command in ("accept", "reject") if "--all" in arguments else ("accept",):
        done = project.command(command, *arguments)
        assert done.returncode == 4
        assert message in done.stderr
        assert "Traceback" not in done.stderr


def test_an_edited_candidate_is_refused_and_stays(changed):
    project, _ = changed
    path = project.root / "baselines" / ".candidates" / "small" / "one" / "cpu.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    done = project.harness("accept", "--all", "--reason", "a new constant")
    assert done.returncode == 1
    assert "refused  small/one: " in done.stdout
    assert "its content does not match its seal" in done.stdout
    assert "1 accepted, 1 refused" in done.stdout
    assert path.read_bytes() == data
