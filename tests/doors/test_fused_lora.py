"""A factory of the user's own that fuses a LoRA, through every door and across releases."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from user_project import Project

from harness.baselines.store import BaselineStore
from harness.cases.load import load_suite
from harness.execution.runner import Runner
from harness.judgement.fact_reasons import ParameterChanged, ParametersRounded
from harness.judgement.tiers import Tier
from harness.judgement.verdicts import judge
from harness.operations.check import as_baseline

SUITE = """\
suite: fused
defaults:
  pipeline: fused_pipelines:factory
  seed: 0
  steps: 2
  tolerance: {across_releases: {relative_l2: 0.5, statistics: 0.5}}
cases:
  - id: lora
"""
KEY = '    computed_parameters: ["*/to_q.*"]\n'
POLICY = "policy: release\nverdicts: {default: [identical, within]}\n"


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path / "project")
    shutil.copy(Path(__file__).parent.parent / "fused_pipelines.py", made.root)
    made.suite("fused", SUITE + KEY)
    return made


def recorded_elsewhere(project):
    """Let the stored baseline be one of another release of MindSpore."""
    store = BaselineStore(project.root / "baselines")
    stored = store.load("fused", "lora", "cpu")
    measured = stored.measurement
    fingerprint = {**measured.fingerprint, "mindspore": "2.0.0"}
    store.write(replace(stored, measurement=replace(measured, fingerprint=fingerprint)))


def fusing(project, **environment):
    """Return the project, in whose processes the LoRA is fused as ``environment`` says."""
    other = project.within("")
    other.environment = {**project.environment, **environment}
    return other


def text(done):
    return done.stdout + done.stderr


def test_another_rounding_passes_every_door_across_releases_and_another_scale_none(project):
    project.record("--baseline-dir", "baselines")
    assert project.compare().verdicts == {"fused/lora": "identical"}
    recorded_elsewhere(project)
    rounding = fusing(project, TEST_BACKWARDS="1")
    found = rounding.compare()
    assert (found.verdicts, found.tiers) == ({"fused/lora": "within"}, {"fused/lora": "across_releases"})
    (project.root / "policy.yaml").write_text(POLICY)
    words = ("gate", "suites/", "--policy", "policy.yaml", "--certificate", "certificate.json")
    done = rounding.harness(*words)
    assert done.returncode == 0, text(done)
    (case,) = json.loads((project.root / "certificate.json").read_text())["cases"]
    (note,) = [note for note in case["notes"] if note["kind"] == "parameters-rounded"]
    assert (note["name"], note["others"], note["allowed"]) == ("net/to_q.weight", 0, 16.0)
    assert 0 < note["ulps"] < 4

    scaled = fusing(project, TEST_SCALE="0.0501")
    told = "computed parameter net/to_q.weight is not the one recorded: its difference is more than another"
    found = scaled.compare()
    assert found.verdicts == {"fused/lora": "drift"}
    assert f"- the {told}" in found.explanation("fused/lora")
    assert f"inputs: the {told}" in found.explanation("fused/lora")
    done = scaled.harness(*words)
    assert done.returncode == 1
    assert told in " ".join(text(done).split())
    done = scaled.harness("explain", "suites/fused.yaml::lora")
    assert f"inputs: the {told}" in " ".join(text(done).split())


def test_in_the_same_environment_another_rounding_is_drift(project):
    project.keep_baselines()
    project.environment["TEST_BACKWARDS"] = "1"
    found = project.compare()
    assert found.verdicts == {"fused/lora": "drift"}
    assert "- the loaded parameter net/to_q.weight is not the one recorded\n" in found.explanation(
        "fused/lora"
    )


def test_without_the_key_the_reason_names_it_and_recording_again_adds_the_sketch(project):
    project.suite("fused", SUITE)
    project.keep_baselines()
    sound = {path.name: path.read_bytes() for path in (project.root / "baselines/fused/lora").iterdir()}
    recorded_elsewhere(project)
    rounding = fusing(project, TEST_BACKWARDS="1")
    found = rounding.compare()
    assert found.verdicts == {"fused/lora": "drift"}
    assert "name it in `computed_parameters`" in found.explanation("fused/lora")
    project.suite("fused", SUITE + KEY)
    found = rounding.compare()
    assert found.verdicts == {"fused/lora": "drift"}
    assert "the baseline has no sketch of it" in found.explanation("fused/lora")

    for name, data in sound.items():
        (project.root / "baselines/fused/lora" / name).write_bytes(data)
    done = project.harness("record", "suites/")
    told = (
        "1 baseline without the sketches that their cases name, or without some; they are added with --reason"
    )
    assert told in text(done)
    done = project.harness("record", "suites/", "--reason", "its LoRA is fused")
    assert "1 baseline with the same bits got the sketches that their cases name" in text(done)
    arrays = project.root / "baselines/fused/lora/cpu.safetensors"
    assert arrays.read_bytes() == sound[arrays.name]
    done = project.harness("record", "suites/", "--reason", "nothing is new")
    assert "sketches" not in text(done)
    recorded_elsewhere(project)
    assert rounding.compare().verdicts == {"fused/lora": "within"}


def test_record_refuses_a_rounding_that_does_not_repeat(project, tmp_path):
    project.environment["TEST_LOADS"] = str(tmp_path / "loads")
    done = project.harness("record", "suites/")
    assert done.returncode == 1
    told = " ".join(text(done).split())
    assert "two runs in fresh workers differ, first in the loaded parameters (net/to_q.weight)" in told
    assert "0 written" in told


def test_a_pattern_that_no_parameter_matches_is_an_error_that_names_the_nearest(project):
    project.suite("fused", SUITE + KEY.replace("to_q", "to_qu"))
    done = project.harness("record", "suites/")
    assert done.returncode != 0
    told = " ".join(text(done).split())
    assert (
        "`computed_parameters`: no parameter matches '*/to_qu.*'; the nearest names are net/to_q.weight, "
        "net/to_k.weight"
    ) in told


def test_cases_of_one_pipeline_have_their_own_sketches(project):
    project.suite("fused", SUITE + KEY + "  - id: none\n" + '  - {id: all, computed_parameters: ["*"]}\n')
    project.keep_baselines()
    stored = {
        name: json.loads((project.root / f"baselines/fused/{name}/cpu.json").read_text())["facts"]
        for name in ("lora", "none", "all")
    }
    assert {name: set(facts.get("sketches", ())) for name, facts in stored.items()} == {
        "lora": {"net/to_q.weight"},
        "none": set(),
        "all": {"net/to_q.weight", "net/to_k.weight"},
    }
    assert "sketches" not in stored["none"]


def test_another_instruction_set_rounds_a_lora_otherwise_and_that_is_no_drift(project):
    """The real thing: SSE4.1 has no fused multiply-add, so the product has other bits there."""
    project.suite("fused", SUITE.replace("across_releases", "across_devices") + KEY + "  - id: unnamed\n")
    named, unnamed = load_suite(project.root / "suites/fused.yaml").cases
    with Runner(import_paths=[project.root]) as here, Runner(isa="SSE41", import_paths=[project.root]) as sse:
        judged = [
            judge(case, sse.run(case.job()), as_baseline(case, here.run(case.job())))
            for case in (named, unnamed)
        ]
    assert [each.tier for each in judged] == [Tier.ACROSS_DEVICES] * 2
    assert judged[0].passed
    (note,) = [note for note in judged[0].notes if isinstance(note, ParametersRounded)]
    assert note.name == "net/to_q.weight"
    assert 0.01 < note.ulps < 1
    (reason,) = judged[1].reasons
    assert isinstance(reason, ParameterChanged)
    assert (reason.name, reason.others, reason.because) == ("net/to_q.weight", 0, "unnamed")
