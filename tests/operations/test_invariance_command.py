"""Measuring invariances for real: planted violations are found, with their cell, and promises are held."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from user_project import Project

from harness.cases.relations import Relation

TESTS = Path(__file__).parents[1]
DEFAULTS = (
    "defaults: {pipeline: variant_pipelines:sound, seed: 0, steps: 3, "
    "tolerance: {across_releases: {max_abs: 1.0e-6}}}"
)


def suite(*cases: str) -> str:
    return "\n".join(["suite: variant", DEFAULTS, "cases:", *(f"  - {each}" for each in cases), ""])


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "project")
    shutil.copy(TESTS / "variant_pipelines.py", made.root)
    return made


def measured(project: Project, *arguments: str, code: int) -> tuple[str, list[dict[str, Any]]]:
    result = project.root / "invariance.json"
    done = project.harness("invariance", "suites/", "--json", str(result), *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout, json.loads(result.read_text())["cases"]


def only(*relations: str) -> list[str]:
    return [part for each in relations for part in ("--relation", each)]


def test_every_relation_holds_of_a_sound_case_and_is_stored(project: Project) -> None:
    project.suite("variant", suite("{id: sound, arguments: {guided: true, max_sequence_length: 16}}"))
    project.keep_baselines()
    stored = project.root / "baselines" / "variant" / "sound"
    before = (stored / "cpu.json").read_bytes()
    text, (case,) = measured(project, code=0)
    found = {name: each["holding"] for name, each in case["invariances"].items()}
    assert set(found) == {each.value for each in Relation}
    one_core = {"core", "visible-cores"} if len(os.sched_getaffinity(0)) < 2 else set()
    assert {name for name, holding in found.items() if holding != "identical"} == one_core, text
    assert case["stored"]
    record = json.loads((stored / "cpu.invariance.json").read_text())
    assert set(record["measured"]) == set(found) - one_core
    assert (stored / "cpu.json").read_bytes() == before
    # It is no baseline of a device called cpu.invariance.
    assert "cpu.invariance" not in project.harness("list", "suites/").stdout


PLANTED = {
    "warm": ("warm-process", True),
    "after_sound": ("case-order", True),
    "size": ("batch-size", True),
    "position": ("batch-position", True),
    "neighbours": ("batch-neighbours", True),
    "listed": ("generator-list", True),
    "halved": ("guidance-batch", False),
    "padded": ("prompt-padding", False),
    "strided": ("memory-layout", True),
    "cores": ("visible-cores", True),
    "mode": ("mode", False),
}


@pytest.mark.usefixtures("all_cores")
@pytest.mark.parametrize("planted", PLANTED)
def test_a_violated_relation_is_found_with_its_cell(planted: str, project: Project) -> None:
    relation, watched = PLANTED[planted]
    arguments = {"halved": "{guided: true}", "padded": "{max_sequence_length: 16}"}.get(planted, "{}")
    others = ["{id: sound}"] if planted == "after_sound" else []
    case = f"{{id: planted, pipeline: variant_pipelines:{planted}, arguments: {arguments}}}"
    project.suite("variant", suite(case, *others))
    # One that holds is beside it: the one does not come with the other.
    control = "memory-layout" if relation != "memory-layout" else "generator-list"
    text, (found, *_) = measured(project, *only(relation, control), code=1)
    violated, held = found["invariances"][relation], found["invariances"][control]
    assert (violated["holding"], violated["broken"]) == ("violated", True), text
    assert held["holding"] == "identical", text
    assert (violated["differs_from"], violated["figure"]) == (0, "max_abs")
    if watched:
        assert violated["cell_step"] == 0
        assert (violated["cell"]["path"], violated["cell"]["operator"]) == ("model.middle", "Moving"), text
        assert "first cell that gives other bits on the same inputs, in step 0" in text
    else:
        assert violated["unseen"] in ("compiled", "regrouped")
        assert "no cell was watched" in text
    assert "1 invariance broken" in text


def test_a_promise_decides_and_a_gate_holds_the_case_to_it(project: Project) -> None:
    promises = "invariances: {batch-size: any, generator-list: identical, warm-process: within}"
    case = f"{{id: size, pipeline: variant_pipelines:size, {promises}}}"
    project.suite("variant", suite(case))
    project.keep_baselines()

    def gate() -> str:
        done = project.harness("gate", "suites/", "--certificate", "certificate.json")
        assert "Traceback" not in done.stdout + done.stderr
        (project.root / "certificate.json").unlink(missing_ok=True)
        return f"{done.returncode} {done.stdout}{done.stderr}"

    assert "generator-list, warm-process were not measured with its baseline" in gate()
    # Violated, and no promise.
    text, (found,) = measured(project, "--promised", code=0)
    assert set(found["invariances"]) == {"batch-size", "generator-list", "warm-process"}
    assert found["invariances"]["batch-size"]["holding"] == "violated", text
    assert gate().startswith("0 ")
    project.edit("suites/variant.yaml", "batch-size: any", "batch-size: within")
    assert "batch-size is violated, and the case promises more" in gate()
    text, _ = measured(project, "--promised", code=1)
    assert "the case promises within" in text
    # What was within wide limits says nothing of narrow ones.
    project.edit("suites/variant.yaml", DEFAULTS, DEFAULTS.replace("1.0e-6", "1.0"))
    measured(project, "--promised", code=0)
    assert gate().startswith("0 ")
    project.edit("suites/variant.yaml", DEFAULTS.replace("1.0e-6", "1.0"), DEFAULTS)
    assert "batch-size was not measured with its baseline" in gate()


def test_a_promise_that_cannot_be_tried_is_no_answer(project: Project) -> None:
    project.suite("variant", suite("{id: sound, invariances: {prompt-padding: within}}"))
    text, _ = measured(project, "--promised", code=2)
    assert "n/a        prompt-padding: the case sets no max_sequence_length; the case promises it" in text


def test_a_case_that_cannot_run_is_named_and_the_others_are_measured(project: Project) -> None:
    project.suite("variant", suite("{id: absent, pipeline: variant_pipelines:absent}", "{id: sound}"))
    text, (absent, sound) = measured(project, *only("generator-list"), code=2)
    assert "absent" in absent["failure"]
    assert sound["invariances"]["generator-list"]["holding"] == "identical"
    # Nothing is stored where there is no baseline.
    assert "there is no baseline of variant/sound for cpu" in text
    assert not list(project.root.rglob("*.invariance.json"))


def test_a_damaged_record_is_kept_and_told(project: Project) -> None:
    project.suite("variant", suite("{id: sound}"))
    project.keep_baselines()
    path = project.root / "baselines" / "variant" / "sound" / "cpu.invariance.json"
    path.write_text("{}")
    text, _ = measured(project, *only("generator-list"), code=0)
    assert "its content does not match its seal; remove it" in text.replace("\n", " ")
    assert path.read_text() == "{}"


def test_what_was_measured_of_a_drifted_run_is_not_stored(project: Project) -> None:
    project.suite("variant", suite("{id: sound}"))
    project.keep_baselines()
    project.edit("variant_pipelines.py", "default_rng(1)", "default_rng(2)")
    text, (found,) = measured(project, *only("generator-list"), code=0)
    assert found["invariances"]["generator-list"]["holding"] == "identical"
    assert "not stored: the case's own run drifts; run harness explain" in text
    assert not list(project.root.rglob("*.invariance.json"))


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("{batch-sise: within}", "unknown relation 'batch-sise'; did you mean 'batch-size'?"),
        ("{batch-size: same}", "'identical', 'within' or 'any'"),
        ("[batch-size]", "mapping"),
    ],
)
def test_promises_that_make_no_sense_are_refused(written: str, told: str, project: Project) -> None:
    project.suite("variant", suite(f"{{id: sound, invariances: {written}}}"))
    done = project.command("invariance", "suites/")
    assert (done.returncode, told in done.stderr) == (4, True), done.stderr


def test_an_unknown_relation_is_refused(project: Project) -> None:
    project.suite("variant", suite("{id: sound}"))
    done = project.command("invariance", "suites/", "--relation", "batch")
    assert done.returncode == 4
    assert "batch-size" in done.stderr
