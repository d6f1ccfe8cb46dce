"""`harness judge-dump`: what it prints, writes and exits with, on dumps that msprobe wrote."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from user_project import Project

from harness.baselines.store import BaselineStore
from harness.cases.selection import one_case
from harness.dumps.writing import write_dump
from harness.errors import HarnessError, UsageError
from harness.judgement.calibration.limits import calibrated_limits
from harness.measurement.measurement import array_sha256
from harness.operations.judge_dump import Calibrated, judge
from harness.tracing.difference import rounding_of
from harness.tracing.trace import CellCall, DeepTrace, Value

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests/data/msprobe"
PAIR = "mine/step0/proc1, compared with theirs/step0/proc1"
LINEAR = "Cell.block.linear.Dense.forward.0"


@pytest.fixture
def project(tmp_path):
    """A project with two copies of a dump: `mine` and `theirs`."""
    made = Project(tmp_path / "project")
    for name in ("mine", "theirs"):
        shutil.copytree(DATA / "mindspore/step0", made.root / name / "step0")
    return made


def move(dump, name, change):
    """Change an array of a dump, and what the dump says of it."""
    folder = dump / "step0/proc1"
    path = folder / "dump_tensor_data" / f"{name}.npy"
    array = change(np.load(path))
    np.save(path, array)
    content = json.loads((folder / "dump.json").read_text())
    call, _, rest = name.partition(".forward.0.")
    key, _, place = rest.partition(".")
    where = {"input": "input_args", "output": "output", "parameters": "parameters"}[key]
    found = content["data"][f"{call}.forward.0"][where]
    found = found[int(place) if place.isdigit() else place]
    found.update(Max=float(array.max()), Min=float(array.min()))
    (folder / "dump.json").write_text(json.dumps(content))


def by(factor):
    return lambda array: array * np.float32(factor)


def told(done, code):
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout if code < 2 else done.stderr


def test_the_same_dump_is_identical(project):
    said = told(project.command("judge-dump", "mine", "theirs", "--json", "found.json"), 0).splitlines()
    assert said == [
        f"{PAIR}: identical, every tensor has the same bits (4 calls)",
        "note: 3 calls recomputed in float64",
    ]
    found = json.loads((project.root / "found.json").read_text())
    assert (found["verdict"], found["passed"], found["cell"], found["findings"]) == (
        "identical",
        True,
        None,
        [],
    )
    assert (found["format"], found["calls"], found["same"]) == ("harness-judged-dumps", 4, 4)


def test_rounding_is_within(project):
    move(project.root / "mine", f"{LINEAR}.output.0", by(1 + 1e-6))
    move(project.root / "mine", "Cell.block.act.SiLU.forward.0.input.0", by(1 + 1e-6))
    (said, *_) = told(project.command("judge-dump", "mine", "theirs"), 0).splitlines()
    assert "within, no cell adds more than rounding (4 calls; at most 5" in said


def test_a_fault_is_named_with_its_cell_and_side(project):
    for name in (f"{LINEAR}.output.0", "Cell.block.act.SiLU.forward.0.input.0"):
        move(project.root / "mine", name, by(1.00044))
    for name in ("act.SiLU", "Block"):
        name = "Cell.block.act.SiLU" if name == "act.SiLU" else "Cell.block.Block"
        move(project.root / "mine", f"{name}.forward.0.output.0", by(1.00044))
    done = project.command("judge-dump", "mine", "theirs", "--json", "found.json")
    said = told(done, 1).splitlines()
    assert said[:4] == [
        f"{PAIR}: drift, a cell computes something else (4 calls)",
        "  block.linear: Dense",
        "    output.0 2x5 float32: 10 of 10 values differ, relative L2 0.00044 (limit 1.9e-06, from inputs "
        "with the same bits)",
        "    this dump is wrong: from the float64 result on its own inputs, this dump is off by 0.00044, the "
        "reference by 2.9e-08",
    ]
    found = json.loads((project.root / "found.json").read_text())
    assert (found["verdict"], found["passed"], found["cell"]) == ("drift", False, "block.linear")
    assert found["findings"][0]["wrong"] == "here"
    # The other way round, the reference is.
    assert "    the reference is wrong: " in told(project.command("judge-dump", "theirs", "mine"), 1)


def test_other_weights_are_named(project):
    move(project.root / "mine", f"{LINEAR}.parameters.weight", by(1.5))
    said = told(project.command("judge-dump", "mine", "theirs"), 0)
    assert "note: parameters differ in 1 cell: block.linear" in said


def test_dumps_of_two_frameworks(project):
    shutil.copytree(DATA / "torch", project.root / "torch")
    said = told(project.command("judge-dump", "mine", "torch"), 0).splitlines()
    assert "within, no cell adds more than rounding (4 calls" in said[0]
    assert said[1] == "note: cells called only in the reference: block.narrow"
    move(project.root / "mine", f"{LINEAR}.output.0", by(1.001))
    assert "  block.linear: Dense, Linear in the reference" in told(
        project.command("judge-dump", "mine", "torch"), 1
    )


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda dump: (dump / "dump.json").write_text("{"), "dump.json: it is cut off, or no JSON"),
        (lambda dump: next((dump / "dump_tensor_data").iterdir()).unlink(), "array of the dump is missing"),
        (lambda dump: (dump / "dump.json").unlink(), "there is no dump.json in it"),
        (lambda dump: shutil.move(dump.parent, dump.parent.with_name("step3")), "two dumps of the same step"),
    ],
)
def test_a_damaged_dump_is_one_error(project, damage, words):
    damage(project.root / "mine/step0/proc1")
    said = told(project.command("judge-dump", "mine", "theirs"), 3)
    assert words in said
    assert len(said.splitlines()) == 1
    assert "mine" in said


def test_misuse(project):
    for arguments, words in (
        (["mine"], "Missing argument 'REFERENCE'"),
        (["mine", "theirs", "--for-device", "cpu"], "--for-device goes with --calibration"),
        (["mine", "theirs", "--across-devices"], "--across-devices goes with --calibration"),
        (["mine", "theirs", "--step", "4"], "it has no dump of that step and rank, but of step 0"),
        (["mine", "theirs", "--json", "nowhere/found.json"], "cannot be written"),
        (
            ["mine", "theirs", "--calibration", "suites/none.yaml::a"],
            "--baseline-dir baselines: no such folder",
        ),
    ):
        assert words in told(project.command("judge-dump", *arguments), 4)


def test_hostile_names_are_shown_harmlessly(project):
    folder = project.root / "mine/step0/proc1"
    text = (folder / "dump.json").read_text()
    (folder / "dump.json").write_text(text.replace("out.Dense", "\\u001b[31m\\n::error::out.Dense"))
    said = project.command("judge-dump", "mine", "theirs").stdout
    assert "\x1b" not in said
    assert "\n::error::" not in said


# What follows judges by the baseline of a shipped case.
CASE = one_case(str(ROOT / "suites/ddim.yaml::fifty-steps"))
STORE = BaselineStore(ROOT / "baselines")


@pytest.fixture(scope="module")
def latents():
    """The latents after each step of the case, and the calibrated limits on them."""
    baseline = STORE.load(CASE.suite, CASE.id, "cpu")
    assert baseline.measurement.latents is not None
    assert baseline.calibration is not None
    limits = calibrated_limits(baseline, baseline.calibration, baseline.calibration.factor).steps
    return baseline.measurement.latents, [each.relative_l2 for each in limits]


def unet(folder, step, latents):
    """Write a dump of a model that returns the latents that it gets."""
    value = Value(array_sha256(latents), "float32")
    call = CellCall("unet", 0, "UNet2DModel", {}, {}, (value,), (value,))
    write_dump(folder, DeepTrace("a/b", step, 1, (call,), None, value, {value.sha256: latents}, {}))
    return folder


def apart(latents, relative):
    """Return latents that are ``relative`` further off in L2."""
    noise = np.random.default_rng(0).standard_normal(latents.shape)
    return (latents + noise * relative * np.linalg.norm(latents) / np.linalg.norm(noise)).astype(np.float32)


@pytest.fixture
def by_case(tmp_path, latents):
    """Judge latents before a step that are this many limits from the baseline's."""
    arrays, limits = latents

    def found(step, shares, before=None, device="cpu", guided=False, across=False):
        array = arrays[step - 1 if before is None else before]
        array = np.concatenate([array, array]) if guided else array
        for name in ("mine", "theirs"):
            shutil.rmtree(tmp_path / name, ignore_errors=True)
        mine = unet(tmp_path / "mine", step, apart(array, shares * limits[step - 1]) if shares else array)
        theirs = unet(tmp_path / "theirs", step, array)
        return judge(mine, theirs, calibrated=Calibrated(CASE, STORE, device, across))

    return found


