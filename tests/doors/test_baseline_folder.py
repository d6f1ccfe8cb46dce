"""A folder of baselines that is not there: one error, whichever command is to read it."""

import sys

import pytest

CASE = "suites/small.yaml::one"


@pytest.mark.parametrize(
    "words",
    [
        ("gate", "suites/"),
        ("power", "suites/"),
        ("calibrate", "suites/"),
        ("explain", CASE),
        ("explain", CASE, "--python", sys.executable),
        ("matrix", "suites/", "--python", sys.executable, "--python", sys.executable),
        ("bisect", CASE, "--good", "mindspore==2.7.0", "--bad", "mindspore==2.8.0"),
    ],
)
def test_a_folder_that_is_not_there_is_wrong_usage(project, words):
    done = project.command(*words, "--baseline-dir", "nowhere")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == "--baseline-dir nowhere: no such folder; `harness record` creates it\n"
    assert not (project.root / "nowhere").exists()


@pytest.mark.parametrize("words", [("gate", "suites/"), ("explain", CASE)])
def test_so_is_the_usual_one_where_nothing_can_be_done_without(project, words):
    done = project.command(*words)
    assert done.returncode == 4
    assert "baselines: no such folder" in done.stderr


def test_a_listing_says_so_and_lists(project):
    done = project.command("list", "suites/", "--baseline-dir", "nowhere")
    assert done.returncode == 0
    listed = [line.split()[-1] for line in done.stdout.splitlines() if line.startswith("small/")]
    assert listed == ["missing", "missing"]
    assert "\nnowhere: no such folder; `harness record` creates it\n" in done.stdout
    assert project.command("list", "suites/", "--baseline-dir", "nowhere", "--check").returncode == 1
