"""The matrix, with real workers: what each pair comes to, what is kept, what an environment lacks."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from other_interpreters import interpreter
from samples import first_reason, make_baseline, make_calibration, make_case, make_measurement
from user_project import Project, heed_interrupts

import harness
from harness.baselines.store import BaselineStore
from harness.errors import HarnessError
from harness.judgement.judgement import Verdict
from harness.judgement.tiers import FieldDifference
from harness.operations.compare_runs import compare_runs
from harness.operations.matrix import classes
from harness.releases.interpreters import Subject
from harness.releases.kept import KeptMeasurements, Sources, is_workers_side, read_measurement
from harness.reporting.commands import Invocation, reason_texts
from harness.reporting.reasons import in_words

SUITE = """\
suite: small
defaults: {pipeline: "pipelines:with_environment", seed: 0, steps: 2}
cases:
  - {id: one}
  - {id: two, seed: 2, tags: [quick], tolerance: {same_environment: {max_abs: 0.5}}}
"""


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path / "project")
    made.suite("small", SUITE)
    return made


def matrix(project, *arguments):
    done = project.harness("matrix", "suites/", "--json", "matrix.json", *arguments)
    assert "Traceback" not in done.stdout
    path = project.root / "matrix.json"
    return done, json.loads(path.read_text()) if path.exists() else None


def pythons(*paths):
    return [argument for path in paths for argument in ("--python", path)]


def verdicts(found, case):
    (row,) = [row for row in found["cases"] if row["id"] == case]
    return {(pair["from"], pair["to"]): pair["verdict"] for pair in row["pairs"]}


def test_the_same_environment_and_one_that_drifts(project, tmp_path):
    same = [interpreter(tmp_path, name, mindspore=name) for name in ("2.7.0", "2.8.0")]
    other = interpreter(tmp_path, "2.9.0", mindspore="2.9.0", TEST_OFFSET="0.25")
    pages = ("--html", "matrix.html", "--markdown", "matrix.md")
    done, found = matrix(project, *pythons(other, *same), *pages)
    assert done.returncode == 1, done.stdout + done.stderr
    # By release, in whatever order they were given.
    assert [each["name"] for each in found["environments"]] == ["2.7.0", "2.8.0", "2.9.0"]
    assert verdicts(found, "one") == {
        ("2.7.0", "2.8.0"): "identical", ("2.7.0", "2.9.0"): "drift", ("2.8.0", "2.9.0"): "drift",
    }  # fmt: skip
    # Each case is judged by its own tolerance.
    assert verdicts(found, "two")["2.8.0", "2.9.0"] == "within"
    (pair,) = [each for each in found["cases"][1]["pairs"] if each["from"] == "2.8.0"]
    assert pair["worst"] == "max_abs"
    assert pair["share"] == pytest.approx(0.5, rel=1e-6)
    assert found["same_bits"] == [["2.7.0", "2.8.0"], ["2.9.0"]]
    assert "same bits: 2.7.0 = 2.8.0; unlike any other: 2.9.0\n" in done.stdout
    assert "drift  small/one, 2.8.0 → 2.9.0: the output is not bitwise equal" in done.stdout
    assert "6 pairs compared: 2 identical, 2 within, 2 drift" in done.stdout
    markdown = (project.root / "matrix.md").read_text()
    assert "| case | 2.7.0 | 2.8.0 | 2.9.0 |\n" in markdown
    assert "| <code>small/one</code> | ran | identical | drift " in markdown
    assert "\nsame bits: 2.7.0 = 2.8.0; unlike any other: 2.9.0." in markdown
    page = (project.root / "matrix.html").read_text()
    assert page.count('<td class="v-drift"') == 3
    # Every pair but the first column's own is in the page twice: in the grid if neighbours, and in the table.
    assert page.count('<td class="v-identical"') == 4
    assert same[0] in page

    # Without the one that drifts, everything passes; and nothing runs again.
    done, found = matrix(project, *pythons(*same))
    assert done.returncode == 0, done.stdout
    assert [each["kept"] for each in found["environments"]] == [2, 2]


def test_one_interpreter_given_twice_runs_twice(project):
    done, found = matrix(project, *pythons(sys.executable, sys.executable))
    assert done.returncode == 0, done.stdout + done.stderr
    names = [each["name"] for each in found["environments"]]
    assert names == [names[0], names[0].replace("#1", "#2")]
    assert [each["kept"] for each in found["environments"]] == [0, 0]


COUNTED = """\
suite: counted
defaults: {pipeline: "pipelines:counted", seed: 0, steps: 2}
cases: [{id: one}, {id: two, seed: 1}, {id: three, seed: 2}]
"""


# By day: campaigns/test_kills.py, whose runs are prepared.
@pytest.mark.slow
def test_an_interrupted_matrix_goes_on_where_it_stopped(tmp_path):
    project = Project(tmp_path / "project")
    project.suite("counted", COUNTED)
    runs = tmp_path / "runs"
    runs.write_text("")
    project.environment["TEST_RUNS"] = str(runs)
    other = interpreter(tmp_path, "other", mindspore="2.7.0")
    command = ["matrix", "suites/", *pythons(other, sys.executable)]
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", *command],
        cwd=project.root,
        env={**project.environment, "TEST_WAIT_AT": "5"},
        preexec_fn=heed_interrupts,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while len(runs.read_text().splitlines()) < 5 and process.poll() is None:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "interrupted: finished runs are kept, and the same command continues from there" in errors
    assert "Traceback" not in errors
    with pytest.raises(ProcessLookupError):
        os.kill(int(runs.read_text().split()[-1]), 0)

    done = project.harness(*command)
    assert done.returncode == 0, done.stdout + done.stderr
    # Six in all; the fifth did not end.
    assert len(runs.read_text().splitlines()) == 5 + 2
    assert "6 runs in" in done.stdout
    assert "4 of them kept from earlier" in done.stdout
    # What is kept is for this machine, and nothing of it is half-written.
    files = [path for path in (project.root / ".harness").rglob("*") if path.is_file()]
    assert sorted(path.name for path in files) == [
        ".gitignore",
        *sorted(f"{name}.safetensors" for name in ("one", "two", "three") * 2),
    ]


def test_a_case_that_fails_is_an_error_in_its_place(tmp_path):
    project = Project(tmp_path / "project")
    project.suite(
        "broken",
        "suite: broken\ndefaults: {seed: 0, steps: 1}\ncases:\n  - {id: a, pipeline: 'pipelines:raising'}\n"
        "  - {id: b, pipeline: 'pipelines:sound'}\n  - {id: c, pipeline: 'pipelines:not_a_number'}\n",
    )
    done, found = matrix(
        project,
        *pythons(*(interpreter(tmp_path, name, mindspore=name) for name in ("2.7.0", "2.8.0"))),
    )
    assert done.returncode == 2
    assert verdicts(found, "a") == verdicts(found, "c") == {("2.7.0", "2.8.0"): "error"}
    assert verdicts(found, "b") == {("2.7.0", "2.8.0"): "identical"}
    assert done.stdout.count(": broken/a: ValueError: the pipeline's own error\n") == 2
    # All of it is told when it happens.
    assert done.stderr.count("Traceback") == 2
    assert "the run compared with: output holds NaN or Inf" in done.stdout
    # A case that ran nowhere parts no releases.
    assert found["same_bits"] == [["2.7.0", "2.8.0"]]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 4, "give two or more --release or --python"),
        (("--release", "mindspore==2.8.0"), 4, "give two or more"),
        (("--release", "mindspore", "--release", "x"), 4, "'mindspore' is not a release"),
        (("--python", "nowhere", "--python", "nowhere"), 4, "nowhere: no such interpreter"),
        (("--python", "/bin/true", "--python", "/bin/true"), 4, "/bin/true: not a Python interpreter"),
        (("--baseline-dir", "nowhere", *pythons("python3", "python3")), 4, "nowhere: no such folder"),
        (("--with", "numpy", *pythons("python3", "python3")), 4, "--with applies to environments"),
        (("--without-tag", "quik", *pythons("python3", "python3")), 4, "did you mean 'quick'"),
        (("--json", "no/such/folder.json", *pythons("python3", "python3")), 4, "cannot be written"),
    ],
)
def test_what_is_wrong_is_told_before_anything_runs(project, arguments, code, message):
    done = project.command("matrix", "suites/", *arguments)
    assert (done.returncode, message in done.stderr) == (code, True), done.stderr
    assert not (project.root / ".harness").exists()


def test_an_interpreter_without_mindspore(project, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    bare = str(tmp_path / "bare" / "bin" / "python")
    done = project.harness("matrix", "suites/", *pythons(sys.executable, bare))
    assert done.returncode == 4
    assert (
        f"{bare}: MindSpore is not installed there; install it, or leave this interpreter out" in done.stderr
    )
    assert not (project.root / ".harness").exists()


def compared(reference, measured, tmp_path, **case):
    return compare_runs(make_case(**case), reference, measured, BaselineStore(tmp_path))


def test_bits_decide_before_any_tolerance(tmp_path):
    other = make_measurement(fingerprint={**make_measurement().fingerprint, "mindspore": "2.9.0"})
    strict = compared(make_measurement(), other, tmp_path, strict=True)
    assert (strict.verdict, strict.relative_l2) == (Verdict.IDENTICAL, 0.0)
    assert strict.differences == (FieldDifference("mindspore", "2.9.0", "2.10.0"),)
    moved = make_measurement(
        np.clip(make_measurement().output + np.float32(1e-3), 0, 1), fingerprint=other.fingerprint
    )
    # As it should be: the case asks for it.
    strict = compared(make_measurement(), moved, tmp_path, strict=True)
    assert (strict.verdict, strict.passed) == (Verdict.INCOMPARABLE, True)
    uncalibrated = compared(make_measurement(), moved, tmp_path)
    assert (uncalibrated.verdict, uncalibrated.passed) == (Verdict.INCOMPARABLE, False)
    assert "without a calibration" in first_reason(uncalibrated)


def test_another_numpy_s_way_to_sum_is_no_change_of_bits():
    measured = make_measurement()
    statistics = {name: np.nextafter(value, 9) for name, value in measured.statistics.items()}
    assert dataclasses.replace(measured, statistics=statistics).bits == measured.bits
    assert make_measurement(seed=8).bits != measured.bits
    singles = dataclasses.replace(measured, singles=measured.output)
    assert singles.bits != measured.bits
    steps = dataclasses.replace(measured, trace=measured.trace[::-1])
    assert steps.bits != measured.bits


def test_nan_is_not_the_same_as_nan(tmp_path):
    broken = make_measurement(np.full((1, 8, 8, 3), np.nan, np.float32))
    assert compared(broken, broken, tmp_path).verdict is Verdict.ERROR
    assert compared(make_measurement(), broken, tmp_path).verdict is Verdict.DRIFT
    assert in_words(compared(HarnessError("gone\nlog"), make_measurement(), tmp_path).reasons) == (
        "there is nothing to compare with: gone",
    )


def test_the_calibration_stored_is_what_pairs_are_judged_by(tmp_path):
    case = make_case()
    reference = make_measurement(keep=True)
    moved = dataclasses.replace(
        reference,
        output=reference.output + np.float32(1e-6),
        fingerprint={**reference.fingerprint, "mindspore": "2.9.0"},
    )
    store = BaselineStore(tmp_path)
    assert compare_runs(case, reference, moved, store).verdict is Verdict.INCOMPARABLE
    store.write(dataclasses.replace(make_baseline(case, reference), calibration=make_calibration()))
    assert compare_runs(case, reference, moved, store).share is not None
    stale = make_case(steps=3)
    assert compare_runs(stale, reference, moved, store).verdict is Verdict.INCOMPARABLE


def test_what_keeps_a_calibration_from_use_is_the_reason(tmp_path):
    case = make_case()
    reference = make_measurement(keep=True)
    moved = dataclasses.replace(
        reference,
        output=reference.output + np.float32(1e-6),
        fingerprint={**reference.fingerprint, "mindspore": "2.9.0"},
    )
    store = BaselineStore(tmp_path / "mine")

    def reason(case):
        (told,) = reason_texts(compare_runs(case, reference, moved, store), Invocation(str(store.root)))
        assert told.count("--baseline-dir") == told.count(f"--baseline-dir {store.root}") == 1
        return told.partition("suites/guide.yaml:4: ")[2]

    assert reason(case).startswith("no baseline of guide/two-steps is stored in ")
    assert "harness record " in reason(case)
    store.write(make_baseline(case, reference))
    # Under whatever interpreter that was.
    where = f"--baseline-dir {store.root} where the baseline was recorded"
    assert reason(case).startswith(f"run harness calibrate suites/guide.yaml::two-steps {where}")
    assert reason(make_case(steps=3)).startswith("its baseline is stale: the case was edited since")
    path = store.path("guide", "two-steps", "cpu")
    path.write_bytes(path.read_bytes()[:100])
    assert reason(case).startswith(f"its baseline is damaged: {path}: ")
    assert "harness calibrate" not in reason(case)


def test_unusable_baselines_are_told_before_anything_runs(project, tmp_path):
    project.suite(
        "small",
        "suite: small\ndefaults: {pipeline: 'pipelines:with_environment', seed: 0, steps: 2}\n"
        "cases: [{id: good}, {id: edited}, {id: cut}]\n",
    )
    project.keep_baselines()
    (project.root / "baselines").rename(project.root / "mine")
    project.edit("suites/small.yaml", "{id: edited}", "{id: edited, steps: 3}")
    project.edit("suites/small.yaml", "{id: cut}", "{id: cut}, {id: new}")
    cut = project.root / "mine" / "small" / "cut" / "cpu.json"
    cut.write_bytes(cut.read_bytes()[:100])
    two = [
        interpreter(tmp_path, name, mindspore=name, TEST_OFFSET=offset)
        for name, offset in (("2.7.0", "0"), ("2.8.0", "0.25"))
    ]
    done, _ = matrix(project, *pythons(*two), "--baseline-dir", "mine")
    assert done.returncode == 1, done.stderr
    notes = [line for line in done.stderr.splitlines() if line.startswith("note")]
    assert [note.split(": ")[0] for note in notes] == [
        "note  small/edited", "note  small/cut", "note  small/new",
    ]  # fmt: skip
    assert "its baseline is stale: the case was edited since" in notes[0]
    assert "its baseline is damaged: mine/small/cut/cpu.json: " in notes[1]
    assert "no baseline of small/new is stored in mine; record it: " in notes[2]
    assert all("--baseline-dir mine" in note for note in notes)
    assert "--baseline-dir baselines" not in done.stdout + done.stderr

    bisected = project.harness(
        "bisect", "suites/small.yaml::cut", "--good", "mindspore==2.7.0", "--bad", "mindspore==2.8.0",
        "--repeats", "1", *pythons(*two),
    )  # fmt: skip
    assert bisected.returncode == 0, bisected.stderr
    assert "note  baselines: no such folder of baselines" in bisected.stderr


def test_classes_of_equal_bits():
    assert classes(["a", "b", "c", "d"], ["x", "y", "x", "z"]) == (("a", "c"), ("b",), ("d",))


@pytest.fixture
def kept(tmp_path):
    (tmp_path / "suites").mkdir()
    case = make_case(path=tmp_path / "suites" / "guide.yaml", checkpoint="weights", keep="latents")
    (tmp_path / "suites" / "weights").mkdir()
    (tmp_path / "suites" / "weights" / "config.json").write_text("{}")

    def store(environment=None, packages=None, python="/a/python", **options):
        subject = Subject("2.8.0", python, packages or {"mindspore": "2.8.0"})
        sources = Sources([tmp_path / "own"])
        return KeptMeasurements(
            tmp_path / "work", subject, environment or {"isa": "AVX2"}, sources, **options
        )

    return case, store


def test_what_is_kept_comes_back_bit_for_bit(kept):
    case, store = kept
    measurement = dataclasses.replace(
        make_measurement(keep=True), peak_memory=7, replaced_kernels={"Arange": 2}
    )
    path = store().save(case, measurement)
    back = read_measurement(store().find(case))
    assert back.bits == measurement.bits
    assert back.latents.tobytes() == measurement.latents.tobytes()
    for name in ("statistics", "trace", "ledger", "fingerprint", "checkpoint", "canaries", "timings",
                 "peak_memory", "replaced_kernels"):  # fmt: skip
        assert getattr(back, name) == getattr(measurement, name), name
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert store().find(case) is None
    path.write_bytes(data[:100])
    assert store().find(case) is None


def test_what_is_kept_is_taken_for_the_very_same_alone(kept, tmp_path):
    case, store = kept
    store().save(case, make_measurement())
    assert store().find(case) is not None
    assert store(fresh=True).find(case) is None
    # Another run of the same is kept beside it.
    assert store(time=2).find(case) is None
    other = make_measurement(seed=1)
    store(time=2).save(case, other)
    assert read_measurement(store(time=2).find(case)).bits == other.bits
    assert read_measurement(store().find(case)).bits == make_measurement().bits
    assert store({"isa": "AVX512"}).find(case) is None
    assert store(packages={"mindspore": "2.8.0", "scipy": "1.2"}).find(case) is None
    assert store(python="/another/python").find(case) is None
    assert store().find(dataclasses.replace(case, steps=3)) is None
    # How it is judged is not what it is.
    assert store().find(dataclasses.replace(case, tags=("new",))) is not None
    weights = tmp_path / "suites" / "weights" / "config.json"
    weights.write_text('{"changed": 1}')
    assert store().find(case) is None
    weights.write_text("{}")
    assert store().find(case) is not None


def test_code_and_files_that_a_case_is_made_from(tmp_path):
    code = tmp_path / "own" / "package" / "module.py"
    code.parent.mkdir(parents=True)
    code.write_text("a = 1")
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"a")
    own = make_case(
        path=tmp_path / "x.yaml", pipeline="package.module:f", checkpoint=None,
        arguments={"images": [{"file": "picture.png"}]},
    )  # fmt: skip
    built_in = make_case(path=tmp_path / "x.yaml")

    def sources(case):
        return Sources([tmp_path / "own"]).of(case)

    before = sources(own), sources(built_in)
    (code.parent / "data.txt").write_text("is not code")
    environment = tmp_path / "own" / "venv"
    environment.mkdir()
    (environment / "pyvenv.cfg").write_text("")
    (environment / "installed.py").write_text("")
    assert (sources(own), sources(built_in)) == before
    code.write_text("a = 2")
    assert sources(own) != before[0]
    assert sources(built_in) == before[1]
    code.write_text("a = 1")
    assert sources(own) == before[0]
    picture.write_bytes(b"b")
    assert sources(own) != before[0]
    # What is kept has the sketches that the case names.
    assert sources(dataclasses.replace(built_in, computed_parameters=("unet/*",))) != before[1]


def test_the_code_of_harness_that_a_case_is_made_from_is_all_that_a_worker_imports():
    code = (
        "import sys, harness.execution.worker, harness.kernels, harness.pipelines.registry; "
        "print(*(sys.modules[name].__file__ for name in sys.modules if name.startswith('harness.')))"
    )
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    package = Path(harness.__file__).parent
    files = [Path(name).relative_to(package) for name in imported.split()]
    assert Path("cases/job.py") in files
    assert Path("kernels/windows.py") in files
    # A package's own file says what it is for, and nothing else.
    assert [file for file in files if file.name != "__init__.py" and not is_workers_side(file)] == []