@pytest.mark.parametrize("step", [1, 20, 50])
def test_latents_are_judged_by_the_calibration_of_their_case(by_case, latents, step):
    found = by_case(step, 0.95)
    assert found.limit is not None
    assert (found.limit.relative_l2, found.case) == (latents[1][step - 1], "ddim/fifty-steps")
    assert found.judgement.passed
    assert found.judgement.used == pytest.approx(0.95, rel=0.05)
    found = by_case(step, 1.5)
    assert (found.judgement.first.place, found.judgement.first.calibrated) == ("model input", True)
    # By the line of rounding alone, which knows nothing of the case, that passes.
    assert 1.5 * latents[1][step - 1] < rounding_of("float32")
    assert judge(found.ours.folder, found.theirs.folder).judgement.passed


def test_dumps_of_two_kinds_of_device_may_be_further_apart(by_case):
    assert by_case(20, 2.4, across=True).judgement.passed
    assert not by_case(20, 2.6, across=True).judgement.passed


def test_a_batch_that_is_doubled_for_guidance(by_case):
    assert by_case(49, 0.9, guided=True).limit is not None


def test_a_dump_of_another_step_or_case(by_case):
    with pytest.raises(
        HarnessError, match=r"no input of its model is what ddim/fifty-steps has before step 20: "
    ):
        by_case(20, 0.5, before=20)


