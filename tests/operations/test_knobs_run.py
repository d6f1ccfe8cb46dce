"""`explain --knobs` with real workers: six single causes and pairs, planted or the framework's own.

By day one of them, by the command; every night the others.
"""

import json
import os
import shutil
import signal
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
from other_interpreters import with_version
from user_project import Project

from harness.baselines.baseline import Baseline, Provenance, device_key
from harness.baselines.store import BaselineStore
from harness.cases.job import Conditions
from harness.cases.selection import one_case
from harness.operations.explain import explain
from harness.operations.knobs import explain_settings
from harness.operations.workers import Workers
from harness.releases.interpreters import inspect_interpreter
from harness.reporting.settings import settings_text

TESTS = Path(__file__).parents[1]
TWO_CORES = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="this process may run on one core")
SUITE = """\
suite: knobs
defaults:
  pipeline: planted_pipelines:moved
  seed: 0
  steps: 2
  tolerance: {{across_devices: {{max_abs: 1e-3}}, across_releases: {{max_abs: 1e-3}}}}
cases:
  - {{id: planted, arguments: {{values: [{values}], rule: {rule}}}}}
  - {{id: digits, pipeline: ddim, checkpoint: builtin:ddpm-digits, steps: 2, mode: {mode}, dtype: {dtype}}}
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    made = Project(tmp_path / "project")
    shutil.copy(TESTS / "planted_pipelines.py", made.root)
    monkeypatch.chdir(made.root)
    return made


class Planting:
    """Records a baseline under some settings, and explains from here."""

    def __init__(self, project):
        self.project, self.store = project, BaselineStore(Path("baselines"))
        self.workers = Workers(import_paths=(project.root,))

    def suite(self, *values, rule="all", mode="pynative", dtype="float32"):
        text = SUITE.format(values=", ".join(values), rule=rule, mode=mode, dtype=dtype)
        self.project.suite("knobs", text)

    def record(self, case="planted", *, python=None, isa=None, cores=1, mode="pynative", launches="blocking"):
        recorded = replace(one_case(f"suites/knobs.yaml::{case}"), mode=mode)
        job = replace(recorded.job(), conditions=Conditions(asynchronous=launches == "asynchronous"))
        with replace(self.workers, python=python, isa=isa, cores=cores).runner() as runner:
            measured = runner.run(job)
        provenance = Provenance.of(recorded, reason="first recording", git_commit=None)
        device = device_key(measured.fingerprint)
        self.store.write(Baseline(recorded.suite, recorded.id, device, measured, provenance))

    def explain(self, case="planted", **how):
        return explain_settings(one_case(f"suites/knobs.yaml::{case}"), self.workers, self.store, **how)


@pytest.fixture
def planting(project):
    return Planting(project)


def test_the_instruction_set_alone(planting, project):
    """Real: convolutions of oneDNN have other bits with SSE4.1."""
    planting.suite()
    planting.record("digits", isa="SSE41")
    done = project.harness("explain", "suites/knobs.yaml::digits", "--knobs", "--json", "found.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.startswith("to turn back: the instruction set (ISA); 1 run of about ")
    first, *rest = done.stdout.splitlines()
    assert first == (
        "knobs/digits, compared with the baseline baselines/knobs/digits/cpu.json: "
        "the instruction set (ISA) alone: with SSE41 the bits are those of the baseline"
    )
    assert rest[:4] == [
        "",
        "settings that differ:",
        "  setting                here  baseline  turned back alone, it gives",
        "  instruction set (ISA)  AVX2  SSE41     the bits of the baseline",
    ]
    found = json.loads((project.root / "found.json").read_text())
    assert (found["conclusion"], found["bits"]["alone"]) == ("alone", ["isa"])


@TWO_CORES
@pytest.mark.usefixtures("all_cores")
@pytest.mark.slow
def test_the_visible_cores_alone(planting):
    """Real: the kernels split their work by the cores that they see."""
    planting.suite()
    planting.record("digits", cores=2)
    # Without --knobs the environment is one cause, and the way on is told.
    told = explain(one_case("suites/knobs.yaml::digits"), planting.workers, planting.store)
    assert "to find which setting of the environment does it: give --knobs" in [n.text for n in told.notes]
    found = planting.explain("digits")
    assert (found.conclusion, found.bits.alone) == ("alone", ("cores",))
    assert "the visible cores alone: with 2 cores the bits are those of the baseline" in settings_text(found)


@TWO_CORES
@pytest.mark.usefixtures("all_cores")
@pytest.mark.slow
def test_the_visible_cores_the_other_way(planting):
    planting.suite()
    planting.record("digits")
    planting.workers = replace(planting.workers, cores=2)
    found = planting.explain("digits")
    assert (found.conclusion, found.bits.alone) == ("alone", ("cores",))
    assert "the visible cores alone: with one core the bits are those of the baseline" in settings_text(found)
    # And the instruction set, from a processor that has no more than SSE4.1.
    planting.workers = replace(planting.workers, cores=1, isa="SSE41")
    assert planting.explain("digits").bits.alone == ("isa",)


@pytest.mark.slow
def test_the_launch_mode_alone(planting):
    planting.suite("launches=asynchronous")
    planting.record(isa="SSE41", launches="asynchronous")
    found = planting.explain()
    assert [each.name for each in found.settings] == ["isa", "launches"]
    assert found.bits.alone == ("launches",)
    assert "the launch mode alone: with asynchronous launches" in settings_text(found)


@pytest.mark.slow
def test_the_mode_alone(planting):
    planting.suite("mode=pynative")
    planting.record(isa="SSE41")
    planting.project.edit("suites/knobs.yaml", "{id: planted", "{id: planted, mode: graph")
    found = planting.explain()
    assert [each.name for each in found.settings] == ["isa", "mode"]
    assert found.bits.alone == ("mode",)
    assert "the mode alone: in PyNative the bits are those of the baseline" in settings_text(found)


@pytest.mark.slow
def test_the_mode_alone_in_float16(planting):
    """Real: a graph fuses operators, which in float16 gives other bits."""
    planting.suite(dtype="float16")
    planting.record("digits")
    planting.suite(dtype="float16", mode="graph")
    found = planting.explain("digits")
    assert (found.conclusion, found.bits.alone) == ("alone", ("mode",))


@pytest.mark.slow
def test_numpy_alone(planting, tmp_path):
    planting.suite("numpy=1.26.99")
    other = with_version(tmp_path, "other", numpy="1.26.99")
    planting.record(isa="SSE41", python=other)
    found = planting.explain(others=[other])
    assert [each.name for each in found.settings] == ["isa", "numpy"]
    assert found.bits.alone == ("numpy",)
    assert "numpy alone: with numpy 1.26.99 the bits are those of the baseline" in settings_text(found)


@pytest.mark.slow
def test_mindspore_alone(planting, tmp_path):
    planting.suite("mindspore=2.9.99")
    other = with_version(tmp_path, "other", mindspore="2.9.99")
    planting.record(isa="SSE41", python=other)
    found = planting.explain(others=[other])
    assert [each.name for each in found.settings] == ["isa", "mindspore"]
    assert found.bits.alone == ("mindspore",)
    assert "MindSpore alone: with MindSpore 2.9.99 the bits are those of the baseline" in settings_text(found)


@pytest.mark.slow
def test_two_packages_apart(planting, tmp_path):
    """The reference has both; each is turned back alone, under the interpreter that has it."""
    planting.suite("numpy=1.26.99")
    given = [
        with_version(tmp_path, "numpy", numpy="1.26.99"),
        with_version(tmp_path, "mindspore", mindspore="2.9.99"),
    ]
    both = with_version(tmp_path, "both", numpy="1.26.99", mindspore="2.9.99")
    found = planting.explain(python=both, others=given)
    assert [each.name for each in found.settings] == ["numpy", "mindspore"]
    assert found.bits.alone == ("numpy",)
    assert found.of("mindspore").same is False
    assert "numpy alone: with numpy 1.26.99 the bits are those of the reference" in settings_text(found)


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["all", "any"])
def test_a_pair(planting, rule):
    """The output moves back only with both settings of the baseline, or with either."""
    planting.suite("isa=SSE41", "launches=asynchronous", rule=rule)
    planting.record(isa="SSE41", launches="asynchronous", mode="graph")
    planting.project.edit("suites/knobs.yaml", "{id: planted", "{id: planted, mode: pynative")
    found = planting.explain()
    assert [each.name for each in found.settings] == ["isa", "launches", "mode"]
    pair = ("isa", "launches")
    if rule == "any":
        assert found.bits.alone == pair
    else:
        assert (found.bits.alone, found.bits.together, found.bits.smallest) == ((), pair, True)
        told = (
            "the instruction set (ISA) and the launch mode, only together: with SSE41 and with asynchronous"
        )
        assert told in settings_text(found)


@pytest.mark.releases
def test_another_release(planting, other_python, other_bits):
    """Real: two MindSpore releases. The launch mode differs, too, and is not what moves the bits."""
    if inspect_interpreter(other_python).packages["numpy"] != version("numpy"):
        pytest.skip("numpy differs as well, and no environment has one of the two versions alone")
    planting.suite()
    planting.record("digits", python=other_python, launches="asynchronous")
    found = planting.explain("digits", others=[other_python])
    if not other_bits:
        assert found.conclusion == "nothing"
        return
    assert [each.name for each in found.settings] == ["launches", "mindspore"]
    assert found.bits.alone == ("mindspore",)
    assert found.of("launches").same is False


@TWO_CORES
@pytest.mark.usefixtures("all_cores")
@pytest.mark.releases
def test_another_release_on_two_cores(planting, other_python, other_bits):
    """Real: neither the cores nor the release alone brings the baseline's bits, both together do."""
    if not other_bits or inspect_interpreter(other_python).packages["numpy"] != version("numpy"):
        pytest.skip("needs a release with other bits, and the same numpy")
    planting.suite()
    planting.record("digits", python=other_python, cores=2)
    found = planting.explain("digits", others=[other_python])
    assert (found.bits.alone, found.bits.together) == ((), ("cores", "mindspore"))


