"""`harness explain` and `harness record --deep`: what is printed, exit codes, misuse."""

import json
import subprocess
import sys

import pytest
from user_project import Project

SUITE = """\
suite: digits
cases:
  - {id: ddim, pipeline: ddim, checkpoint: builtin:ddpm-digits, seed: 0, steps: 2}
  - {id: no-cells, pipeline: "pipelines:with_environment", seed: 0, steps: 2}
"""
CASE = "suites/digits.yaml::ddim"
DEEP = "baselines/digits/ddim/cpu.deep.safetensors"
# One digit of the model's code.
FAULT = (
    "pipelines/models/attention.py",
    "self.scale = 1.0 / math",
    "self.scale = 1.001 / math",
)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Baselines and deep traces of both cases."""
    made = Project(tmp_path_factory.mktemp("explain") / "project")
    made.suite("digits", SUITE)
    done = made.harness("record", "suites/digits.yaml", "--deep")
    assert done.returncode == 0, done.stdout + done.stderr
    made.recording = done.stdout
    return made


@pytest.fixture
def project(recorded, tmp_path):
    return recorded.copy(tmp_path / "project")


def refused(done, *told):
    assert done.returncode == 3
    assert "Traceback" not in done.stdout + done.stderr
    for text in told:
        assert text in done.stderr, done.stderr


def test_recording_says_what_it_stored(recorded):
    assert "digits/ddim: deep trace of step 0, 102 cell calls, " in recorded.recording
    assert f" MB in {DEEP} (not for version control)" in recorded.recording
    assert (recorded.root / DEEP).stat().st_size > 1_000_000
    assert "digits/no-cells: deep trace of step 0, 0 cell calls, " in recorded.recording


# By day: test_faults_explained.py, as for what two interpreters run alike.
@pytest.mark.slow
def test_nothing_differs(recorded):
    done = recorded.harness("explain", CASE)
    assert (done.returncode, done.stderr) == (1, "")
    told, note = done.stdout.splitlines()
    assert told == "digits/ddim, compared with the baseline baselines/digits/ddim/cpu.json: nothing differs"
    assert note.startswith("note: nothing differed in three runs, two of them in fresh workers. If the case ")


def test_a_fault_is_explained_to_its_cell(project):
    project.edit_core(*FAULT)
    done = project.harness(
        "explain", CASE, "--against", "baseline", "--json", "found.json", "--export-msprobe", "dumps"
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].endswith(": a cell of the model computes something else")
    number = "the constant unet/mid_block.attentions.0.scale is not the one recorded: it is 0.25025"
    assert lines[3].startswith(f"  1. model: {number}")
    assert lines[4].startswith("  2. numerics: the latents differ from step 0 on")
    assert "    mid_block.attentions.0: Attention" in lines
    assert "      in its own operations, after to_v, in what it passes to to_out.0 as x" in lines
    (change,) = [line for line in lines if "in the reference" in line]
    assert change.strip().startswith("scale is 0.25025")
    found = json.loads((project.root / "found.json").read_text())
    assert (found["conclusion"], found["model"], found["cell"]) == ("cell", "unet", "mid_block.attentions.0")
    assert found["replay"]["findings"][0]["shape"] == [1, 64, 48]
    assert [cause["kind"] for cause in found["causes"]] == ["model", "numerics"]
    assert found["exported"] == {"run": "dumps/step0", "reference": "dumps/reference/step0"}
    assert lines[-2:] == ["dump of this run: dumps/step0", "dump of the reference: dumps/reference/step0"]
    cell = "Cell.unet.mid_block.attentions.0.to_out.0.Dense.forward.0"
    differing = {
        kind: array_of(project, found["exported"]["run"], f"{cell}.{kind}.0.npy")
        != array_of(project, found["exported"]["reference"], f"{cell}.{kind}.0.npy")
        for kind in ("input", "output")
    }
    # A dump holds what a run computed: here a fault's consequences are not taken back.
    assert differing == {"input": True, "output": True}
    again = project.harness("explain", CASE, "--export-msprobe", "dumps")
    assert (again.returncode, "dumps: this folder is not empty" in again.stderr) == (4, True)


def array_of(project, dump, name):
    return (project.root / dump / "rank0/dump_tensor_data" / name).read_bytes()


def test_without_a_deep_trace_the_causes_are_told_and_the_way_to_the_cell(project):
    (project.root / DEEP).unlink()
    project.edit_core(*FAULT)
    done = project.harness("explain", CASE, "--step", "1", "--export-msprobe", "dumps")
    assert done.returncode == 0
    # The run alone, as no trace of that step is stored.
    assert done.stdout.splitlines()[-1] == "dump of this run: dumps/step1"
    assert [each.name for each in (project.root / "dumps").iterdir()] == ["step1"]
    assert done.stdout.splitlines()[0].endswith(": a number in the model is another one")
    assert "  2. numerics: the latents differ from step 0 on" in done.stdout
    assert "harness record suites/digits.yaml::ddim --baseline-dir baselines --deep" in done.stdout
    # In another environment it would help; here it would run the same code.
    assert "--python the interpreter" not in done.stdout


def test_a_pipeline_without_cells_gets_its_causes(project):
    project.environment["TEST_OFFSET"] = "1e-3"
    done = project.harness("explain", "suites/digits.yaml::no-cells")
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[0].endswith(": what follows the last step")
    project.edit("pipelines.py", "latents = latents * 0.9", "latents = latents * 0.8")
    done = project.harness("explain", "suites/digits.yaml::no-cells")
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[0].endswith(": the code of the pipeline was edited")
    assert "1. code: pipelines.py changed" in done.stdout
    assert "2. numerics: the latents differ from step 0 on" in done.stdout
    assert "note: no cell was examined: the pipeline calls no mindspore.nn.Cell in step 0" in done.stdout


@pytest.mark.slow
def test_what_both_interpreters_run_alike_may_still_drift_from_the_baseline(project):
    one = "suites/digits.yaml::no-cells"
    project.environment["TEST_OFFSET"] = "1e-3"
    done = project.harness("explain", one, "--python", sys.executable)
    assert done.returncode == 1, done.stdout + done.stderr
    told, note = done.stdout.splitlines()
    assert told.endswith(": nothing differs")
    assert note.startswith("note: both sides ran the same code, but against the baseline baselines/digits/")
    del project.environment["TEST_OFFSET"]
    assert "still drifts" not in project.harness("explain", one, "--python", sys.executable).stdout


def test_an_interpreter_without_mindspore(recorded):
    bare = recorded.root / "bare"
    if not bare.exists():
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    refused(recorded.harness("explain", CASE, "--python", str(bare / "bin" / "python")), "No module named")
    wrong = recorded.harness("explain", CASE, "--python", "nowhere/python")
    assert (wrong.returncode, "no such interpreter" in wrong.stderr) == (4, True)


def test_errors_are_one_message(project):
    (project.root / DEEP).write_bytes(b"")
    project.edit_core(*FAULT)
    refused(
        project.harness("explain", CASE),
        "cpu.deep.safetensors: it is truncated, or not a deep trace",
        "Record it again",
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["suites/digits.yaml::ddin"], "there is no case 'ddin'; did you mean 'ddim'?"),
        (["suites/digits.yaml"], "suites/digits.yaml names 2 cases: write SUITE.yaml::CASE with one of ddim"),
        ([CASE, "--python", "python", "--against", "baseline"], "--python and --against exclude each other"),
        ([CASE, "--code", "HEAD", "--against", "baseline"], "--code and --against exclude each other"),
        (
            [CASE, "--code", "HEAD"],
            "comes from no repository of yours; --code is for cases whose pipeline is",
        ),
        ([CASE, "--against", "yesterday"], "yesterday"),
        ([CASE, "--step", "-1"], "--step"),
        ([CASE, "--json", "nowhere/found.json"], "nowhere/found.json: cannot be written"),
        ([], "SUITE.yaml::CASE"),
    ],
)
def test_wrong_usage(recorded, arguments, message):
    done = recorded.command("explain", *arguments)
    assert done.returncode == 4
    assert message in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