def test_the_first_step_has_no_limit(by_case, tmp_path, latents):
    found = by_case(1, 0.5)
    shutil.move(found.ours.folder.parents[1], tmp_path / "other")
    (tmp_path / "other/step1").rename(tmp_path / "other/step0")
    found = judge(tmp_path / "other", tmp_path / "other", calibrated=Calibrated(CASE, STORE, "cpu"))
    assert (found.case, found.limit) == ("ddim/fifty-steps", None)


def test_where_no_calibration_can_judge(by_case, tmp_path, latents):
    with pytest.raises(UsageError, match="has baselines for cpu, cpu-aarch64: add --for-device cpu"):
        by_case(10, 0, device=None)
    folder = unet(tmp_path / "far", 77, latents[0][0])
    with pytest.raises(HarnessError, match="no limit on what goes into step 77"):
        judge(folder, folder, calibrated=Calibrated(CASE, STORE, "cpu"))
    nameless = shutil.copytree(tmp_path / "far/step77/rank0", tmp_path / "nameless")
    with pytest.raises(UsageError, match="no name says which step this is"):
        judge(nameless, nameless, calibrated=Calibrated(CASE, STORE, "cpu"))
    empty = BaselineStore(tmp_path / "empty")
    with pytest.raises(HarnessError, match="no baseline of ddim/fifty-steps is stored"):
        judge(tmp_path / "far", tmp_path / "far", calibrated=Calibrated(CASE, empty))
    baseline = replace(STORE.load(CASE.suite, CASE.id, "cpu"), calibration=None)
    empty.write(baseline)
    with pytest.raises(HarnessError, match="its baseline for cpu is not calibrated"):
        judge(tmp_path / "far", tmp_path / "far", calibrated=Calibrated(CASE, empty))


def test_the_calibration_of_a_case_on_the_command_line(project, tmp_path, latents):
    unet(project.root / "a", 30, apart(latents[0][29], 3 * latents[1][29]))
    unet(project.root / "b", 30, latents[0][29])
    done = project.command(
        "judge-dump", "a", "b", "--calibration", str(ROOT / "suites/ddim.yaml::fifty-steps"),
        "--for-device", "cpu", "--baseline-dir", str(ROOT / "baselines"), "--json", "found.json",
    )  # fmt: skip
    said = told(done, 1)
    assert "drift, the pipeline passes something else to its model" in said
    assert "  what the pipeline passes to unet as input.0" in said
    assert "calibrated limit" in said
    found = json.loads((project.root / "found.json").read_text())
    assert (found["calibration"], found["limit"]["step"]) == ("ddim/fifty-steps", 30)
    unet(project.root / "far", 30, apart(latents[0][29], 1e-4))
    alone = told(project.command("judge-dump", "far", "b"), 1)
    assert "--calibration gives the limit of a case" in alone