@pytest.mark.slow
def test_an_interrupt_leaves_nothing_behind(planting, project, tmp_path):
    planting.suite("launches=asynchronous")
    planting.record(isa="SSE41", launches="asynchronous")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    project.environment["TMPDIR"] = str(temporary)
    before = sorted(project.root.rglob("*"))
    running = project.started("harness", "explain", "suites/knobs.yaml::planted", "--knobs")
    assert "to turn back" in running.stdout.readline()
    running.send_signal(signal.SIGINT)
    out, _ = running.communicate(timeout=60)
    assert running.returncode == 130, out
    assert "nothing was written but environments that are complete" in out
    assert list(temporary.iterdir()) == []
    cached = ("__pycache__", ".pyc")
    after = [each for each in sorted(project.root.rglob("*")) if not each.name.endswith(cached)]
    assert after == [each for each in before if not each.name.endswith(cached)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--knobs", "--code", "HEAD"], "--knobs turns settings back: leave out --code"),
        (["--knobs", "--step", "0"], "--knobs turns settings back: leave out --step"),
        (["--knobs", "--atlas", "baselines"], "--knobs turns settings back: leave out --atlas"),
        (["--knobs", "--export-msprobe", "out"], "--knobs turns settings back: leave out --export-msprobe"),
        (["--with-python", sys.executable], "--with-python goes with --knobs"),
        (["--max-runs", "3"], "--max-runs goes with --knobs"),
        (["--environments", "here"], "--environments goes with --knobs"),
        (["--knobs", "--max-runs", "0"], "--max-runs"),
        (["--knobs"], "--baseline-dir baselines: no such folder"),
    ],
)
def test_wrong_usage(planting, project, arguments, message):
    planting.suite()
    done = project.command("explain", "suites/knobs.yaml::planted", *arguments)
    assert done.returncode == 4
    assert message in done.stderr
