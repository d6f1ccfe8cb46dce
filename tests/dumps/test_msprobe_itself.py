"""msprobe itself: it takes what is exported, and what it records is read and judged.

HARNESS_MSPROBE_PYTHON names an interpreter that has mindstudio-probe 26.2.0, MindSpore and torch.
"""

import csv
import io
import os
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from test_dump_reading import load
from user_project import Project

DATA = Path(__file__).parents[1] / "data/msprobe"
_PYTHON = "HARNESS_MSPROBE_PYTHON"
SUITE = """\
suite: digits
cases:
  - {id: ddim, pipeline: ddim, checkpoint: builtin:ddpm-digits, seed: 0, steps: 2}
"""

pytestmark = pytest.mark.msprobe


@pytest.fixture(scope="session")
def msprobe():
    """The interpreter that has msprobe."""
    given = os.environ.get(_PYTHON)
    if not given:
        pytest.skip(
            f"set {_PYTHON} to the python of an environment with mindstudio-probe, MindSpore and torch"
        )
    return Path(given).absolute()


def run(*command):
    done = subprocess.run([str(each) for each in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def rows_of(msprobe, mine, theirs, out):
    """Let msprobe compare two steps, and return the rows of its table."""
    run(msprobe.parent / "msprobe", "compare", "-tp", mine, "-gp", theirs, "-o", out)
    (table,) = out.glob("*.csv")
    return list(csv.DictReader(io.StringIO(table.read_text(), newline="")))


def record(msprobe, framework, out, fault=0.0):
    """Let msprobe record the small model of `record.py`."""
    run(msprobe, DATA / "record.py", framework, out, fault)
    return out


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The export of a faulty run and of its baseline, and the project they are in."""
    project = Project(tmp_path_factory.mktemp("msprobe") / "project")
    project.suite("digits", SUITE)
    done = project.harness("record", "suites/digits.yaml", "--deep")
    assert done.returncode == 0, done.stderr
    project.edit_core("pipelines/models/attention.py", "self.scale = 1.0 / math", "self.scale = 1.1 / math")
    done = project.harness("explain", "suites/digits.yaml::ddim", "--export-msprobe", "dumps")
    assert done.returncode == 0, done.stdout + done.stderr
    return project


def test_compare_takes_an_export(msprobe, exported, tmp_path):
    dumps = exported.root / "dumps"
    rows = rows_of(msprobe, dumps / "step0", dumps / "reference/step0", tmp_path)
    dump = load(dumps / "step0")
    tensors = [each for call in dump.calls for each in (*call.inputs, *call.outputs)]
    assert len(rows) == len(tensors)
    assert {row["NPU Name"] for row in rows} == {row["Bench Name"] for row in rows}
    # It judges by arrays, not by names alone: all but scalars have a cosine and a distance.
    judged = [row for row in rows if row["EucDist"] not in ("unsupported", "N/A")]
    assert len(judged) > 200
    assert Counter(float(row["EucDist"]) > 0 for row in judged)[True] > 50
    # What comes before the faulty attention is the same.
    before = [row for row in judged if row["NPU Name"].startswith("Cell.unet.down_blocks.0.")]
    assert {float(row["EucDist"]) for row in before} == {0.0}


def test_graph_visualize_takes_an_export(msprobe, exported, tmp_path):
    dumps = exported.root / "dumps"
    command = msprobe.parent / "msprobe"
    mine, theirs = dumps / "step0/rank0", dumps / "reference/step0/rank0"
    run(command, "graph_visualize", "-tp", mine, "-gp", theirs, "-o", tmp_path)
    (graph,) = tmp_path.glob("*.vis.db")
    assert b"Cell.unet.mid_block.attentions.0.Attention.forward.0" in graph.read_bytes()


def test_an_export_is_judged_like_a_dump(exported):
    done = exported.command("judge-dump", "dumps", "dumps/reference")
    assert done.returncode == 1, done.stderr
    assert "  unet.mid_block.attentions.0: Attention" in done.stdout.splitlines()


@pytest.mark.parametrize("framework", ["mindspore", "torch"])
def test_what_msprobe_records_is_read_and_judged(msprobe, tmp_path, framework):
    sound = record(msprobe, framework, tmp_path / "sound")
    faulty = record(msprobe, framework, tmp_path / "faulty", 4.4e-4)
    project = Project(tmp_path / "project")
    done = project.command("judge-dump", str(sound), str(sound), "--step", "1")
    assert (done.returncode, ": identical" in done.stdout) == (0, True), done.stderr
    done = project.command("judge-dump", str(faulty), str(sound), "--step", "1")
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    assert lines[1].startswith("  block.linear: ")
    assert "relative L2 0.00044 " in lines[2]
    assert "this dump is wrong" in lines[3]
    # What docs/msprobe.md says of msprobe's own verdict.
    rows = rows_of(msprobe, faulty / "step1", sound / "step1", tmp_path / "compared")
    assert Counter(row["Result"] for row in rows) == {"pass": 14 if framework == "mindspore" else 16}


@pytest.mark.parametrize("framework", ["mindspore", "torch"])
def test_the_dumps_in_the_repository_are_what_msprobe_records(msprobe, tmp_path, framework):
    fresh = load(record(msprobe, framework, tmp_path / "fresh") / "step0")
    kept = load(DATA / framework)
    assert [(call.name, call.parent) for call in fresh.calls] == [
        (call.name, call.parent) for call in kept.calls
    ]
    done = Project(tmp_path / "project").command(
        "judge-dump", str(tmp_path / "fresh/step0"), str(DATA / framework)
    )
    assert done.returncode == 0, done.stdout


def test_two_frameworks_are_compared(msprobe, tmp_path):
    mine, theirs = (record(msprobe, each, tmp_path / each) for each in ("mindspore", "torch"))
    done = Project(tmp_path / "project").command("judge-dump", str(mine), str(theirs), "--step", "0")
    assert (done.returncode, ": within" in done.stdout) == (0, True), done.stdout + done.stderr
