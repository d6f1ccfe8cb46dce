"""`harness power` on the real core: what it says of a case is what a run with the fault in it shows."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from user_project import heed_interrupts

from harness.baselines.store import BaselineStore
from harness.cases.selection import select
from harness.execution.pool import RunnerPool
from harness.execution.runner import Runner
from harness.faults.catalogue import FAULTS, fault
from harness.judgement.judgement import Verdict
from harness.judgement.power.case_power import PowerReport
from harness.judgement.power.detection import with_output_fault
from harness.judgement.tiers import Tier
from harness.judgement.verdicts import judge
from harness.operations.calibrate import Settings, calibrate_case
from harness.reporting.reasons import text_of

# Some of every family, with sizes and without, runs and none.
SOME = ("extra-draw", "beta-end", "variance-type", "weight-scaled", "patch")


@pytest.fixture(scope="module")
def kept_calibrated(kept_digits, tmp_path_factory):
    made = kept_digits.copy(tmp_path_factory.mktemp("power") / "project")
    store = BaselineStore(made.root / "baselines")
    with RunnerPool(Runner) as pool:
        for case in select([str(made.root / "suites" / "builtin.yaml")]).cases:
            calibrate_case(case, pool, store, Settings(3, 2.0)).kept.clear()
    return made


@pytest.fixture
def calibrated(kept_calibrated, tmp_path):
    """The project of the digits with the two cases of its suite `builtin` calibrated, `local` not."""
    return kept_calibrated.copy(tmp_path / "project")


def faults(*names):
    return [argument for name in names for argument in ("--fault", name)]


def power(project, *arguments):
    return sound(project.harness("power", *arguments))


def sound(done):
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    return done


def written(project, name="power.json"):
    return PowerReport.from_dict(json.loads((project.root / name).read_text()))


def found(report, case):
    (one,) = (each for each in report.cases if each.case_id == case)
    return {each.name: each for each in one.faults}


# Absent in the pipeline, beside what a case of one image of one channel has not got.
ABSENT = {"ddim": {"variance-type"}, "ddpm": {"eta", "final-alpha"}}


@pytest.mark.parametrize("name", ["ddim", pytest.param("ddpm", marks=pytest.mark.slow)])
def test_the_whole_catalogue_at_its_reference_sizes(calibrated, name):
    before = calibrated.baselines()
    files = ("--json", "power.json", "--picture", "power.svg")
    done = power(calibrated, f"suites/builtin.yaml::{name}", "--quick", "-n", "2", *files)
    assert done.returncode == 0, done.stdout + done.stderr
    assert calibrated.baselines() == before
    assert (calibrated.root / "power.svg").read_text().rstrip().endswith("</svg>")
    report = written(calibrated)
    assert report.faults == tuple(each.name for each in FAULTS)
    assert [(case.case_id, case.vacuous, case.refusal) for case in report.cases] == [(name, False, None)]
    case = found(report, name)
    assert not [each for each in case.values() if each.outcome == "failed"]
    absent = {each.name for each in case.values() if each.outcome == "not applicable"}
    assert absent == {"channel-order", "shared-generator", "channel-swap"} | ABSENT[name]
    if name == "ddim":
        told = text_of(case["variance-type"].why)
        assert told == "only DDPM has it, the pipeline runs DDIMScheduler"
    # What the ledger and the schedule cannot see is caught by the numbers.
    for each in ("weight-scaled", "weights-half", "norm-eps", "skip-dropped", "beta-end", "noise-scaled"):
        assert case[each].outcome == "caught", each
        assert case[each].numbers_alone
        assert case[each].margin > 1
    assert case["extra-draw"].by == "ledger"
    assert case["timestep-off-by-one"].by == "schedule"
    assert f"builtin/{name}  across releases: calibrated, 2 x 3 members" in done.stdout
    assert done.stdout.rstrip().endswith("1 examined")


@pytest.mark.slow
def test_the_smallest_size_caught_is_caught_and_the_one_below_is_missed(calibrated):
    """Judged once more, by other code: the very sizes of the record, run in another worker."""
    sized = ("noise-scaled", "alpha-of-one-step", "weight-scaled", "norm-eps", "gamma")
    done = power(calibrated, "suites/builtin.yaml::ddim", *faults(*sized), "--json", "power.json")
    assert done.returncode == 0, done.stdout + done.stderr
    (case,) = select([str(calibrated.root / "suites" / "builtin.yaml::ddim")]).cases
    baseline = BaselineStore(calibrated.root / "baselines").load("builtin", "ddim", "cpu")
    with Runner() as runner:
        sound = runner.run(case.job())

        def caught(name, size):
            known = fault(name)
            if known.family == "output":
                measurement = with_output_fault(sound, known, size)
            else:
                measurement = runner.run(case.job().with_fault(known.name, size))
            return judge(case, measurement, baseline, tier=Tier.ACROSS_RELEASES).verdict is Verdict.DRIFT

        for name, each in found(written(calibrated), "ddim").items():
            assert each.missed_at < each.caught_from <= 1.25 * each.missed_at, name
            assert each.caught_from < each.reference
            assert caught(name, each.caught_from), name
            assert not caught(name, each.missed_at), name


@pytest.mark.slow
def test_side_by_side_is_the_same_as_one_after_the_other(calibrated):
    for n in ("1", "2"):
        done = power(calibrated, "suites/builtin.yaml::ddim", "-n", n, *faults(*SOME), "--json", f"{n}.json")
        assert done.returncode == 0, done.stdout + done.stderr
    one, two = written(calibrated, "1.json"), written(calibrated, "2.json")
    assert dataclasses.replace(one, date="") == dataclasses.replace(two, date="")
    assert [each.name for each in one.cases[0].faults] == list(SOME)


def test_a_case_that_cannot_be_examined_fails_and_the_others_are_examined(calibrated):
    calibrated.edit("suites/builtin.yaml", "id: ddpm, pipeline: ddpm", "id: ddpm, pipeline: ddpm, steps: 5")
    done = power(calibrated, "suites/", *faults("patch"), "--json", "power.json")
    assert done.returncode == 2
    stale, examined, uncalibrated = (
        next(line for line in done.stdout.splitlines() if f" {name}: " in line or line.startswith(name))
        for name in ("builtin/ddpm", "builtin/ddim", "local/ddim")
    )
    assert stale.startswith("not examined  builtin/ddpm: the case was edited since")
    assert "harness record suites/builtin.yaml::ddpm --baseline-dir baselines" in stale
    assert "across releases: calibrated" in examined
    assert "is not calibrated" in uncalibrated
    assert "harness calibrate suites/local.yaml::ddim --baseline-dir baselines" in uncalibrated
    assert done.stdout.rstrip().endswith("1 examined, 2 not examined")
    refusals = {case.name: case.refusal for case in written(calibrated).cases}
    assert [name for name, refusal in refusals.items() if refusal is None] == ["builtin/ddim"]


def test_a_case_without_a_baseline_says_what_to_type(calibrated):
    shutil.rmtree(calibrated.root / "baselines" / "builtin" / "ddim")
    done = sound(calibrated.command("power", "suites/builtin.yaml::ddim"))
    assert done.returncode == 2
    assert "harness record suites/builtin.yaml::ddim --baseline-dir baselines" in done.stdout


def test_limits_that_hide_everything_are_vacuous(calibrated):
    calibrated.edit(
        "suites/local.yaml", "steps: 4}", "steps: 4, tolerance: {across_releases: {max_abs: 100}}}"
    )
    done = power(calibrated, "suites/local.yaml", "--quick", "--json", "power.json")
    assert done.returncode == 1
    assert "vacuous  local/ddim: at its tolerance across releases it passes each of 7 faults" in done.stdout
    assert done.stdout.rstrip().endswith("1 examined, 1 vacuous")
    (case,) = written(calibrated).cases
    assert case.vacuous
    # What the host does after the last step is judged whatever the tolerance.
    assert case.blind == ("model",)
    # Exact facts still catch: that is not what makes a tolerance.
    assert found(written(calibrated), "ddim")["extra-draw"].outcome == "caught"
    assert {each.family for each in case.faults if each.numbers_alone} <= {"output"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fault", "wieght-scaled"], "unknown fault 'wieght-scaled': did you mean weight-scaled?"),
        (["--json", "nowhere/power.json"], "nowhere/power.json: cannot be written: No such file"),
        (["--json", "suites"], "suites: this is a folder"),
        (["--picture", "power.jpg"], "power.jpg: the picture must be a .png or .svg"),
        (["--picture", "nowhere/power.png"], "nowhere/power.png: cannot be written"),
        (["-n", "0"], "-n"),
    ],
)
def test_wrong_usage_is_found_before_anything_runs(calibrated, arguments, message):
    # An interpreter that is none would be the next thing to fail.
    done = sound(calibrated.command("power", "suites/", "--python", "no-such-python", *arguments))
    assert done.returncode == 4
    assert message in done.stderr
    assert "no-such-python" not in done.stderr


def test_an_interrupted_examination_leaves_nothing_half_written(project):
    project.suite(
        "slow",
        """\
suite: slow
cases:
  - id: ddim
    pipeline: pipelines:ddim_that_waits
    checkpoint: builtin:ddpm-digits
    seed: 0
    steps: 2
    tolerance: {across_releases: {max_abs: 1.0e-4}}
""",
    )
    project.keep_baselines()
    began = project.root / "began"
    (project.root / "power.json").write_text("the one before")
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", "power", "suites/slow.yaml", "--json", "power.json", "-n", "2"],
        cwd=project.root,
        env={**project.environment, "TEST_BEGAN": str(began)},
        preexec_fn=heed_interrupts,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (began.exists() and began.read_text()) and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted: no file was written" in errors
    assert "Traceback" not in errors
    assert (project.root / "power.json").read_text() == "the one before"
    assert not list(project.root.glob("power.json.*"))
    with pytest.raises(ProcessLookupError):
        os.kill(int(began.read_text()), 0)
