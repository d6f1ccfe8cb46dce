"""Pipelines that leave a state behind, through both doors: refused by record, a drift in pytest."""

import shutil
from pathlib import Path

import pytest
from user_project import Project

TESTS = Path(__file__).parent.parent
FACTORIES = ("sound", "counting", "caching")
DEFAULTS = "defaults: {pipeline: stateful_pipelines:sound, seed: 0, steps: 2}"
MINDONE = f"""
from mindone.diffusers import DDIMPipeline, DDIMScheduler

class Counting(DDIMScheduler):
    calls = 0

    def step(self, *arguments, **named):
        self.calls += 1
        named["eta"] = 0.1 if self.calls > 2 else 0.0
        return super().step(*arguments, **named)

def counting(checkpoint, dtype, mode):
    pipeline = DDIMPipeline.from_pretrained("{TESTS.parent}/suites/mindone/checkpoints/ddim")
    pipeline.scheduler = Counting.from_config(pipeline.scheduler.config)
    return pipeline
"""


def suite(*cases, defaults=DEFAULTS):
    return "\n".join(["suite: small", defaults, "cases:", *(f"  - {case}" for case in cases), ""])


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path / "project")
    shutil.copy(TESTS / "stateful_pipelines.py", made.root)
    made.environment["TEST_CALLS"] = str(tmp_path / "calls")
    return made


def calls(project):
    path = Path(project.environment["TEST_CALLS"])
    made = len(path.read_text().split()) if path.exists() else 0
    path.write_text("")
    return made


def test_record_refuses_what_leaves_a_state_behind_and_pytest_calls_it_a_drift(project):
    cases = [f"{{id: {name}, pipeline: 'stateful_pipelines:{name}'}}" for name in FACTORIES]
    project.suite("small", suite(*cases, "{id: used-up, pipeline: 'stateful_pipelines:used_up'}"))
    done = project.harness("record", "suites/")
    told = done.stdout + done.stderr
    assert done.returncode == 1, told
    assert "1 written" in told
    assert "small/used-up: the second call in the same process, with the same seeds, fails: IndexErr" in told
    for name in FACTORIES[1:]:
        assert f"small/{name}: the second call in the same process, with the same seeds" in told
    assert "first in the latents after step 0 (timestep 99): the first call left a state behind" in told

    # Baselines of earlier versions, which called each pipeline once.
    project.suite("small", suite(*cases))
    project.keep_baselines()
    project.suite("small", suite(*(each.replace("}", ", repeat: true}") for each in cases)))
    found = project.compare("suites/", "-n", "2", "--harness-markdown", "../summary.md")
    assert found.returncode == 1
    assert found.verdicts == {
        f"small/{name}": "identical" if name == "sound" else "drift" for name in FACTORIES
    }
    text = found.explanation("small/caching")
    assert "  - the second call in the same process, with the same seeds, gives other bits" in text
    assert "1. state: the second call" in text
    # A second run in a fresh worker has the first run's bits, so they are no matter of chance.
    assert "note: a second run, in a fresh worker, gave the same bits" in text
    assert "if meant" not in text
    assert "gives other bits, first in the output" in (project.root.parent / "summary.md").read_text()


def test_a_case_that_must_not_be_called_twice_is_called_once_and_the_report_says_so(project):
    project.suite("small", suite("{id: never, repeat: false}", "{id: always, repeat: true}"))
    project.record()
    # Two runs each, of one call and of two.
    assert calls(project) == 6
    found = project.compare()
    assert found.returncode == 0
    assert calls(project) == 3
    assert (
        "small (1 case): the pipeline was not called a second time: the case says `repeat: false`"
        in found.text
    )


def test_a_case_may_be_expected_to_leave_a_state_behind(project):
    project.suite(
        "small",
        suite(
            "{id: counting, pipeline: stateful_pipelines:counting, fails: state-left-behind}",
            "{id: sound, fails: state-left-behind}",
        ),
    )
    done = project.pytest("suites/")
    assert "1 failed, 1 xfailed" in done.stdout, done.stdout
    assert "small/counting: failed as expected (state-left-behind)" in done.stdout


def test_explain_names_the_state(project):
    project.suite("small", suite("{id: counting, pipeline: stateful_pipelines:counting}"))
    project.keep_baselines()
    done = project.harness("explain", "suites/small.yaml::counting")
    assert "the first call leaves a state behind, which changes the second one" in done.stdout, done.stdout
    assert "1. state: the second call" in done.stdout


@pytest.mark.slow
@pytest.mark.mindone
def test_a_scheduler_of_mindone_that_is_not_reset_is_refused(project):
    (project.root / "own_of_mindone.py").write_text(MINDONE)
    project.suite(
        "small",
        suite(
            "{id: sound, pipeline: 'mindone:DDIMPipeline', "
            f"checkpoint: {TESTS.parent}/suites/mindone/checkpoints/ddim}}",
            "{id: counting, pipeline: 'mindone:own_of_mindone:counting'}",
            defaults="defaults: {seed: 0, steps: 2}",
        ),
    )
    done = project.harness("record", "suites/")
    told = done.stdout + done.stderr
    assert done.returncode == 1, told
    assert "1 written" in told
    assert "small/counting: the second call in the same process" in told
