"""`harness calibrate` with real processes: what it stores, what it says, what judging makes of it."""

import dataclasses
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from user_project import Project, heed_interrupts

from harness.baselines.store import BaselineStore
from harness.cases.load import load_suite
from harness.judgement.judgement import Verdict
from harness.judgement.verdicts import judge
from harness.measurement.statistics import summarise

DIGITS = """\
suite: digits
defaults: {pipeline: ddim, checkpoint: "builtin:ddpm-digits", seed: 0}
cases:
  - {id: two, steps: 2}
"""


def test_recorded_and_calibrated_and_nothing_changes_without_need(tmp_path):
    project = Project(tmp_path / "digits")
    project.suite("digits", DIGITS)
    done = project.harness("record", "suites/", "--calibrate", "--members", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 written below baselines" in done.stdout
    assert re.search(r"digits/two +3 +2 +\d(\.\d)?e-0[78] ", done.stdout), done.stdout
    assert "1 calibrated\n" in done.stdout
    stored = store_of(project).load("digits", "two", "cpu")
    assert stored.calibration.members == (1, 2, 3)
    assert len(stored.calibration.steps) == 2
    # One ulp of float32 noise, a little grown.
    assert 3e-8 < stored.calibration.steps[0].largest < 1e-6
    assert stored.calibration.chaos is None
    before = project.baselines()
    assert len(before) == 2

    again = project.harness("calibrate", "suites/", "--members", "3")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "unchanged" in again.stdout
    assert project.baselines() == before

    wider = project.harness("calibrate", "suites/", "--members", "3", "--factor", "4")
    assert wider.returncode == 0, wider.stdout + wider.stderr
    after = store_of(project).load("digits", "two", "cpu")
    assert after.calibration.factor == 4
    assert after.calibration.metrics == stored.calibration.metrics
    assert after.provenance == stored.provenance


def store_of(project):
    return BaselineStore(project.root / "baselines")


KINDS = """\
suite: kinds
defaults: {seed: 0, steps: 6}
cases:
  - {id: bounded, pipeline: "pipelines:logistic"}
  - {id: chaotic, pipeline: "pipelines:logistic", steps: 40}
  - {id: chaotic-strict, pipeline: "pipelines:logistic", steps: 40, strict: true}
  - {id: integers, pipeline: "pipelines:integers_only"}
  - {id: jumping, pipeline: "pipelines:jumping"}
  - id: loose
    pipeline: pipelines:logistic
    tolerance: {across_releases: {relative_l2: 0.9}, across_devices: {statistics: 1.0e-12}}
  - {id: quantised, pipeline: "pipelines:quantised"}
  - {id: unrecorded, pipeline: "pipelines:sound"}
  - {id: two-answers, pipeline: "pipelines:two_answers"}
"""


class TestWhatCanBeWrongWithACase:
    """One calibration of a case of each kind; every one is told what it is, and none stops the others."""

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def calibrated(cls, tmp_path_factory):
        project = Project(tmp_path_factory.mktemp("kinds"))
        project.suite("kinds", KINDS.replace("  - {id: unrecorded", "  # - {id: unrecorded"))
        project.keep_baselines()
        project.suite("kinds", KINDS)
        cls.project = project
        cls.done = project.harness("calibrate", "suites/", "-n", "2", "--members", "8")

    def told(self, case):
        return [line for line in self.done.stdout.splitlines() if f"kinds/{case}: " in line]

    def row(self, case):
        (line,) = (line for line in self.done.stdout.splitlines() if line.startswith(f"kinds/{case} "))
        return line

    def test_the_command_fails_without_a_traceback_and_counts(self):
        assert self.done.returncode == 1
        assert "Traceback" not in self.done.stdout + self.done.stderr
        assert self.done.stdout.splitlines()[-1] == "6 calibrated, 4 failed"
        assert not (self.project.root / "baselines" / ".members" / "kinds" / "bounded").exists()

    def test_a_sound_case_has_nothing_to_be_told(self):
        assert self.told("bounded") == []
        assert self.row("bounded").endswith("  new")

    def test_chaos_is_told_with_its_step_and_fails(self):
        (told,) = self.told("chaotic")
        # From 1e-7 to 0.05, twice as large at every step: about 19.
        step = int(re.search(r"^failed .* chaotic from step (\d+) on \(of 0 to 39\)", told)[1])
        assert 12 < step < 26
        assert f"the {step} steps before it are gated" in told
        assert " none " in self.row("chaotic")

    def test_chaos_of_a_strict_case_is_a_note(self):
        chaos, earned = self.told("chaotic-strict")
        assert chaos.startswith("note ")
        assert "chaotic from step" in chaos
        assert earned.startswith("note ")
        assert "strict" in earned

    def test_a_case_with_nothing_to_perturb_is_refused(self):
        (told,) = self.told("integers")
        assert told.startswith("refused ")
        assert "draws no floating-point noise" in told
        assert "explicit limits" in told

    def test_a_case_that_never_comes_back_near_its_baseline_is_refused(self):
        (told,) = self.told("jumping")
        assert told.startswith("refused ")
        assert "none of 8 runs" in told

    def test_odd_limits_are_noted_with_their_numbers(self):
        loose, tight = self.told("loose")
        assert "note  kinds/loose: across_releases: the limit 0.9 on relative_l2 is loose" in loose
        assert "note  kinds/loose: across_devices: the limit 1e-12 on statistics is tight" in tight

    def test_an_output_that_keeps_its_bits_is_noted(self):
        told = self.told("quantised")
        assert any("note " in line and "bitwise stable" in line for line in told)
        assert self.row("quantised").split()[3:5] == ["0", "0"]

    def test_a_case_that_is_not_recorded_says_what_to_type(self):
        (told,) = self.told("unrecorded")
        assert "harness record suites/kinds.yaml::unrecorded --baseline-dir baselines" in told

    def test_two_answers_are_told_as_modes(self):
        modes, needed = self.told("two-answers")
        assert modes.startswith("note ")
        assert re.search(r"2 modes: [2-8] of 9 runs agree with the baseline", modes)
        assert needed.startswith("note ")
        assert "strict" in needed

    def test_notes_alone_are_a_success(self):
        done = self.project.harness("calibrate", "suites/kinds.yaml::quantised", "--members", "2")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "note " in done.stdout
        assert done.stdout.splitlines()[-1] == "1 calibrated"


@pytest.mark.slow
def test_what_a_recording_costs_of_its_calibration_is_told_with_the_command(tmp_path):
    project = Project(tmp_path / "edited")
    text = 'suite: edited\ncases:\n  - {id: a, pipeline: "pipelines:logistic", seed: 0, steps: 6}\n'
    project.suite("edited", text)
    project.record("--calibrate", "--members", "2")
    project.suite("edited", text.replace("steps: 6", "steps: 5"))
    command = "harness record suites/edited.yaml::a --baseline-dir baselines --calibrate --reason"
    assert command in project.pytest("suites/", "--baseline-dir", "baselines").stdout
    kept = project.harness("record", "suites/")
    assert "--calibrate" in kept.stdout
    assert store_of(project).load("edited", "a", "cpu").calibration is not None

    done = project.harness("record", "suites/", "--reason", "fewer steps")
    assert done.returncode == 0, done.stdout + done.stderr
    told = (
        "edited/a: its calibration was discarded with the old baseline; calibrate it again: harness "
        "calibrate "
    )
    assert told in done.stdout
    project.suite("edited", text)
    project.record("--calibrate", "--members", "2", "--reason", "as before")
    assert store_of(project).load("edited", "a", "cpu").calibration is not None
    assert "is gone" not in project.harness("record", "suites/").stdout


LIMITS = """\
suite: limits
defaults: {pipeline: "pipelines:logistic", seed: 0, steps: 8}
cases:
  - {id: release}
  - {id: same, tolerance: {same_environment: calibrated}}
"""


def test_drift_is_told_from_rounding_at_the_limit(tmp_path):
    """A baseline as of another release, and a case that asks for calibrated limits in the same one."""
    project = Project(tmp_path / "limits")
    project.suite("limits", LIMITS)
    project.keep_baselines()
    store = store_of(project)
    for name, release in (("release", {"mindspore": "2.0.0"}), ("same", {})):
        baseline = store.load("limits", name, "cpu")
        fingerprint = {**baseline.measurement.fingerprint, **release}
        # What is added at the end is to be judged by the limits of the case, not by itself.
        measurement = dataclasses.replace(baseline.measurement, fingerprint=fingerprint, host=None)
        store.write(dataclasses.replace(baseline, measurement=measurement))

    done = project.harness("calibrate", "suites/", "--members", "4")
    assert done.returncode == 0, done.stdout + done.stderr

    case = load_suite(project.root / "suites" / "limits.yaml").cases[0]
    smallest = smallest_drift(case, store.load("limits", "release", "cpu"))
    assert 1e-7 < smallest < 1e-3
    for times, verdict in ((0.9, "within"), (1.1, "drift")):
        project.environment["TEST_OFFSET"] = repr(smallest * times)
        found = project.compare()
        assert found.verdicts == {"limits/release": verdict, "limits/same": verdict}, smallest
        assert found.tiers == {"limits/release": "across_releases", "limits/same": "same_environment"}
    assert "limits exceeded" in found.explanation("limits/same")


def smallest_drift(case, baseline):
    """Return the smallest number that makes drift when it is added to the output, by bisection."""
    within, drift = 0.0, 1.0
    while drift / max(within, 1e-12) > 1.01:
        middle = np.sqrt(max(within, 1e-12) * drift)
        output = baseline.measurement.output + np.float32(middle)
        shifted = dataclasses.replace(
            baseline.measurement,
            output=output,
            statistics=summarise(output),
            fingerprint={**baseline.measurement.fingerprint, "mindspore": "2.0.1"},
        )
        if judge(case, shifted, baseline).verdict is Verdict.DRIFT:
            drift = float(middle)
        else:
            within = float(middle)
    return drift


# By day: campaigns/test_kills.py and operations/test_calibration_run.py, whose runs are prepared.
@pytest.mark.slow
def test_an_interrupted_calibration_goes_on_where_it_stopped(tmp_path):
    """Interrupt from the keyboard in the third member of the second of two cases."""
    project = Project(tmp_path / "counted")
    runs = tmp_path / "runs"
    project.environment["TEST_RUNS"] = str(runs)
    suite = "suite: counted\ndefaults: {pipeline: 'pipelines:counted', seed: 0, steps: 2}\n"
    project.suite("counted", f"{suite}cases:\n  - id: first\n  - id: second\n")
    # The baselines are made in this process: its workers have its environment.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEST_RUNS", str(runs))
        project.keep_baselines()
    before = project.baselines()
    runs.write_text("")
    command = ["calibrate", "suites/", "--members", "4"]
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", *command],
        cwd=project.root,
        env={**project.environment, "TEST_WAIT_AT": "12"},
        preexec_fn=heed_interrupts,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    kept = project.root / "baselines" / ".members" / "counted" / "second" / "cpu" / "2.safetensors"
    while not (len(runs.read_text().splitlines()) == 12 and kept.exists()) and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted: finished runs are kept, and the same command continues from there" in errors
    assert "Traceback" not in errors
    with pytest.raises(ProcessLookupError):
        os.kill(int(runs.read_text().split()[-1]), 0)
    changed = project.baselines()
    assert {path for path in before if changed[path] != before[path]} == {
        str(project.root / "baselines" / "counted" / "first" / f"cpu.{kind}")
        for kind in ("json", "safetensors")
    }
    # Nothing that is kept is one of the baselines.
    listed = project.command("list", "suites/", "--check")
    assert listed.stdout.count("cpu: ok") == 2
    assert listed.returncode == 0

    runs.write_text("")
    done = project.harness(*command)
    assert done.returncode == 0, done.stdout + done.stderr
    # Each case three times as it is, and the two members of the second that had not run.
    assert len(runs.read_text().splitlines()) == 8
    assert "2 calibrated" in done.stdout
    assert not (project.root / "baselines" / ".members").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["calibrate", "--members", "1"], "1 member cannot show a spread"),
        (["calibrate", "--members", "-2"], "-2 members"),
        (["calibrate", "--factor", "0.5"], "give 1 or more"),
        (["calibrate", "--factor", "nan"], "give 1 or more"),
        (["calibrate", "--factor", "inf"], "nothing exceeds"),
        (["calibrate", "-n", "0"], "-n"),
        (["record", "--calibrate", "--members", "1"], "1 member"),
    ],
)
def test_wrong_usage_is_exit_code_4_before_anything_runs(project, arguments, message):
    done = project.command(*arguments, "suites/")
    assert done.returncode == 4
    assert message in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert not (project.root / "baselines").exists()


@pytest.mark.slow
def test_random_weights_are_told_as_chaotic_with_their_step(tmp_path):
    project = Project(tmp_path / "random")
    project.suite(
        "random",
        "suite: random\ncases:\n  - id: thirty\n    pipeline: ddim\n    seed: 0\n    steps: 30\n"
        "    checkpoint: seeded:ddpm-cifar10-32-random\n    mode: graph\n",
    )
    project.keep_baselines()
    done = project.harness("calibrate", "suites/", "--members", "2")
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"failed  random/thirty: chaotic from step \d+ on \(of 0 to 29\)", done.stdout), (
        done.stdout
    )
